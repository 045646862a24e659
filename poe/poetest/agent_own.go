package poetest

import (
	"context"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// Values of snAgentPoePortControl.
const (
	foundryDisable = 2
	foundryEnable  = 3
	foundryLegacy  = 4
)

// foundry makes FOUNDRY-POE-MIB: snAgentPoePortTable and the capacity of the
// whole.
func (a *Agent) foundry(ctx context.Context, rows []row) {
	poeGroup := enterprises.Append(1991, 1, 1, 2, 14)
	port := poeGroup.Append(2, 2, 1)
	names := map[uint32]string{}
	for _, r := range rows {
		names[r.ifIndex] = r.name
		a.engine.Set(port.Append(1, r.ifIndex), snmpx.Integer(int32(r.ifIndex)))
		a.computed(port.Append(2, r.ifIndex), r.name, func(s poe.PortStatus) snmpx.Value {
			if !s.Admin {
				return snmpx.Integer(foundryDisable)
			}
			return snmpx.Integer(a.mode(s.Name, foundryEnable))
		})
		a.computed(port.Append(3, r.ifIndex), r.name, func(s poe.PortStatus) snmpx.Value {
			return snmpx.Integer(int32(poe.ClassMax(s.Class).Milliwatts))
		})
		a.computed(port.Append(4, r.ifIndex), r.name, func(s poe.PortStatus) snmpx.Value { return snmpx.Integer(int32(max(s.Class, 0))) })
		a.computed(port.Append(5, r.ifIndex), r.name, func(s poe.PortStatus) snmpx.Value { return snmpx.Integer(int32(s.Priority)) })
		a.computed(port.Append(6, r.ifIndex), r.name, func(s poe.PortStatus) snmpx.Value { return snmpx.Integer(int32(s.Power.Milliwatts)) })
	}
	control := port.Append(2)
	a.engine.Writable(control, snmptest.Hook{
		Check: snmptest.OneOf(foundryDisable, foundryEnable, foundryLegacy),
		Commit: func(o snmpx.OID, v snmpx.Value) snmpx.Status {
			name := names[o[len(o)-1]]
			status := a.write(ctx, name, v.Int != foundryDisable)
			if status == snmpx.NoError && v.Int != foundryDisable {
				a.setMode(name, int32(v.Int))
			}
			return status
		},
	})
	budget := func() poe.Budget {
		if all, err := a.Switch.Budgets(ctx); err == nil && len(all) > 0 {
			return all[0]
		}
		return poe.Budget{}
	}
	a.engine.Computed(poeGroup.Append(1, 1, 0), func() snmpx.Value { return snmpx.Gauge32(uint32(budget().Nominal.Milliwatts)) })
	a.engine.Computed(poeGroup.Append(1, 2, 0), func() snmpx.Value {
		b := budget()
		return snmpx.Gauge32(uint32(max(b.Nominal.Milliwatts-b.Used.Milliwatts, 0)))
	})
}

// mikrotik makes mtxrPOETable, which nobody can write.
func (a *Agent) mikrotik(rows []row) {
	entry := enterprises.Append(14988, 1, 1, 15, 1, 1)
	for _, r := range rows {
		a.engine.Set(entry.Append(1, r.ifIndex), snmpx.Integer(int32(r.ifIndex)))
		a.engine.Set(entry.Append(2, r.ifIndex), snmpx.Text(r.name))
		a.computed(entry.Append(3, r.ifIndex), r.name, func(s poe.PortStatus) snmpx.Value { return snmpx.Integer(mtxrStatus(s)) })
		a.computed(entry.Append(4, r.ifIndex), r.name, func(s poe.PortStatus) snmpx.Value {
			if !s.Delivering() {
				return snmpx.Integer(0)
			}
			return snmpx.Integer(480) // tenths of a volt
		})
		a.computed(entry.Append(5, r.ifIndex), r.name, func(s poe.PortStatus) snmpx.Value {
			return snmpx.Integer(int32(s.Power.Milliwatts / 48)) // mA
		})
		a.computed(entry.Append(6, r.ifIndex), r.name, func(s poe.PortStatus) snmpx.Value {
			return snmpx.Integer(int32(s.Power.Milliwatts / 100)) // tenths of a watt
		})
	}
}

// mtxrStatus is mtxrPOEStatus.
func mtxrStatus(s poe.PortStatus) int32 {
	switch {
	case !s.Admin:
		return 1 // disabled
	case s.Detection == poe.DetectionDelivering:
		return 3 // poweredOn
	case s.Detection.Fault():
		return 4 // overload
	}
	return 2 // waitingForLoad
}
