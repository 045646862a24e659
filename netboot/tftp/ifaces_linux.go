package tftp

import (
	"net"
	"net/netip"
	"time"
)

// ifaceTTL is how long what was learnt of an interface is believed.
const ifaceTTL = 10 * time.Second

// ifaces remembers the interfaces that requests come in on, so that a request
// does not cost a round of netlink. It is for one goroutine.
type ifaces struct{ known map[int]ifaceEntry }

type ifaceEntry struct {
	iface
	prefixes []netip.Prefix // its addresses
	learnt   time.Time
}

// find returns the interface with that index and whether peer is a neighbour
// on it. An index that is not, or no longer, there gives the zero iface.
func (s *ifaces) find(index int, peer netip.Addr) iface {
	if index <= 0 {
		return iface{}
	}
	e, ok := s.known[index]
	if !ok || time.Since(e.learnt) > ifaceTTL {
		if e, ok = learn(index); !ok {
			delete(s.known, index)
			return iface{}
		}
		if s.known == nil || len(s.known) > 4096 { // indexes are never used twice
			s.known = make(map[int]ifaceEntry)
		}
		s.known[index] = e
	}
	e.onLink = e.neighbour(peer)
	return e.iface
}

func learn(index int) (ifaceEntry, bool) {
	nic, err := net.InterfaceByIndex(index)
	if err != nil {
		return ifaceEntry{}, false
	}
	e := ifaceEntry{iface: iface{index: index, name: nic.Name, mtu: nic.MTU}, learnt: time.Now()}
	addrs, _ := nic.Addrs() // without them the routes decide
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			e.prefixes = append(e.prefixes, p)
		}
	}
	return e, true
}

// neighbour reports whether peer is on the interface's link and is not
// ourselves: packets to our own addresses go by way of the loopback interface.
func (e *ifaceEntry) neighbour(peer netip.Addr) bool {
	peer = peer.WithZone("")
	on := false
	for _, p := range e.prefixes {
		if p.Addr() == peer {
			return false
		}
		on = on || p.Contains(peer)
	}
	return on
}
