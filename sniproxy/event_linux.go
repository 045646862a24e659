package sniproxy

import (
	"golang.org/x/sys/unix"
)

// serve handles an event of a connection's socket.
func (s *shard) serve(c *conn, role uint8, events uint32) {
	if role == roleClient {
		s.serveClient(c, events)
		return
	}
	switch c.state {
	case inDial:
		s.tried(c, int(role-roleTry), events)
	case inRelay:
		if role == c.ends[server].role {
			s.relayEvent(c, server, events)
		}
	case inExchange:
		if role == c.ends[server].role {
			s.exchangeEvent(c, server, events)
		}
	case inHello:
		if c.ends[server].fd >= 0 && role == c.ends[server].role {
			s.idleServer(c)
		}
	}
}

func (s *shard) serveClient(c *conn, events uint32) {
	e := &c.ends[client]
	if events&(evHup|evErr) != 0 {
		e.hup = true
	}
	switch c.state {
	case inHello:
		if events&(evIn|evHup|evErr) == 0 {
			return
		}
		if c.web != nil {
			s.readRequest(c)
		} else {
			s.readHello(c)
		}
	case inResolve, inDial:
		if events&(evErr|unix.EPOLLHUP) != 0 {
			s.abandon(c, refuse(Aborted, sysError(e.fd)))
			return
		}
		e.ready = e.ready || events&(evIn|evHup) != 0
	case inRelay:
		s.relayEvent(c, client, events)
	case inExchange:
		s.exchangeEvent(c, client, events)
	case inLinger:
		s.linger(c)
	}
}

// add watches the client's socket. Being edge-triggered, it tells at once what is
// there already.
func (s *shard) add(c *conn, end int) {
	e := &c.ends[end]
	if err := sysEpollAdd(s.ep, e.fd, socketEvent(c.id, e.role)); err != 0 {
		c.broke(err)
		s.reset(c)
		return
	}
	if end == client {
		c.added = true
	}
}

// refuse tells a client why, and then waits for its end: to close with bytes unread
// would be a reset, which may overtake what it was told.
func (s *shard) refuse(c *conn, e *RefusedError) {
	if c.result != Routed {
		c.refused(e)
	}
	s.unwait(c)
	b := refusalBytes(e)
	if c.web != nil {
		s.hangUp(c)
		b = c.webRefusal(e, s.now)
	}
	if b != nil {
		if n, err := sysSend(c.ends[client].fd, b); err != 0 || n < len(b) {
			s.finish(c)
			return
		}
	}
	s.sayBye(c)
}

// sayBye ends our direction, and waits for the client's end.
func (s *shard) sayBye(c *conn) {
	sysShutdownWrite(c.ends[client].fd)
	c.state = inLinger
	c.lingered = 0
	s.after(c, lingerTime)
	s.linger(c)
	if c.state == inLinger && !c.added {
		s.add(c, client)
	}
}

// linger reads what nobody wants until the client ends.
func (s *shard) linger(c *conn) {
	for {
		n, e := sysRead(c.ends[client].fd, s.buf)
		if e == unix.EAGAIN {
			return
		}
		c.lingered += n
		if e != 0 || n == 0 || c.lingered > lingerBytes {
			s.finish(c)
			return
		}
	}
}

// abandon ends a connection to whose client nothing is to be said.
func (s *shard) abandon(c *conn, e *RefusedError) {
	c.refused(e)
	s.finish(c)
}

// due is a timer whose time has come.
func (s *shard) due(t *timer) {
	if t.acceptor != nil {
		s.resume(t.acceptor)
		return
	}
	c := t.owner
	switch c.state {
	case inHello:
		if c.web != nil {
			s.webDue(c)
		} else {
			s.refuse(c, refuse(HelloTimeout, nil))
		}
	case inResolve:
		s.refuse(c, refuse(BackendTimeout, errDialTimeout))
	case inDial:
		s.next(c, c.open.bytes)
	case inRelay:
		s.quiet(c)
	case inExchange:
		s.exchangeQuiet(c)
	case inLinger:
		s.finish(c)
	}
}

// reset closes both sockets so that the other ends see that they were cut short.
func (s *shard) reset(c *conn) {
	for i := range c.ends {
		if fd := c.ends[i].fd; fd >= 0 {
			sysResetOnClose(fd)
		}
	}
	s.finish(c)
}

// finish ends a connection. All descriptors of connections are closed here, but for
// those of attempts.
func (s *shard) finish(c *conn) {
	if c.state == inNothing {
		return
	}
	c.state = inNothing
	s.wheel.stop(&c.timer)
	s.unwait(c)
	for i := range c.ends {
		e := &c.ends[i]
		if e.pipe != nil {
			s.pipes.put(e.pipe)
			e.pipe = nil
		}
		if e.fd >= 0 {
			sysClose(e.fd)
			e.fd = -1
		}
		e.rest = nil
	}
	s.conns.remove(c)
	c.end(s.now, &s.record)
	give(&s.unused.conns, c)
	if s.drains != nil {
		s.checkDrained()
	}
}
