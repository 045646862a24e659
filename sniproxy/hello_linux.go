package sniproxy

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// readHello reads what the client sent, until the hello is whole. One that comes in
// one piece is never copied.
func (s *shard) readHello(c *conn) {
	for c.state == inHello {
		n, err := sysRead(c.ends[client].fd, s.buf)
		switch {
		case err == unix.EAGAIN:
			return
		case err != 0:
			s.abandon(c, readRefusal(err))
			return
		case n == 0:
			s.abandon(c, refuse(Aborted, nil))
			return
		}
		// The event that brought these bytes may have told of more than them, or of
		// the end, and will not come again.
		e := &c.ends[client]
		e.ready = n == len(s.buf) || e.hup
		s.moreHello(c, s.buf[:n])
		if !e.ready {
			return
		}
	}
}

// moreHello takes more bytes of the client.
func (s *shard) moreHello(c *conn, b []byte) {
	o := c.open.opening
	if o == nil {
		o = s.opening
		o.reset(s.run.Hello, c.fromFront())
	} else {
		c.open.bytes = append(c.open.bytes, b...)
		b = c.open.bytes
	}
	done, refused := o.parse(b)
	if refused != nil {
		s.refuse(c, refused)
		return
	}
	if done {
		s.routeHello(c, o, b)
		return
	}
	if c.open.opening == nil {
		// The hello takes the parser along with it.
		c.open.opening = o
		s.opening = take(&s.unused.openings)
		c.open.bytes = s.keep(b)
	}
}

// routeHello finds the backend for a hello that is whole.
func (s *shard) routeHello(c *conn, o *opening, b []byte) {
	c.helloSize, c.helloTook = o.info.Size, s.now.Sub(c.start)
	refused := c.headed(&o.front)
	if refused == nil {
		first := b[o.front.size:]
		c.took(len(first))
		c.name = string(o.info.ServerName)
		s.asked = Request{Proto: TLS, Name: c.name, Client: c.client, Local: c.local, Hello: &o.info}
		c.open.decision, refused = c.route(&s.asked)
		if refused == nil {
			s.resolve(c, first)
		}
	}
	if refused != nil {
		s.refuse(c, refused)
	}
	if c.open != nil && c.open.opening != nil {
		give(&s.unused.openings, c.open.opening)
		c.open.opening = nil
	}
}

// resolve asks for the backend's addresses. first is what the client sent.
func (s *shard) resolve(c *conn, first []byte) {
	q := backend.Query{Name: c.name, Client: c.client.Addr(), Port: c.local.Port()}
	c.open.since = s.now
	addrs, ready, err := c.open.decision.Backend.Ready(s.addrs[:0], q)
	if !ready && err == nil {
		s.resolveSlowly(c, q, first)
		return
	}
	if err != nil {
		s.refuse(c, dialRefusal(err))
		return
	}
	s.addrs = addrs
	s.dial(c, addrs, first)
}

// resolveSlowly waits for the addresses in a goroutine, and keeps the bytes.
func (s *shard) resolveSlowly(c *conn, q backend.Query, first []byte) {
	c.state = inResolve
	s.after(c, s.run.timeouts.Dial)
	if c.open.bytes != nil {
		c.open.bytes = append(c.open.bytes[:0], first...)
	} else {
		c.open.bytes = s.keep(first)
	}
	id, b := c.id, c.open.decision.Backend
	go func() {
		ctx, cancel := s.run.dialContext()
		defer cancel()
		addrs, err := b.Resolve(ctx, nil, q)
		s.post(func() { s.resolved(id, addrs, err) })
	}()
}

// resolved goes on, if the client is still there.
func (s *shard) resolved(id connID, addrs []netip.AddrPort, err error) {
	c := s.conns.get(id)
	switch {
	case c == nil || c.state != inResolve:
	case err != nil:
		s.refuse(c, dialRefusal(err))
	default:
		s.dial(c, addrs, c.open.bytes)
	}
}
