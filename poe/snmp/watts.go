package snmp

import (
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// watts is where a vendor has the power of a port, beside the rows of RFC 3621.
type watts struct {
	// columns have the same index as pethPsePortTable. A switch has them if it
	// has the first.
	columns []snmpx.OID
	// power makes of their values the power of a port.
	power func(v []snmpx.Value) poe.Power
}

// wattsOf returns where a vendor's switches may have the power, the best place
// first. None of RFC 3621's objects is one.
func wattsOf(v Vendor) []watts {
	switch v {
	case Cisco:
		return []watts{{[]snmpx.OID{cpeExtPsePortConsumption, cpeExtPsePortMaxDrawn}, ciscoPower}}
	case CiscoSB:
		return []watts{milliwatts(rlPethPsePortOutputPower)}
	case ArubaS:
		return []watts{milliwatts(hpicfPoePortActualPower), milliwatts(hpicfPoePortPower)}
	case ArubaCX:
		return []watts{milliwatts(arubaWiredPoePowerDrawn)}
	case Fastpath, Netgear, Dell, Force10:
		return fastpathWatts(v)
	case Comware:
		return []watts{milliwatts(hh3cPsePortCurrentPower)}
	}
	return nil
}

// fastpathRoot is where one vendor hangs Broadcom's tree.
type fastpathRoot struct {
	vendor Vendor
	root   snmpx.OID
	unit   int64 // milliwatts for each 1 of agentPethOutputPower
}

// fastpathRoots are those that are known. The MIB of each says milliwatts of the
// output, though those of 4526.1.9 and 6027.1.3.1 have the limit beside it in
// watts: a new root needs its own look.
var fastpathRoots = [...]fastpathRoot{
	{Fastpath, snmpx.OID{1, 3, 6, 1, 4, 1, 4413, 1, 1}, 1},
	{Netgear, snmpx.OID{1, 3, 6, 1, 4, 1, 4526, 10}, 1}, // managed
	{Netgear, snmpx.OID{1, 3, 6, 1, 4, 1, 4526, 11}, 1}, // smart
	{Netgear, snmpx.OID{1, 3, 6, 1, 4, 1, 4526, 1, 9}, 1},
	{Dell, snmpx.OID{1, 3, 6, 1, 4, 1, 674, 10895, 5000, 2, 6132, 1, 1}, 1},
	{Force10, snmpx.OID{1, 3, 6, 1, 4, 1, 6027, 1, 3, 1}, 1},
}

func fastpathWatts(v Vendor) []watts {
	var all []watts
	for _, r := range fastpathRoots {
		if r.vendor == v {
			agentPethOutputPower := r.root.Append(15, 1, 1, 1, 2)
			all = append(all, measured(agentPethOutputPower, r.unit))
		}
	}
	return all
}

func milliwatts(column snmpx.OID) watts { return measured(column, 1) }

// measured is a column that holds a measurement, in units of so many milliwatts.
func measured(column snmpx.OID, unit int64) watts {
	return watts{
		columns: []snmpx.OID{column},
		power: func(v []snmpx.Value) poe.Power {
			n, ok := v[0].Int64()
			if !ok || n < 0 {
				return poe.Power{}
			}
			return poe.Power{Milliwatts: n * unit, Kind: poe.PowerMeasured}
		},
	}
}

// ciscoPower tells a measurement from an allocation. Models that cannot measure
// answer cpeExtPsePortPwrConsumption with what they set aside, 15400 for each
// class 0 device, and show by a cpeExtPsePortMaxPwrDrawn of 0 that they have seen
// no power.
func ciscoPower(v []snmpx.Value) poe.Power {
	n, ok := v[0].Int64()
	if !ok {
		return poe.Power{}
	}
	if drawn, _ := v[1].Int64(); drawn > 0 {
		return poe.Power{Milliwatts: n, Kind: poe.PowerMeasured}
	}
	return poe.Power{Milliwatts: n, Kind: poe.PowerAllocated}
}

// orClass returns p, or where it is not known what the device's class says.
func orClass(p poe.Power, s poe.PortStatus) poe.Power {
	switch {
	case p.Kind != poe.PowerUnknown:
		return p
	case s.Detection == poe.DetectionDelivering:
		return poe.ClassMax(s.Class)
	}
	return poe.Power{}
}
