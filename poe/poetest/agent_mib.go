package poetest

import (
	"context"
	"errors"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// Where the standard tables are.
var (
	sysGroup    = snmpx.OID{1, 3, 6, 1, 2, 1, 1}
	ifEntry     = snmpx.OID{1, 3, 6, 1, 2, 1, 2, 2, 1}
	ifXEntry    = snmpx.OID{1, 3, 6, 1, 2, 1, 31, 1, 1, 1}
	pethPsePort = snmpx.OID{1, 3, 6, 1, 2, 1, 105, 1, 1, 1}
	pethMainPse = snmpx.OID{1, 3, 6, 1, 2, 1, 105, 1, 3, 1, 1}
)

// Types of interfaces, and where ENTITY-MIB begins to count ports.
const (
	ethernetCsmacd = 6
	propVirtual    = 53
	physBase       = 3008
)

func (a *Agent) system() {
	a.engine.Set(sysGroup.Append(1, 0), snmpx.Text("hostkit simulated switch ("+string(a.Vendor)+")"))
	a.engine.Set(sysGroup.Append(2, 0), snmpx.ObjectID(a.Vendor.objectID()))
	a.engine.Computed(sysGroup.Append(3, 0), func() snmpx.Value { return snmpx.TimeTicks(a.uptime()) })
	a.engine.Set(sysGroup.Append(5, 0), snmpx.Text("simulated"))
}

// uptime is in hundredths of a second.
func (a *Agent) uptime() uint32 { return uint32(time.Since(a.began) / (10 * time.Millisecond)) }

// interfaces are the ports, the uplinks behind them, and a VLAN.
func (a *Agent) interfaces(rows []row) {
	var highest uint32
	for _, r := range rows {
		a.iface(r.ifIndex, r.name, r.descr, ethernetCsmacd)
		a.computed(ifXEntry.Append(18, r.ifIndex), r.name, func(s poe.PortStatus) snmpx.Value { return snmpx.Text(s.Alias) })
		highest = max(highest, r.ifIndex)
	}
	for i, name := range a.Uplinks {
		index := highest + 1 + uint32(i)
		a.iface(index, name, name, ethernetCsmacd)
		a.engine.Set(ifXEntry.Append(18, index), snmpx.Text("uplink"))
	}
	const vlan1 = 100001
	a.iface(vlan1, "Vl1", "Vlan1", propVirtual)
	a.engine.Set(ifXEntry.Append(18, vlan1), snmpx.Text(""))
}

func (a *Agent) iface(index uint32, name, descr string, kind int32) {
	a.engine.Set(ifEntry.Append(1, index), snmpx.Integer(int32(index)))
	a.engine.Set(ifEntry.Append(2, index), snmpx.Text(descr))
	a.engine.Set(ifEntry.Append(3, index), snmpx.Integer(kind))
	a.engine.Set(ifXEntry.Append(1, index), snmpx.Text(name))
}

// peth makes pethPsePortTable.
func (a *Agent) peth(ctx context.Context, rows []row) {
	names := map[string]string{} // by index
	for _, r := range rows {
		index := []uint32{r.group, r.index}
		names[snmpx.OID(index).String()] = r.name
		for column, value := range pethColumns {
			if value != nil {
				a.computed(pethPsePort.Append(uint32(column)).Append(index...), r.name, value)
			}
		}
	}
	admin := pethPsePort.Append(3)
	a.engine.Writable(admin, snmptest.Hook{
		Check: snmptest.OneOf(1, 2),
		Commit: func(o snmpx.OID, v snmpx.Value) snmpx.Status {
			name := names[tail(o, admin).String()]
			was := a.status(name).Admin
			status := a.write(ctx, name, v.Int == 1)
			if status == snmpx.NoError && v.Int == 1 && !was {
				a.setMode(name, cpeAuto)
			}
			return status
		},
	})
}

// pethColumns are the columns of pethPsePortTable.
var pethColumns = [...]func(poe.PortStatus) snmpx.Value{
	3:  func(s poe.PortStatus) snmpx.Value { return truth(s.Admin) },
	4:  func(poe.PortStatus) snmpx.Value { return truth(false) }, // PowerPairsControlAbility
	5:  func(poe.PortStatus) snmpx.Value { return snmpx.Integer(1) },
	6:  func(s poe.PortStatus) snmpx.Value { return snmpx.Integer(int32(s.Detection)) },
	7:  func(s poe.PortStatus) snmpx.Value { return snmpx.Integer(max(int32(s.Priority), 1)) },
	8:  func(s poe.PortStatus) snmpx.Value { return snmpx.Counter32(s.Counters.MPSAbsent) },
	9:  func(poe.PortStatus) snmpx.Value { return snmpx.Text("") }, // Type
	10: func(s poe.PortStatus) snmpx.Value { return snmpx.Integer(int32(max(s.Class, 0)) + 1) },
	11: func(s poe.PortStatus) snmpx.Value { return snmpx.Counter32(s.Counters.InvalidSignature) },
	12: func(s poe.PortStatus) snmpx.Value { return snmpx.Counter32(s.Counters.Denied) },
	13: func(s poe.PortStatus) snmpx.Value { return snmpx.Counter32(s.Counters.Overload) },
	14: func(s poe.PortStatus) snmpx.Value { return snmpx.Counter32(s.Counters.Short) },
}

func truth(b bool) snmpx.Value {
	if b {
		return snmpx.Integer(1)
	}
	return snmpx.Integer(2)
}

// supplies makes pethMainPseTable.
func (a *Agent) supplies(ctx context.Context) error {
	budgets, err := a.Switch.Budgets(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	for i, b := range budgets {
		group := uint32(b.Group)
		current := func() poe.Budget {
			if now, err := a.Switch.Budgets(ctx); err == nil && i < len(now) {
				return now[i]
			}
			return b
		}
		a.engine.Computed(pethMainPse.Append(2, group), func() snmpx.Value {
			return snmpx.Gauge32(uint32(current().Nominal.Milliwatts / 1000))
		})
		a.engine.Computed(pethMainPse.Append(3, group), func() snmpx.Value {
			if current().Faulty {
				return snmpx.Integer(3)
			}
			return snmpx.Integer(1)
		})
		a.engine.Computed(pethMainPse.Append(4, group), func() snmpx.Value {
			return snmpx.Gauge32(uint32(current().Used.Milliwatts / a.groupUnit()))
		})
		a.engine.Computed(pethMainPse.Append(5, group), func() snmpx.Value { return snmpx.Integer(int32(current().Threshold)) })
	}
	return nil
}

// refusal is how a switch says that it did not do as it was told.
func refusal(err error) snmpx.Status {
	switch {
	case errors.Is(err, poe.ErrNotApplied):
		return snmpx.NoError // those that do nothing do not say so
	case errors.Is(err, poe.ErrReadOnly):
		return snmpx.NotWritable
	case errors.Is(err, poe.ErrBudget):
		return snmpx.ResourceUnavailable
	}
	return snmpx.CommitFailed
}
