package backend

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Lookup finds the servers of the client's name, or of Host, by AAAA records. Cache
// and Guard are required. It is safe for use by many goroutines and is not copied.
type Lookup struct {
	Cache *Cache
	// Guard is asked about every address, and again when one is dialled.
	Guard *Guard
	// Host is looked up in place of the client's name; empty means the client's.
	Host string
	// Port is the port of the servers; zero means the one that the client
	// connected to.
	Port uint16
	// Penalty is for how long an address that failed is tried last; zero means 30
	// seconds.
	Penalty time.Duration

	turn    atomic.Uint32
	anySlow atomic.Bool // spares the lock where all is well

	mu   sync.Mutex                   // guards what follows
	slow map[netip.AddrPort]time.Time // until when an address comes last
	full time.Time                    // until when room is not looked for again
}

// maxSlow bounds how many addresses that failed are remembered.
const maxSlow = 1024

var errNoGuard = errors.New("backend: a Lookup needs a Cache and a Guard")

// Ready appends the servers to dst when they are cached, without a goroutine and
// without allocating if dst has room. ready is false when the name is not cached:
// then Resolve is needed. With ready true and an error the answer is known to be
// none: a *[LookupError], or a *[RefusedError] when the Guard refuses all addresses.
//
// Clients take turns at the addresses. Those that failed lately come last.
func (l *Lookup) Ready(dst []netip.AddrPort, q Query) (addrs []netip.AddrPort, ready bool, err error) {
	name, err := l.name(q)
	if err != nil {
		return dst, true, err
	}
	found, ok, err := l.Cache.Get(name)
	if !ok || err != nil {
		return dst, ok, err
	}
	dst, err = l.pass(dst, found, q)
	return dst, true, err
}

// Resolve is Ready, and looks the name up when that is needed, until ctx ends.
func (l *Lookup) Resolve(ctx context.Context, dst []netip.AddrPort, q Query) ([]netip.AddrPort, error) {
	name, err := l.name(q)
	if err != nil {
		return dst, err
	}
	found, err := l.Cache.Lookup(ctx, name, q.Client)
	if err != nil {
		return dst, err
	}
	return l.pass(dst, found, q)
}

func (l *Lookup) name(q Query) (string, error) {
	if l.Cache == nil || l.Guard == nil {
		return "", errNoGuard
	}
	name := orElse(l.Host, q.Name)
	if name == "" {
		return "", ErrNoBackend
	}
	return name, nil
}

// pass appends the addresses that the guard allows.
func (l *Lookup) pass(dst []netip.AddrPort, found []netip.Addr, q Query) ([]netip.AddrPort, error) {
	port, n := orElse(l.Port, q.Port), len(dst)
	turn := 0
	if len(found) > 1 {
		turn = int(l.turn.Add(1) % uint32(len(found)))
	}
	for i := range found {
		addr := netip.AddrPortFrom(found[(turn+i)%len(found)], port)
		if l.Guard.Allowed(addr) {
			dst = append(dst, addr)
		}
	}
	if len(dst) == n {
		return dst, l.Guard.Check(netip.AddrPortFrom(found[0], port))
	}
	l.slowLast(dst[n:])
	return dst, nil
}

// slowLast moves the addresses that failed lately to the end, the one whose penalty
// ends first before the others.
func (l *Lookup) slowLast(addrs []netip.AddrPort) {
	if len(addrs) < 2 || !l.anySlow.Load() {
		return
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := 1; i < len(addrs); i++ {
		for k := i; k > 0 && l.penalty(addrs[k], now) < l.penalty(addrs[k-1], now); k-- {
			addrs[k], addrs[k-1] = addrs[k-1], addrs[k]
		}
	}
}

func (l *Lookup) penalty(addr netip.AddrPort, now time.Time) time.Duration {
	return max(0, l.slow[addr].Sub(now))
}

// Report tells how an attempt to connect ended: an address that failed is tried last
// for the time of Penalty, or until it is connected to.
func (l *Lookup) Report(addr netip.AddrPort, err error, _ time.Duration) {
	if err == nil && !l.anySlow.Load() || ownFault(err) {
		return
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		delete(l.slow, addr)
	} else {
		l.punish(addr, now)
	}
	l.anySlow.Store(len(l.slow) > 0)
}

func (l *Lookup) punish(addr netip.AddrPort, now time.Time) {
	if l.slow == nil {
		l.slow = make(map[netip.AddrPort]time.Time)
	}
	if len(l.slow) >= maxSlow && !l.makeRoom(now) {
		return
	}
	l.slow[addr] = now.Add(orElse(l.Penalty, 30*time.Second))
}

// makeRoom forgets penalties that are over, at most once a second.
func (l *Lookup) makeRoom(now time.Time) bool {
	if now.Before(l.full) {
		return false
	}
	for a, until := range l.slow {
		if !now.Before(until) {
			delete(l.slow, a)
		}
	}
	if len(l.slow) < maxSlow {
		return true
	}
	l.full = now.Add(time.Second)
	return false
}

// Closed does nothing: a Lookup does not count connections.
func (l *Lookup) Closed(netip.AddrPort) {}
