package poetest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// Agent serves a [poe.Switch] over SNMPv2c, as a real network switch does: with
// POWER-ETHERNET-MIB (RFC 3621), IF-MIB, ENTITY-MIB and the tables of a vendor.
// What is written to pethPsePortAdminEnable is [poe.Switch.SetAdmin], and what is
// read is what Ports and Budgets return at that moment.
//
// The fields are read when it starts to serve. Its methods may be called while it
// serves.
type Agent struct {
	// Switch is behind it, and may be one of [Switch].
	Switch poe.Switch
	// Vendor is whose tables and numbering it has; empty means VendorStandard.
	Vendor Vendor
	// Index numbers the rows of the power table: it gets the place of a port, from
	// 0, and its status, of which IfIndex is the agent's, and returns group and
	// index. Nil numbers as the vendor does.
	Index func(place int, s poe.PortStatus) (group, index uint32)
	// Uplinks are interfaces without power.
	Uplinks []string
	// The communities; empty means "public" and "private".
	ReadCommunity, WriteCommunity string
	// GroupMilliwatts makes pethMainPseConsumptionPower count milliwatts, as
	// Netgear's M4250 does, where RFC 3621 says watts.
	GroupMilliwatts bool
	// NotifyCommunity is in notifications; empty means "public".
	NotifyCommunity string

	engine snmptest.Agent
	began  time.Time

	mu    sync.Mutex                // guards what follows
	ports map[string]poe.PortStatus // as they were at the request's beginning, by name
	index map[string]snmpx.OID      // of the rows of the power table, by name
	modes map[string]int32          // how a Cisco or Foundry port gives power while it does
}

// Faults is how an agent and the network before it misbehave. The zero value is
// well behaved. Numbers between 0 and 1 are how often it happens.
type Faults struct {
	Seed        uint64        // makes chance repeat itself
	LoseRequest float64       // it is never seen
	LoseReply   float64       // it was done, and nobody hears of it
	Duplicate   float64       // the answer comes twice
	Reorder     float64       // the answer comes after the next one
	Delay       time.Duration // of each answer
	MaxVarbinds int           // a longer answer is tooBig; 0 is no limit
	IgnoreSet   bool          // a SET is accepted and changes nothing
	GenErr      bool          // every answer is genErr
}

// Start serves the agent on a free port of 127.0.0.1 until the test has ended, and
// returns its address.
func (a *Agent) Start(tb testing.TB) (addr string) {
	tb.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("poetest: listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, conn) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("%v", err)
		}
	})
	return conn.LocalAddr().String()
}

// Serve answers the requests that come in on conn, one after the other as a
// switch does, until ctx ends, which is no error. It closes conn. An Agent serves
// once.
func (a *Agent) Serve(ctx context.Context, conn net.PacketConn) error {
	ports, err := a.Switch.Ports(ctx)
	if err != nil {
		return fmt.Errorf("poetest: serve: %w", err)
	}
	a.began = time.Now()
	a.mu.Lock()
	a.modes, a.index = map[string]int32{}, map[string]snmpx.OID{}
	a.mu.Unlock()
	a.remember(ports)
	a.engine.ReadCommunity, a.engine.WriteCommunity = a.ReadCommunity, a.WriteCommunity
	a.engine.Observe = func(snmptest.Request) {
		if ports, err := a.Switch.Ports(ctx); err == nil {
			a.remember(ports)
		}
	}
	if err := a.build(ctx, ports); err != nil {
		return fmt.Errorf("poetest: serve: %w", err)
	}
	return a.engine.Serve(ctx, conn)
}

// SetFaults changes the faults, for the requests that come from now on.
func (a *Agent) SetFaults(f Faults) {
	x := snmptest.Faults{
		Seed: f.Seed, LoseRequest: f.LoseRequest, LoseReply: f.LoseReply, Duplicate: f.Duplicate, Reorder: f.Reorder,
		Delay: f.Delay, MaxVarbinds: f.MaxVarbinds, IgnoreSet: f.IgnoreSet,
	}
	if f.GenErr {
		x.Status = snmpx.GenErr
	}
	a.engine.SetFaults(x)
}

// Requests returns how many requests there were, lost ones as well.
func (a *Agent) Requests() int64 { return a.engine.Stats().Requests() }

// Sets returns how many of them were to write.
func (a *Agent) Sets() int64 { return a.engine.Stats().Set }

// remember makes ports what all objects of one answer are made of.
func (a *Agent) remember(ports []poe.PortStatus) {
	byName := make(map[string]poe.PortStatus, len(ports))
	for _, p := range ports {
		byName[p.Name] = p
	}
	a.mu.Lock()
	a.ports = byName
	a.mu.Unlock()
}

func (a *Agent) status(name string) poe.PortStatus {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ports[name]
}

// row is a port's place in the tables.
type row struct {
	name          string
	group, index  uint32
	ifIndex, phys uint32
	descr         string
}

// rows numbers the ports.
func (a *Agent) rows(ports []poe.PortStatus) []row {
	number := a.Index
	if number == nil {
		number = a.Vendor.number
	}
	rows := make([]row, len(ports))
	for i, p := range ports {
		r := row{name: p.Name, descr: p.Name, ifIndex: a.Vendor.ifIndex(i), phys: physBase + uint32(i)}
		p.IfIndex = int(r.ifIndex)
		r.group, r.index = number(i, p)
		rows[i] = r
		a.mu.Lock()
		a.index[r.name] = snmpx.OID{r.group, r.index}
		a.mu.Unlock()
	}
	return rows
}

// build makes all objects.
func (a *Agent) build(ctx context.Context, ports []poe.PortStatus) error {
	rows := a.rows(ports)
	a.system()
	a.interfaces(rows)
	switch a.Vendor {
	case VendorFoundry:
		a.foundry(ctx, rows)
		return nil
	case VendorMikroTik:
		a.mikrotik(rows)
		return nil
	}
	a.peth(ctx, rows)
	a.watts(rows)
	if a.Vendor == VendorCisco {
		a.cisco(ctx, rows)
	}
	return a.supplies(ctx)
}

// write is what a SET does: allow a port to give power or forbid it.
func (a *Agent) write(ctx context.Context, name string, on bool) snmpx.Status {
	err := a.Switch.SetAdmin(ctx, name, on)
	if err != nil {
		return refusal(err)
	}
	if ports, err := a.Switch.Ports(ctx); err == nil {
		a.remember(ports)
	}
	return snmpx.NoError
}

// computed makes an object of a port's status.
func (a *Agent) computed(o snmpx.OID, name string, value func(poe.PortStatus) snmpx.Value) {
	a.engine.Computed(o, func() snmpx.Value { return value(a.status(name)) })
}

// tail returns what an object has after a column.
func tail(o, column snmpx.OID) snmpx.OID { return slices.Clone(o[len(column):]) }
