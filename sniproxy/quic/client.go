package quic

import (
	"bytes"
	"net/netip"
	"slices"
)

const (
	// maxPerPort is how many connections one client's port may have.
	maxPerPort = 8
	// maxIDs is how many connection IDs of a connection are remembered: the
	// client's first, a Retry's, the server's.
	maxIDs = 4
	// minServerID is the length of the shortest ID of a server's that a client is
	// found by at another address.
	minServerID = 4
)

// client is an address and port that connections come from.
type client struct {
	flows []*flow // the one last used first; guarded by listener.mu
}

// latest returns the connection last used, one with a server if there is one.
// Called with mu held.
func (c *client) latest() *flow {
	if c == nil {
		return nil
	}
	for _, f := range c.flows {
		if f.state == relaying || f.state == connecting {
			return f
		}
	}
	return c.flows[0]
}

// find returns the connection that a datagram belongs to, nil when it may begin one
// or belongs to none.
func (l *listener) find(b []byte, from netip.AddrPort, h *invariant, long bool) *flow {
	l.mu.Lock()
	defer l.unlock()
	c := l.clients[from]
	if c == nil {
		return l.rebind(b, from, h, long)
	}
	for i, f := range c.flows {
		if at := f.known(b, h, long); at >= 0 {
			if at > 0 {
				// It used an ID that its server told it, so it is where it says
				// (RFC 9000 section 8.1).
				f.validated.Store(true)
			}
			copy(c.flows[1:i+1], c.flows[:i])
			c.flows[0] = f
			return f
		}
	}
	if long && (lookUp(h.version) == nil || startsConnection(b)) {
		return nil
	}
	f := c.latest()
	if !long && len(f.ids) == 1 {
		f.validated.Store(true) // the server's IDs are empty
	}
	return f
}

// known returns which of the flow's connection IDs a packet is sent to, -1 for none.
func (f *flow) known(b []byte, h *invariant, long bool) int {
	for i, id := range f.ids {
		if long && bytes.Equal(id, h.dcid) || !long && len(id) > 0 && bytes.HasPrefix(b[1:], id) {
			return i
		}
	}
	return -1
}

// learn remembers a connection ID that the server chose.
func (f *flow) learn(id []byte) {
	l := f.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(id) == 0 || len(id) > maxConnID || len(f.ids) >= maxIDs || f.state == gone {
		return
	}
	if slices.ContainsFunc(f.ids, func(known []byte) bool { return bytes.Equal(known, id) }) {
		return
	}
	f.ids = append(f.ids, bytes.Clone(id))
	if _, taken := l.byID[string(id)]; !taken {
		l.byID[string(id)] = f
		l.lengths[len(id)]++
	}
}

// forget undoes learn. Called with listener.mu held.
func (l *listener) forget(f *flow) {
	for _, id := range f.ids {
		if l.byID[string(id)] == f {
			delete(l.byID, string(id))
			l.lengths[len(id)]--
		}
	}
}

// rebind finds a connection whose client has another address now, such as after a
// translator forgot it, and gives that address a socket of its own to the server,
// who then makes sure of it by itself (RFC 9000 section 9). Called with mu held.
func (l *listener) rebind(b []byte, from netip.AddrPort, h *invariant, long bool) *flow {
	old := l.identify(b, h, long)
	if old == nil || old.state != relaying || startsConnection(b) {
		return nil
	}
	f := l.add(from)
	if f == nil {
		return nil
	}
	f.rebound, f.decision, f.ids, f.state = true, old.decision, slices.Clone(old.ids), connecting
	f.record.ID, f.record.Name, f.record.Site = old.record.ID, old.record.Name, old.record.Site
	f.record.Backend = old.record.Backend
	if f.limitSite() != nil {
		f.remove()
		return nil
	}
	f.validated.Store(true) // the server sees to that
	l.s.counts.rebound.Add(1)
	l.launch(f)
	return f
}

// identify finds a connection by an ID of its server's. Called with mu held.
func (l *listener) identify(b []byte, h *invariant, long bool) *flow {
	if long {
		return l.byID[string(h.dcid)]
	}
	for n := maxConnID; n >= minServerID; n-- {
		if l.lengths[n] > 0 && len(b) > n {
			if f := l.byID[string(b[1:1+n])]; f != nil {
				return f
			}
		}
	}
	return nil
}
