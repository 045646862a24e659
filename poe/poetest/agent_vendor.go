package poetest

import (
	"context"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// Vendor is whose switch an [Agent] looks like: its sysObjectID, how it numbers
// ports, and its tables of watts.
type Vendor string

// The vendors that package poe/snmp knows, by the names that it has for them.
const (
	VendorStandard Vendor = "standard" // RFC 3621 and no watts
	VendorCisco    Vendor = "cisco"    // rows with gaps, as a stacked Catalyst 3750 has them
	VendorCiscoSB  Vendor = "ciscosb"
	VendorArubaS   Vendor = "aruba-s"
	VendorArubaCX  Vendor = "aruba-cx"
	VendorFastpath Vendor = "fastpath"
	VendorNetgear  Vendor = "netgear"
	VendorDell     Vendor = "dell"
	VendorForce10  Vendor = "force10"
	VendorComware  Vendor = "comware"
	VendorFoundry  Vendor = "foundry"  // its own table in place of RFC 3621
	VendorMikroTik Vendor = "mikrotik" // the same, and for reading only
)

// Vendors returns all of them.
func Vendors() []Vendor {
	return []Vendor{
		VendorStandard, VendorCisco, VendorCiscoSB, VendorArubaS, VendorArubaCX, VendorFastpath, VendorNetgear,
		VendorDell, VendorForce10, VendorComware, VendorFoundry, VendorMikroTik,
	}
}

var enterprises = snmpx.OID{1, 3, 6, 1, 4, 1}

// objectID is a sysObjectID of the vendor.
func (v Vendor) objectID() snmpx.OID {
	switch v {
	case VendorCisco:
		return enterprises.Append(9, 1, 516)
	case VendorCiscoSB:
		return enterprises.Append(9, 6, 1, 1006, 48, 2)
	case VendorArubaS:
		return enterprises.Append(11, 2, 3, 7, 11, 182, 20)
	case VendorArubaCX:
		return enterprises.Append(47196, 4, 1, 1, 1, 72)
	case VendorFastpath:
		return enterprises.Append(4413)
	case VendorNetgear:
		return enterprises.Append(4526, 100, 1, 20)
	case VendorDell:
		return enterprises.Append(674, 10895, 3065)
	case VendorForce10:
		return enterprises.Append(6027, 1, 3, 20)
	case VendorComware:
		return enterprises.Append(25506, 11, 1, 181)
	case VendorFoundry:
		return enterprises.Append(1991, 1, 3, 62, 2, 1)
	case VendorMikroTik:
		return enterprises.Append(14988, 1)
	}
	return enterprises.Append(8072, 3, 2, 10)
}

// ifIndex numbers interfaces, from place 0.
func (v Vendor) ifIndex(place int) uint32 {
	switch v {
	case VendorCisco:
		return 11001 + uint32(place)
	case VendorCiscoSB:
		return 49 + uint32(place)
	}
	return 1 + uint32(place)
}

// number is how the vendor numbers rows: Cisco with the gaps of a 3750 that is
// the third of its stack, Comware by slot and port, the others by ifIndex.
func (v Vendor) number(place int, s poe.PortStatus) (group, index uint32) {
	switch v {
	case VendorCisco:
		return 3, uint32(place) + 3 + 2*uint32(place/24)
	case VendorComware, VendorStandard, "":
		return 1, uint32(place) + 1
	}
	return 1, uint32(s.IfIndex)
}

// wattColumns are those that have the index of pethPsePortTable.
func (v Vendor) wattColumns() []snmpx.OID {
	fastpath := []uint32{15, 1, 1, 1, 2} // agentPethOutputPower
	switch v {
	case VendorCiscoSB:
		return []snmpx.OID{enterprises.Append(9, 6, 1, 101, 108, 1, 1, 5)}
	case VendorArubaS:
		icf := enterprises.Append(11, 2, 14, 11, 1, 9, 1, 1, 1)
		return []snmpx.OID{icf.Append(3), icf.Append(8)}
	case VendorArubaCX:
		return []snmpx.OID{enterprises.Append(47196, 4, 1, 1, 3, 8, 1, 1, 1, 7)}
	case VendorFastpath:
		return []snmpx.OID{enterprises.Append(4413, 1, 1).Append(fastpath...)}
	case VendorNetgear:
		return []snmpx.OID{enterprises.Append(4526, 10).Append(fastpath...)}
	case VendorDell:
		return []snmpx.OID{enterprises.Append(674, 10895, 5000, 2, 6132, 1, 1).Append(fastpath...)}
	case VendorForce10:
		return []snmpx.OID{enterprises.Append(6027, 1, 3, 1).Append(fastpath...)}
	case VendorComware:
		return []snmpx.OID{enterprises.Append(25506, 2, 14, 1, 1, 5)}
	}
	return nil
}

// watts makes the vendor's columns beside those of RFC 3621.
func (a *Agent) watts(rows []row) {
	for _, column := range a.Vendor.wattColumns() {
		for _, r := range rows {
			a.computed(column.Append(r.group, r.index), r.name, milliwatts)
		}
	}
	if a.Vendor == VendorArubaS {
		implicitSave := enterprises.Append(11, 2, 14, 11, 5, 1, 7, 1, 29, 1, 11, 0)
		a.engine.Set(implicitSave, snmpx.Integer(1))
		a.engine.Writable(implicitSave, snmptest.Hook{Check: snmptest.OneOf(1, 2)})
	}
}

func milliwatts(s poe.PortStatus) snmpx.Value {
	if s.Power.Kind == poe.PowerUnknown {
		return snmpx.Gauge32(0)
	}
	return snmpx.Gauge32(uint32(s.Power.Milliwatts))
}

// Values of cpeExtPsePortEnable.
const (
	cpeAuto    = 1
	cpeLimit   = 3
	cpeDisable = 4
)

// cisco makes CISCO-POWER-ETHERNET-EXT-MIB and, in ENTITY-MIB, which row is which
// interface. RFC 3621's "true" makes a port auto, whatever it was before.
func (a *Agent) cisco(ctx context.Context, rows []row) {
	cpe := enterprises.Append(9, 9, 402, 1, 2, 1)
	entity := snmpx.OID{1, 3, 6, 1, 2, 1, 47, 1}
	names := map[string]string{} // by index
	for _, r := range rows {
		index := []uint32{r.group, r.index}
		names[snmpx.OID(index).String()] = r.name
		a.computed(cpe.Append(1).Append(index...), r.name, func(s poe.PortStatus) snmpx.Value {
			if !s.Admin {
				return snmpx.Integer(cpeDisable)
			}
			return snmpx.Integer(a.mode(s.Name, cpeAuto))
		})
		a.computed(cpe.Append(9).Append(index...), r.name, milliwatts)
		a.computed(cpe.Append(10).Append(index...), r.name, func(s poe.PortStatus) snmpx.Value {
			if s.Power.Kind != poe.PowerMeasured {
				return snmpx.Gauge32(0)
			}
			return milliwatts(s)
		})
		a.engine.Set(cpe.Append(11).Append(index...), snmpx.Integer(int32(r.phys)))
		a.engine.Set(entity.Append(1, 1, 1, 7, r.phys), snmpx.Text(r.descr))
		a.engine.Set(entity.Append(3, 2, 1, 2, r.phys, 0), snmpx.ObjectID(ifEntry.Append(1, r.ifIndex)))
	}
	a.engine.Writable(cpe.Append(1), snmptest.Hook{
		Check: snmptest.OneOf(cpeAuto, 2, cpeLimit, cpeDisable),
		Commit: func(o snmpx.OID, v snmpx.Value) snmpx.Status {
			name := names[tail(o, cpe.Append(1)).String()]
			status := a.write(ctx, name, v.Int != cpeDisable)
			if status == snmpx.NoError && v.Int != cpeDisable {
				a.setMode(name, int32(v.Int))
			}
			return status
		},
	})
}

func (a *Agent) mode(name string, otherwise int32) int32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if mode := a.modes[name]; mode != 0 {
		return mode
	}
	return otherwise
}

func (a *Agent) setMode(name string, mode int32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.modes[name] = mode
}
