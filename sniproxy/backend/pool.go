package backend

import (
	"context"
	"net/netip"
	"time"
)

// Member is one server of a [Pool].
type Member struct {
	Addr netip.AddrPort
	// Weight is its share; zero means 1. At most 1000.
	Weight int
}

// Balance is how a [Pool] chooses among its members.
type Balance uint8

// The ways to choose.
const (
	// RoundRobin takes turns by weight, evenly spread: with weights 2 and 1 the
	// order is a, b, a.
	RoundRobin Balance = iota
	// LeastConnections takes the member with the fewest connections for its
	// weight, and turns among equals.
	LeastConnections
	// Sticky keeps a client to one member, by its address (IPv6: its /64), as
	// long as that member is well. A member that comes or goes moves only the
	// clients of its own share.
	Sticky
)

// Pool is a site's fixed servers. The zero value with Members works. It is safe for
// use by many goroutines and is not copied.
type Pool struct {
	// Members are read at the first call; [Pool.Replace] changes them later.
	Members []Member
	// Balance is how one of them is chosen.
	Balance Balance
	// Failures is after how many failed attempts in a row a member is not chosen
	// any more for a while; zero means 3, negative never.
	Failures int
	// Cooling is how long it is not chosen then; zero means 5 seconds. After that
	// one connection tries it (half-open); if it fails again, the time doubles up
	// to MaxCooling, zero means 60 seconds.
	Cooling, MaxCooling time.Duration
	// Check is how [Pool.Run] looks at members that nobody connects to.
	Check Check
	// Changed is told when a member's State changes, for logs. It is called
	// without a lock held. Nil means nobody.
	Changed func(addr netip.AddrPort, from, to State)
}

// State is how a member of a [Pool] is.
type State uint8

// The states of a member.
const (
	// Up is chosen.
	Up State = iota
	// Cooling failed too often and is tried when nothing else is left.
	Cooling
	// Trial has cooled: one connection is trying it.
	Trial
	// Down failed its active checks; as Cooling, until a check or a connection
	// succeeds.
	Down
	// Draining gets no new connections.
	Draining
)

// MemberStatus is how a member is doing, for a panel.
type MemberStatus struct {
	Addr      netip.AddrPort
	Weight    int
	State     State
	Active    int           // connections that are open
	Total     uint64        // connections that were made
	Failed    uint64        // attempts that failed
	Streak    int           // failures in a row
	LastError string        // of the last failure, also of checks
	LastFail  time.Time     // zero: never
	LastOK    time.Time     // the last connection or check that succeeded
	Connect   time.Duration // smoothed time that connecting takes
	RetryAt   time.Time     // when a cooling member is tried again
	Checked   time.Time     // the last active check
}

// Ready appends to dst the members to try, the first choice first, and never says
// that it is not ready. Members that are not well come last, so that they are tried
// when no other answers. It is ErrNoBackend when there are none but drained ones.
func (p *Pool) Ready(dst []netip.AddrPort, q Query) (addrs []netip.AddrPort, ready bool, err error) {
	return dst, true, errNotBuilt
}

// Resolve is Ready, for the interface that Lookup has too.
func (p *Pool) Resolve(ctx context.Context, dst []netip.AddrPort, q Query) ([]netip.AddrPort, error) {
	return dst, errNotBuilt
}

// Report tells how an attempt to connect to addr ended and how long it took. With
// err nil a connection is open and counted until Closed is called. Attempts that
// were given up for another are not reported.
func (p *Pool) Report(addr netip.AddrPort, err error, took time.Duration) {}

// Closed tells that a connection that Report counted has ended.
func (p *Pool) Closed(addr netip.AddrPort) {}

// Drain lets no new connections go to a member. It returns how many are open.
func (p *Pool) Drain(addr netip.AddrPort) (active int, err error) { return 0, errNotBuilt }

// Resume ends a drain.
func (p *Pool) Resume(addr netip.AddrPort) error { return errNotBuilt }

// Replace changes the members. Those that stay keep their health and their counts;
// connections of those that go live on.
func (p *Pool) Replace(members []Member) {}

// Status returns the members as they are now, those that went away but have
// connections last.
func (p *Pool) Status() []MemberStatus { return nil }

// Run checks the members actively until ctx ends; see [Check].
func (p *Pool) Run(ctx context.Context) error { return errNotBuilt }

// Check is an active check. The zero value connects and closes.
type Check struct {
	// Every is the time between two checks of a member; zero means 10 seconds.
	Every time.Duration
}
