package quic

import (
	"bytes"
	"net/netip"
	"slices"
)

const (
	// maxPerPort is how many connections one client's port may have.
	maxPerPort = 8
	// maxIDs is how many connection IDs of a connection are remembered that were
	// seen in long headers: the client's first, a Retry's, the server's. As many
	// are remembered that were told under encryption.
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
// or belongs to none. When it may belong to several of a client's port, the rest of
// them are returned too.
func (l *listener) find(b []byte, from netip.AddrPort, h *invariant, long bool) (f *flow, rest []*flow) {
	l.mu.Lock()
	defer l.unlock()
	c := l.clients[from]
	if c == nil {
		return l.rebind(b, h, long, from), nil
	}
	for i, f := range c.flows {
		if f.knows(b, h, long) {
			copy(c.flows[1:i+1], c.flows[:i])
			c.flows[0] = f
			return f, nil
		}
	}
	if long && (lookUp(h.version) == nil || startsConnection(b)) {
		return nil, nil
	}
	if !long || isHandshake(b) {
		c.validate()
	}
	if len(c.flows) > 1 {
		return c.served()
	}
	f = c.flows[0]
	f.deduce(b, h, long)
	return f, nil
}

func isHandshake(b []byte) bool {
	p, ok := parseLong(b)
	return ok && p.kind == handshake
}

// validate notes that whoever sends from that port has the servers' answers. A
// forger could send what looks so too, but then the servers go on counting. Called
// with mu held.
func (c *client) validate() {
	for _, f := range c.flows {
		if f.state == relaying {
			f.validated.Store(true)
		}
	}
}

// served returns the connections that have a server. A datagram whose connection ID
// was told to the client under encryption goes to all of them: one server knows it,
// and the others pass it over (RFC 9000 section 10.3).
func (c *client) served() (f *flow, rest []*flow) {
	for _, x := range c.flows {
		switch {
		case x.conn == nil:
		case f == nil:
			f = x
		default:
			rest = append(rest, x)
		}
	}
	if f == nil {
		f = c.flows[0]
	}
	return f, rest
}

// knows says whether a packet is sent to one of the flow's connection IDs.
func (f *flow) knows(b []byte, h *invariant, long bool) bool {
	same := func(id []byte) bool {
		return long && bytes.Equal(id, h.dcid) || !long && len(id) > 0 && bytes.HasPrefix(b[1:], id)
	}
	if at := slices.IndexFunc(f.ids, same); at >= 0 {
		if at > 0 {
			f.validated.Store(true) // RFC 9000 section 8.1
		}
		return true
	}
	return slices.ContainsFunc(f.later, same)
}

// deduce remembers the connection ID of a packet that can only be the flow's, and
// was told to the client under encryption. Servers choose all of theirs of one
// length. Called with mu held.
func (f *flow) deduce(b []byte, h *invariant, long bool) {
	if f.state != relaying || len(f.ids) < 2 || long && !isHandshake(b) {
		return
	}
	id := h.dcid
	if n := len(f.ids[len(f.ids)-1]); !long && len(b) > n {
		id = b[1 : 1+n]
	}
	if len(id) == 0 {
		return
	}
	if len(f.later) == maxIDs {
		f.l.unindex(f, f.later[0])
		f.later = f.later[1:]
	}
	id = bytes.Clone(id)
	f.later = append(f.later, id)
	f.l.index(f, id)
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
	id = bytes.Clone(id)
	f.ids = append(f.ids, id)
	l.index(f, id)
}

// index lets a flow be found by an ID, unless another has it. Called with mu held.
func (l *listener) index(f *flow, id []byte) {
	if _, taken := l.byID[string(id)]; !taken {
		l.byID[string(id)] = f
		l.lengths[len(id)]++
	}
}

// unindex undoes index. Called with mu held.
func (l *listener) unindex(f *flow, id []byte) {
	if l.byID[string(id)] == f {
		delete(l.byID, string(id))
		l.lengths[len(id)]--
	}
}

// forget undoes index for all the flow's IDs. Called with mu held.
func (l *listener) forget(f *flow) {
	for _, id := range f.ids {
		l.unindex(f, id)
	}
	for _, id := range f.later {
		l.unindex(f, id)
	}
}

// rebind finds a connection whose client has another address now, such as after a
// translator forgot it, and gives that address a socket of its own to the server,
// who then makes sure of it by itself (RFC 9000 section 9). Called with mu held.
func (l *listener) rebind(b []byte, h *invariant, long bool, from netip.AddrPort) *flow {
	old := l.identify(b, h, long)
	if old == nil || old.state != relaying || startsConnection(b) {
		return nil
	}
	f := l.add(from)
	if f == nil {
		return nil
	}
	f.rebound, f.decision, f.state = true, old.decision, connecting
	f.ids, f.later = slices.Clone(old.ids), slices.Clone(old.later)
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
