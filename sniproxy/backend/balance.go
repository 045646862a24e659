package backend

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"
)

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

// String is "roundrobin", "leastconnections" or "sticky".
func (b Balance) String() string {
	switch b {
	case LeastConnections:
		return "leastconnections"
	case Sticky:
		return "sticky"
	}
	return "roundrobin"
}

// choose returns the member to be tried first, or nil when none is choosable.
func (p *Pool) choose(client netip.Addr, now time.Time) *member {
	switch p.Balance {
	case LeastConnections:
		least := p.least(now)
		return p.turn(now, func(m *member) bool { return least != nil && !less(least, m) })
	case Sticky:
		return p.stick(client, now)
	}
	return p.turn(now, func(*member) bool { return true })
}

// turn takes smooth weighted turns: each member's account grows by its weight, the
// richest is chosen and pays the sum of what was given out.
func (p *Pool) turn(now time.Time, takesPart func(*member) bool) *member {
	var best *member
	sum := 0
	for _, m := range p.members {
		if !m.choosable(now) || !takesPart(m) {
			continue
		}
		m.turn += m.weight
		sum += m.weight
		if best == nil || m.turn > best.turn {
			best = m
		}
	}
	if best != nil {
		best.turn -= sum
	}
	return best
}

func (p *Pool) least(now time.Time) *member {
	var best *member
	for _, m := range p.members {
		if m.choosable(now) && (best == nil || less(m, best)) {
			best = m
		}
	}
	return best
}

// less compares connections per weight.
func less(a, b *member) bool { return a.active*b.weight < b.active*a.weight }

// stick is weighted rendezvous hashing: each member draws a number from the client's
// address, and the one with the least draw, divided by its weight, has the client.
func (p *Pool) stick(client netip.Addr, now time.Time) *member {
	if client = client.Unmap(); client.Is6() {
		b := client.As16()
		clear(b[8:])
		client = netip.AddrFrom16(b)
	}
	hi, lo := hashAddr(client, 2)
	var best *member
	least := math.Inf(1)
	for _, m := range p.members {
		if !m.choosable(now) {
			continue
		}
		b := m.addr.Addr().As16()
		h := mix(hi ^ mix(binary.BigEndian.Uint64(b[:8])^mix(binary.BigEndian.Uint64(b[8:])^mix(lo^uint64(m.addr.Port())))))
		u := (float64(h>>11) + 0.5) / (1 << 53) // in (0, 1)
		if draw := -math.Log(u) / float64(m.weight); draw < least {
			best, least = m, draw
		}
	}
	return best
}

// order appends first, then the others that are well in the order of the list from
// there, then the rest, those first that are to be tried again soonest.
func (p *Pool) order(dst []netip.AddrPort, first *member, now time.Time) []netip.AddrPort {
	start := 0
	for i, m := range p.members {
		if m == first {
			dst = append(dst, m.addr)
			start = i + 1
		}
	}
	for i := range p.members {
		m := p.members[(start+i)%len(p.members)]
		if m != first && m.state(now) == Up {
			dst = append(dst, m.addr)
		}
	}
	return p.unwell(dst, first, now)
}

// unwell appends the members that are neither up nor drained, by when they are tried
// again. They are few: a search for each place takes no memory.
func (p *Pool) unwell(dst []netip.AddrPort, first *member, now time.Time) []netip.AddrPort {
	var done time.Time
	after := -1 // the last one appended, among those with the same time
	for {
		next := -1
		for i, m := range p.members {
			if s := m.state(now); m == first || s == Up || s == Draining {
				continue
			}
			later := m.retryAt.After(done) || m.retryAt.Equal(done) && i > after
			if later && (next < 0 || m.retryAt.Before(p.members[next].retryAt)) {
				next = i
			}
		}
		if next < 0 {
			return dst
		}
		dst = append(dst, p.members[next].addr)
		done, after = p.members[next].retryAt, next
	}
}
