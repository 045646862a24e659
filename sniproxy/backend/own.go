package backend

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// OwnAddrs knows the addresses of this machine, for [Guard.Self], and reads them
// anew when they are older than Refresh. The zero value works.
type OwnAddrs struct {
	// Refresh is how old the list may get; zero means 10 seconds.
	Refresh time.Duration
	// Extra are further addresses that lead to this proxy, such as those of the
	// others of its kind or of a translator in front.
	Extra []netip.Addr
	// List reads the addresses; nil means net.InterfaceAddrs.
	List func() ([]net.Addr, error)

	mu   sync.Mutex // held by the one that reads
	last atomic.Pointer[ownAddrs]
}

type ownAddrs struct {
	addrs []netip.Addr
	until time.Time
}

// Addrs returns the addresses, IPv4 ones too, which the caller does not change.
// When they cannot be read the ones before stay in use. One caller at a time reads;
// others get the old list meanwhile, except at the first call.
func (o *OwnAddrs) Addrs() []netip.Addr {
	now := time.Now()
	last := o.last.Load()
	if last != nil && now.Before(last.until) {
		return last.addrs
	}
	if last == nil {
		o.mu.Lock()
	} else if !o.mu.TryLock() {
		return last.addrs
	}
	defer o.mu.Unlock()
	if again := o.last.Load(); again != last {
		return again.addrs
	}
	next := &ownAddrs{addrs: o.read(last), until: now.Add(orElse(o.Refresh, 10*time.Second))}
	o.last.Store(next)
	return next.addrs
}

func (o *OwnAddrs) read(last *ownAddrs) []netip.Addr {
	list := o.List
	if list == nil {
		list = net.InterfaceAddrs
	}
	found, err := list()
	if err != nil {
		if last != nil {
			return last.addrs
		}
		return o.Extra
	}
	addrs := append([]netip.Addr(nil), o.Extra...)
	for _, a := range found {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				addrs = append(addrs, ip.Unmap())
			}
		}
	}
	return addrs
}

// orElse is v, or def when v is zero.
func orElse[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
