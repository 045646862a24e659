package snmp

import (
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// Values of snAgentPoePortControl.
const (
	foundryOther   = 1 // no PoE here
	foundryDisable = 2
	foundryEnable  = 3
	foundryLegacy  = 4 // enabled, for devices older than IEEE 802.3af as well
)

// foundryLayout is snAgentPoePortTable, whose index is the ifIndex. It has no
// state of detection: a port that is on and consumes something delivers.
func foundryLayout() layout {
	return layout{
		columns: []snmpx.OID{snAgentPoePortControl, snAgentPoePortConsumed, snAgentPoePortClass, snAgentPoePortPriority},
		width:   1, brief: 4, power: snAgentPoePortConsumed,
		admin: snAgentPoePortControl, on: foundryEnable, off: foundryDisable,
		mode: snAgentPoePortControl, keep: []int32{foundryLegacy},
		decode: func(v []snmpx.Value) (poe.PortStatus, bool) {
			control := number(v[0])
			if control < foundryDisable || control > foundryLegacy {
				return poe.PortStatus{}, false
			}
			s := poe.PortStatus{Admin: control != foundryDisable, Class: -1, Priority: priority(v[3])}
			consumed, known := v[1].Int64()
			if known {
				s.Power = poe.Power{Milliwatts: consumed, Kind: poe.PowerMeasured}
			}
			switch {
			case consumed > 0:
				s.Detection = poe.DetectionDelivering
				s.Class = int(number(v[2]))
			case s.Admin:
				s.Detection = poe.DetectionSearching
			default:
				s.Detection = poe.DetectionDisabled
			}
			return s, true
		},
	}
}
