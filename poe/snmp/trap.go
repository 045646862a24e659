package snmp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// TrapConfig says whose notifications are taken. Those of others are dropped.
type TrapConfig struct {
	Communities []Secret // of SNMPv2c; empty takes none
	Users       []V3     // of SNMPv3, of different names; EngineID may pin the switch
	// EngineID is our own, to which switches send informs of SNMPv3: 5 to 32
	// octets, the same at each start. Empty takes none.
	EngineID []byte
	// Switch returns the switch at an address, so that events name the port; nil,
	// or a nil one, leaves Event.Port empty and the row in Event.Status.Index.
	Switch func(from netip.Addr) *Switch
	// Dropped is called for each message that is not taken, with the reason.
	Dropped func(from netip.AddrPort, why error)
	Log     *slog.Logger // nil discards
}

// ListenTraps calls fn for each notification of RFC 3621 that comes in on conn,
// one after the other, until ctx ends: of a port that began or stopped to
// deliver, or faulted, and of a supply whose use went above its threshold or
// fell below it. Informs are acknowledged. It closes conn.
//
// A community crosses the network in clear, and its sender's address is easy
// to forge: take such an event as a reason to look, not as the truth.
func ListenTraps(ctx context.Context, conn net.PacketConn, c TrapConfig, fn func(poe.Event)) error {
	x := snmpx.TrapConfig{EngineID: c.EngineID, Dropped: c.Dropped, Log: c.Log}
	for _, community := range c.Communities {
		x.Communities = append(x.Communities, snmpx.Secret(community))
	}
	for _, user := range c.Users {
		x.Users = append(x.Users, user.internal())
	}
	err := snmpx.ListenTraps(ctx, conn, x, func(t snmpx.Trap) {
		if e, ok := event(t, c.Switch); ok {
			fn(e)
		}
	})
	if err != nil {
		return fmt.Errorf("snmp: %w", err)
	}
	return nil
}

// What comes after pethNotifications.
const (
	portOnOff = 1 // pethPsePortOnOffNotification: pethPsePortDetectionStatus
	usageOn   = 2 // pethMainPowerUsageOnNotification: pethMainPseConsumptionPower
	usageOff  = 3 // pethMainPowerUsageOffNotification: the same
)

// event makes an event of a notification; ok is false for those of other MIBs,
// and for those that lack what they have to have.
func event(t snmpx.Trap, lookup func(netip.Addr) *Switch) (e poe.Event, ok bool) {
	if len(t.OID) != len(pethNotifications)+1 || !t.OID.HasPrefix(pethNotifications) {
		return e, false
	}
	from := t.From.Addr().Unmap()
	var s *Switch
	if lookup != nil {
		s = lookup(from)
	}
	e = poe.Event{At: time.Now(), Switch: from.String(), Notice: true}
	switch t.OID[len(t.OID)-1] {
	case portOnOff:
		ok = portEvent(&e, t.Vars, s)
	case usageOn:
		e.Kind = poe.EventBudgetHigh
		ok = budgetEvent(&e, t.Vars, s)
	case usageOff:
		e.Kind = poe.EventBudgetNormal
		ok = budgetEvent(&e, t.Vars, s)
	}
	return e, ok
}

func portEvent(e *poe.Event, vars []snmpx.Var, s *Switch) bool {
	for _, v := range vars {
		row, ok := below(v.OID, pethPsePortDetection)
		if !ok || len(row) != 2 {
			continue
		}
		d := detection(v.Value)
		e.Status = poe.PortStatus{Index: row.String(), Detection: d, Class: -1, At: e.At}
		switch {
		case d == poe.DetectionDelivering:
			e.Kind = poe.EventPowerOn
		case d.Fault():
			e.Kind = poe.EventFault
		case d == poe.DetectionUnknown:
			return false
		default:
			e.Kind = poe.EventPowerOff
		}
		if s != nil {
			s.name(e)
		}
		return true
	}
	return false
}

// name says which port an event is about.
func (s *Switch) name(e *poe.Event) {
	if p := s.ports.Load().rows[e.Status.Index]; p != nil {
		e.Port, e.Status.Name = p.name, p.name
		e.Status.IfIndex, e.Status.Alias = int(p.ifIndex), p.alias
	}
}

func budgetEvent(e *poe.Event, vars []snmpx.Var, s *Switch) bool {
	for _, v := range vars {
		group, ok := below(v.OID, pethMainPseConsumption)
		if !ok || len(group) != 1 {
			continue
		}
		e.Budget = poe.Budget{Group: int(group[0]), Used: s.used(v.Value, s.unit())}
		return true
	}
	return false
}

// below returns what an object has after a column.
func below(o, column snmpx.OID) (snmpx.OID, bool) {
	if !o.HasPrefix(column) {
		return nil, false
	}
	return o[len(column):], true
}
