package poetest

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// NotifyPort sends pethPsePortOnOffNotification about a port to addr, a
// "host:port", as it is now. Nobody says whether it came.
func (a *Agent) NotifyPort(ctx context.Context, addr, name string) error {
	p, err := a.Switch.Port(ctx, name)
	if err != nil {
		return fmt.Errorf("poetest: notify: %w", err)
	}
	a.mu.Lock()
	index := a.index[name]
	a.mu.Unlock()
	if index == nil {
		return fmt.Errorf("poetest: notify: the agent does not serve port %q", name)
	}
	return a.notify(ctx, addr, 1, snmpx.Var{OID: pethPsePort.Append(6).Append(index...), Value: snmpx.Integer(int32(p.Detection))})
}

// NotifyUsage sends pethMainPowerUsageOnNotification about the first supply to
// addr if high, and pethMainPowerUsageOffNotification if not.
func (a *Agent) NotifyUsage(ctx context.Context, addr string, high bool) error {
	budgets, err := a.Switch.Budgets(ctx)
	if err != nil {
		return fmt.Errorf("poetest: notify: %w", err)
	}
	kind := uint32(3)
	if high {
		kind = 2
	}
	used := budgets[0].Used.Milliwatts / a.groupUnit()
	return a.notify(ctx, addr, kind, snmpx.Var{
		OID: pethMainPse.Append(4, uint32(budgets[0].Group)), Value: snmpx.Gauge32(uint32(used)),
	})
}

// groupUnit is how many milliwatts pethMainPseConsumptionPower counts as 1.
func (a *Agent) groupUnit() int64 {
	if a.GroupMilliwatts {
		return 1
	}
	return 1000
}

func (a *Agent) notify(ctx context.Context, addr string, kind uint32, v snmpx.Var) error {
	community := a.NotifyCommunity
	if community == "" {
		community = "public"
	}
	n := snmptest.Notification{
		Community: community, Uptime: a.uptime(), OID: snmpx.OID{1, 3, 6, 1, 2, 1, 105, 0, kind}, Vars: []snmpx.Var{v},
	}
	return n.Trap(ctx, addr)
}
