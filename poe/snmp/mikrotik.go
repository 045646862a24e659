package snmp

import (
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// Values of mtxrPOEStatus. The others are faults of the supply.
const (
	mtxrDisabled       = 1
	mtxrWaitingForLoad = 2
	mtxrPoweredOn      = 3
	mtxrOverload       = 4
	mtxrShortCircuit   = 5
	mtxrPowerReset     = 8
	mtxrControllerInit = 14
)

// mikrotikLayout is mtxrPOETable, whose index is the ifIndex, and whose objects
// are all for reading.
func mikrotikLayout() layout {
	return layout{
		columns: []snmpx.OID{mtxrPOEStatus, mtxrPOEPower, mtxrPOEVoltage, mtxrPOECurrent},
		width:   1, brief: 4, power: mtxrPOEPower,
		decode: func(v []snmpx.Value) (poe.PortStatus, bool) {
			status := number(v[0])
			s := poe.PortStatus{Admin: status != mtxrDisabled, Detection: mtxrDetection(status), Class: -1}
			s.Power = mtxrPower(v[1:], s.Detection)
			return s, true
		},
	}
}

func mtxrDetection(status int64) poe.Detection {
	switch status {
	case mtxrDisabled:
		return poe.DetectionDisabled
	case mtxrWaitingForLoad, mtxrPowerReset, mtxrControllerInit:
		return poe.DetectionSearching
	case mtxrPoweredOn:
		return poe.DetectionDelivering
	case mtxrOverload, mtxrShortCircuit:
		return poe.DetectionFault
	}
	return poe.DetectionOtherFault
}

// mtxrPower is mtxrPOEPower, which counts tenths of a watt. Ports with passive
// PoE measure nothing, and answer 0 of all three while they deliver.
func mtxrPower(v []snmpx.Value, d poe.Detection) poe.Power {
	power, ok := v[0].Int64()
	if !ok || d == poe.DetectionDelivering && power == 0 && number(v[1]) == 0 && number(v[2]) == 0 {
		return poe.Power{}
	}
	return poe.Power{Milliwatts: power * 100, Kind: poe.PowerMeasured}
}
