package dhcp

import (
	"container/heap"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
)

// pool is one range of addresses. Leases.mu guards it.
type pool struct {
	first, last netip.Addr
	size        int
	network     netip.Prefix
	next        netip.Addr // everything before it was given out, or is never
	owned       map[macAddr]*lease
	byExpiry    expiryHeap
}

// pool returns the pool for p, which is made at its first use. It takes over
// the leases that lie in it: from the journal, or from a pool with
// other bounds that a changed configuration has left.
func (l *Leases) pool(p netboot.Pool, now time.Time) *pool {
	if pl := l.pools[p]; pl != nil {
		return pl
	}
	pl := &pool{
		first: p.First, last: p.Last, next: p.First,
		size:    int(min(uint64(addrNumber(p.Last))-uint64(addrNumber(p.First))+1, 1<<30)),
		network: netip.PrefixFrom(p.First, p.Bits).Masked(),
		owned:   make(map[macAddr]*lease),
	}
	if l.pools == nil {
		l.pools = make(map[netboot.Pool]*pool)
		if l.addrs == nil {
			l.addrs = make(map[netip.Addr]*lease)
		}
	}
	for addr, le := range l.addrs {
		if pl.contains(addr) {
			l.adopt(pl, le, now)
		}
	}
	l.pools[p] = pl
	return pl
}

// adopt moves le into pl.
func (l *Leases) adopt(pl *pool, le *lease, now time.Time) {
	for _, other := range l.pools {
		if other.has(le) {
			heap.Remove(&other.byExpiry, le.heap)
			if other.owned[le.ident.mac] == le {
				delete(other.owned, le.ident.mac)
			}
		}
	}
	if le.expires.IsZero() {
		le.expires = now.Add(le.length) // see Leases: the whole duration again
	}
	heap.Push(&pl.byExpiry, le)
	if le.ident.mac == (macAddr{}) {
		return
	}
	if rival := pl.owned[le.ident.mac]; rival == nil || le.state == bound && rival.state != bound {
		pl.owned[le.ident.mac] = le
	}
}

// has reports whether le is one of pl's.
func (pl *pool) has(le *lease) bool {
	return le.heap < len(pl.byExpiry) && pl.byExpiry[le.heap] == le
}

func (pl *pool) contains(a netip.Addr) bool {
	return a.Is4() && pl.first.Compare(a) <= 0 && a.Compare(pl.last) <= 0
}

// alloc returns an address that nobody has and that is not among taken, or
// nil: one that was never used, else the one that expired first.
func (l *Leases) alloc(pl *pool, taken []netip.Addr, now time.Time) *lease {
	for pl.contains(pl.next) {
		a := pl.next
		pl.next = a.Next()
		if l.addrs[a] == nil && !slices.Contains(taken, a) && pl.usable(a) {
			return l.take(pl, a, now)
		}
	}
	for range len(taken) + 1 {
		if len(pl.byExpiry) == 0 || !pl.byExpiry[0].reusable(now) {
			return nil
		}
		le := pl.byExpiry[0]
		if !slices.Contains(taken, le.addr) {
			return l.take(pl, le.addr, now)
		}
		pl.expire(le, now.Add(quarantine)) // ours or the router's since it was leased
	}
	return nil
}

// usable refuses the network's own address and its broadcast address.
func (pl *pool) usable(a netip.Addr) bool {
	if pl.network.Bits() > 30 {
		return true // RFC 3021, or a single host
	}
	host := uint32(1)<<(32-pl.network.Bits()) - 1
	n := addrNumber(a) & host
	return n != 0 && n != host
}

// take returns the lease of addr without an owner. The caller has made sure
// that nobody uses it.
func (l *Leases) take(pl *pool, addr netip.Addr, now time.Time) *lease {
	le := l.addrs[addr]
	if le == nil {
		le = &lease{addr: addr}
		l.addrs[addr] = le
	}
	if !pl.has(le) {
		l.adopt(pl, le, now)
	}
	if pl.owned[le.ident.mac] == le {
		delete(pl.owned, le.ident.mac)
	}
	le.state, le.ident = free, ident{}
	return le
}

// expire sets when le may go to another client.
func (pl *pool) expire(le *lease, at time.Time) {
	le.expires = at
	if pl.has(le) {
		heap.Fix(&pl.byExpiry, le.heap)
	}
}

// declined counts the addresses in quarantine.
func (pl *pool) declined(l *Leases, now time.Time) int {
	n := 0
	for _, le := range pl.byExpiry {
		if le.state == declined && !le.reusable(now) {
			n++
		}
	}
	return n
}

func addrNumber(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// expiryHeap has the lease that expires first on top.
type expiryHeap []*lease

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].expires.Before(h[j].expires) }
func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heap, h[j].heap = i, j
}

// Push is part of [heap.Interface].
func (h *expiryHeap) Push(x any) {
	le := x.(*lease)
	le.heap = len(*h)
	*h = append(*h, le)
}

// Pop is part of [heap.Interface].
func (h *expiryHeap) Pop() any {
	old := *h
	le := old[len(old)-1]
	*h = old[:len(old)-1]
	return le
}
