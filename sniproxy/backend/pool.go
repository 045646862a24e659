package backend

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Member is one server of a [Pool].
type Member struct {
	Addr netip.AddrPort
	// Weight is its share; zero means 1. At most MaxWeight.
	Weight int
}

// MaxWeight is the greatest weight of a member.
const MaxWeight = 1000

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
	// without a lock held, after the change, by whoever caused it. Nil means
	// nobody.
	Changed func(addr netip.AddrPort, from, to State)

	once sync.Once
	mu   sync.Mutex // guards what follows
	// members are those that may be chosen; byAddr has also those that Replace
	// took out while they had connections.
	members []*member
	byAddr  map[netip.AddrPort]*member
	poke    chan struct{} // wakes Run
}

// ValidateMembers says what is wrong with a list of members.
func ValidateMembers(members []Member) error {
	seen := make(map[netip.AddrPort]bool, len(members))
	for _, m := range members {
		switch {
		case !m.Addr.IsValid() || m.Addr.Port() == 0:
			return fmt.Errorf("backend: member %v: needs an address and a port", m.Addr)
		case m.Weight < 0 || m.Weight > MaxWeight:
			return fmt.Errorf("backend: member %v: weight %d is not in 0 to %d", m.Addr, m.Weight, MaxWeight)
		case seen[m.Addr]:
			return fmt.Errorf("backend: member %v is listed twice", m.Addr)
		}
		seen[m.Addr] = true
	}
	return nil
}

// Ready appends to dst the members to try, the first choice first, and never says
// that it is not ready. Members that are not well come last, so that they are tried
// when no other answers. It is ErrNoBackend when there are none but drained ones.
func (p *Pool) Ready(dst []netip.AddrPort, q Query) (addrs []netip.AddrPort, ready bool, err error) {
	p.init()
	now := time.Now()
	p.mu.Lock()
	first := p.choose(q.Client, now)
	n := len(dst)
	dst = p.order(dst, first, now)
	var note change
	if first != nil {
		note = first.trial(now)
	}
	p.mu.Unlock()
	p.tell(note)
	if len(dst) == n {
		return dst, true, ErrNoBackend
	}
	return dst, true, nil
}

// Resolve is Ready; it does not wait.
func (p *Pool) Resolve(_ context.Context, dst []netip.AddrPort, q Query) ([]netip.AddrPort, error) {
	dst, _, err := p.Ready(dst, q)
	return dst, err
}

// Report tells how an attempt to connect to addr ended and how long it took. With
// err nil a connection is open and counted until Closed is called. Errors of this
// machine, such as no free port or descriptor, are not held against the member, nor
// is that the client went away.
func (p *Pool) Report(addr netip.AddrPort, err error, took time.Duration) {
	p.init()
	now := time.Now()
	p.mu.Lock()
	var note change
	if m := p.byAddr[addr]; m != nil && !ownFault(err) {
		before := m.state(now)
		if err == nil {
			m.succeeded(now, took)
		} else {
			m.failed(p, err, now)
		}
		note = m.changed(before, now)
	}
	p.mu.Unlock()
	p.tell(note)
}

// Closed tells that a connection that Report counted has ended.
func (p *Pool) Closed(addr netip.AddrPort) {
	p.init()
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.byAddr[addr]
	if m == nil || m.active == 0 {
		return
	}
	m.active--
	if m.active == 0 {
		m.nowIdle()
		if m.gone {
			delete(p.byAddr, addr)
		}
	}
}

// Drain lets no new connections go to a member, and returns how many are open.
func (p *Pool) Drain(addr netip.AddrPort) (active int, err error) { return p.setDraining(addr, true) }

// Resume ends a drain.
func (p *Pool) Resume(addr netip.AddrPort) error {
	_, err := p.setDraining(addr, false)
	return err
}

func (p *Pool) setDraining(addr netip.AddrPort, draining bool) (active int, err error) {
	p.init()
	now := time.Now()
	p.mu.Lock()
	m := p.byAddr[addr]
	if m == nil || m.gone {
		p.mu.Unlock()
		return 0, fmt.Errorf("backend: drain %v: %w", addr, errNoMember)
	}
	before := m.state(now)
	m.draining = draining
	active = m.active
	note := m.changed(before, now)
	p.mu.Unlock()
	p.tell(note)
	p.wake()
	return active, nil
}

// WaitIdle waits until a member has no connections, or ctx ends. One that is not
// known has none.
func (p *Pool) WaitIdle(ctx context.Context, addr netip.AddrPort) error {
	p.init()
	p.mu.Lock()
	m := p.byAddr[addr]
	if m == nil || m.active == 0 {
		p.mu.Unlock()
		return nil
	}
	if m.idle == nil {
		m.idle = make(chan struct{})
	}
	idle := m.idle
	p.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("backend: wait until %v has no connections: %w", addr, context.Cause(ctx))
	}
}

// Replace changes the members. Those that stay keep their health, drain and counts;
// connections of those that go live on, and are counted until they end.
func (p *Pool) Replace(members []Member) {
	p.init()
	p.mu.Lock()
	p.set(members)
	p.mu.Unlock()
	p.wake()
}

// Status returns the members as they are now, those that went away but have
// connections last, by address.
func (p *Pool) Status() []MemberStatus {
	p.init()
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]MemberStatus, 0, len(p.byAddr))
	for _, m := range p.members {
		all = append(all, m.status(now))
	}
	for _, m := range p.byAddr {
		if m.gone {
			all = append(all, m.status(now))
		}
	}
	slices.SortFunc(all[len(p.members):], func(a, b MemberStatus) int { return a.Addr.Compare(b.Addr) })
	return all
}

func (p *Pool) init() {
	p.once.Do(func() {
		p.byAddr = make(map[netip.AddrPort]*member, len(p.Members))
		p.poke = make(chan struct{}, 1)
		p.set(p.Members)
	})
}

func (p *Pool) set(members []Member) {
	old := p.members
	p.members = make([]*member, 0, len(members))
	for _, m := range old {
		m.gone = true
	}
	for _, cfg := range members {
		m := p.byAddr[cfg.Addr]
		switch {
		case m == nil:
			m = &member{addr: cfg.Addr}
			p.byAddr[cfg.Addr] = m
		case !m.gone:
			continue // listed twice
		}
		m.gone = false
		m.weight = min(max(cfg.Weight, 1), MaxWeight)
		p.members = append(p.members, m)
	}
	for _, m := range old {
		if m.gone && m.active == 0 {
			delete(p.byAddr, m.addr)
		}
	}
}

func (p *Pool) tell(c change) {
	if c.from != c.to && p.Changed != nil {
		p.Changed(c.addr, c.from, c.to)
	}
}

// wake makes Run look at the members again.
func (p *Pool) wake() {
	select {
	case p.poke <- struct{}{}:
	default:
	}
}
