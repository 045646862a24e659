package sniproxy

import "golang.org/x/sys/unix"

// exchange begins to relay a request's body and the response.
func (s *shard) exchange(c *conn) {
	c.state, c.movedAt = inExchange, s.elapsed
	if !c.added {
		s.add(c, client)
	}
	if c.state == inExchange && !c.serverAdded {
		c.serverAdded = true
		s.add(c, server)
	}
	if c.state != inExchange {
		return
	}
	if idle := s.run.timeouts.Idle; idle > 0 {
		s.within(c, idle)
	}
	if e := &c.ends[client]; len(e.rest) > 0 || e.ready && !c.web.x.body.Done() {
		s.pumpUp(c)
	}
}

// exchangeEvent is an event of an end during an exchange.
func (s *shard) exchangeEvent(c *conn, end uint8, events uint32) {
	e := &c.ends[end]
	if events&(evHup|evErr) != 0 {
		e.hup = true
	}
	readable := events&(evIn|evHup|evErr) != 0
	if end == client {
		if events&evErr != 0 {
			s.breakOff(c, sysError(e.fd))
			return
		}
		e.ready = e.ready || readable
		if readable && !c.web.x.body.Done() {
			s.pumpUp(c)
		}
		if c.state == inExchange && events&evOut != 0 && (!c.ends[server].drained() || c.web.answered) {
			s.pumpDown(c)
		}
		return
	}
	if events&evOut != 0 && !c.ends[client].drained() {
		s.pumpUp(c)
	}
	if c.state == inExchange && readable {
		s.pumpDown(c)
	}
}

// breakOff ends an exchange whose client is gone.
func (s *shard) breakOff(c *conn, err error) {
	x := &c.web.x
	x.rec.Result, x.rec.Err, x.rec.Backend = Routed, err, c.addr
	x.finish(&c.flow, s.now)
	c.broke(err)
	s.reset(c)
}

// pumpDown moves the response.
func (s *shard) pumpDown(c *conn) {
	w := c.web
	src, dst := &c.ends[server], &c.ends[client]
	for range pumpMany {
		if !s.flushDown(c, src, dst) {
			return
		}
		if w.answered {
			s.completed(c)
			return
		}
		if w.x.final && w.x.response.Certain() >= spliceMinBody && !src.copies && s.pipeFor(src) {
			if !s.spliceDown(c, src) {
				return
			}
			continue
		}
		s.unpipe(src)
		n, e := sysRead(src.fd, s.buf)
		switch {
		case e == unix.EAGAIN:
			return
		case e != 0:
			s.serverBroke(c, e)
			return
		case n == 0:
			if err := w.x.backendEnd(); err != nil {
				s.serverBroke(c, err)
				return
			}
			w.answered = true
			continue
		}
		if !s.passDown(c, s.buf[:n]) {
			return
		}
		if c.state != inExchange {
			return
		}
		if n < len(s.buf) && !src.hup && !w.answered && src.drained() {
			return
		}
	}
	s.again = append(s.again, turn{c.id, server})
}

func (s *shard) flushDown(c *conn, src, dst *end) bool {
	for len(src.rest) > 0 {
		n, e := sysSend(dst.fd, src.rest)
		if e != 0 {
			return s.stuckDown(c, e)
		}
		s.gaveWeb(c, n)
		if src.rest = src.rest[n:]; len(src.rest) == 0 {
			src.rest = nil
		}
	}
	for src.pipe != nil && src.pipe.n > 0 {
		n, e := sysSplice(src.pipe.r, dst.fd, src.pipe.n)
		if e != 0 {
			return s.stuckDown(c, e)
		}
		src.pipe.n -= n
		s.gaveWeb(c, n)
	}
	return true
}

func (s *shard) stuckDown(c *conn, e unix.Errno) bool {
	if e != unix.EAGAIN {
		s.breakOff(c, e)
	}
	return false
}

func (s *shard) gaveWeb(c *conn, n int) {
	c.movedAt = s.elapsed
	c.gave(n)
	c.web.x.rec.Sent += int64(n)
}

// spliceDown moves a part of a long response into the pipe; more says that there may
// be more.
func (s *shard) spliceDown(c *conn, src *end) (more bool) {
	x := &c.web.x
	n, e := sysSplice(src.fd, src.pipe.w, int(min(x.response.Certain(), int64(src.pipe.size))))
	if e == 0 && n > 0 {
		src.pipe.n = n
		x.response.Skip(int64(n))
		c.web.answered = x.response.Done()
		return true
	}
	s.unpipe(src)
	switch {
	case e == unix.EAGAIN:
		return false
	case e == unix.EINVAL:
		src.copies = true
		return true
	case e != 0:
		s.serverBroke(c, e)
		return false
	}
	s.serverBroke(c, x.backendEnd())
	return false
}

// passDown sends what the client gets for bytes of the server.
func (s *shard) passDown(c *conn, b []byte) (more bool) {
	w := c.web
	if w.partial != nil {
		w.partial = append(w.partial, b...)
		b = w.partial
	}
	out, used, done, err := w.x.answer(s.out[:0], b, &s.heads.resp)
	s.out = out
	rest := b[used:]
	if len(out) > 0 {
		w.x.began = true
		n, e := sysSend(c.ends[client].fd, out)
		if e != 0 && e != unix.EAGAIN {
			s.breakOff(c, e)
			return false
		}
		if e != 0 {
			n = 0
		}
		s.gaveWeb(c, n)
		if n < len(out) {
			c.ends[server].rest = append([]byte(nil), out[n:]...)
		}
	}
	if err != nil {
		s.serverBroke(c, err)
		return false
	}
	if w.x.tunnel {
		s.tunnel(c)
		return false
	}
	w.answered = done
	if w.partial = nil; len(rest) > 0 {
		if done {
			w.x.keep.backend = false // bytes that nobody asked for
		} else {
			w.partial = append([]byte(nil), rest...)
		}
	}
	return true
}

// serverBroke is the end of a server's connection within a response.
func (s *shard) serverBroke(c *conn, err error) {
	w := c.web
	if w.x.began {
		s.breakOff(c, err)
		return
	}
	s.sendAgain(c, err)
}

// completed is the end of a response.
func (s *shard) completed(c *conn) {
	w := c.web
	x := &w.x
	x.rec.Result, x.rec.Backend, x.rec.DialTook = Routed, c.addr, c.dialTook
	x.finish(&c.flow, s.now)
	whole := x.body.Done() && c.ends[client].drained()
	s.unpipe(&c.ends[server])
	if !x.keep.backend || !whole || w.deaf {
		s.hangUp(c)
	}
	if !x.keep.client || !whole || s.draining {
		s.hangUp(c)
		s.sayBye(c)
		return
	}
	c.state = inHello
	w.waits, w.deadline = true, s.elapsed+s.run.timeouts.KeepAlive
	s.within(c, s.run.timeouts.KeepAlive)
	if len(w.held) > 0 || c.ends[client].ready {
		s.again = append(s.again, turn{c.id, client})
	}
}

// nextRequest goes on with what the client sent before the last response ended.
func (s *shard) nextRequest(c *conn) {
	w := c.web
	if len(w.held) > 0 {
		b := w.held
		w.held = nil
		s.moreRequest(c, b)
	}
	if c.state == inHello && c.ends[client].ready {
		s.readRequest(c)
	}
}

// tunnel relays from here on what either end says.
func (s *shard) tunnel(c *conn) {
	w := c.web
	w.x.rec.Result, w.x.rec.Backend = Routed, c.addr
	w.x.finish(&c.flow, s.now)
	if len(w.held) > 0 {
		c.ends[client].rest = append(c.ends[client].rest, w.held...)
		w.held = nil
	}
	s.relay(c)
	if c.state == inRelay {
		s.pump(c, server)
	}
}

// idleServer is an event of a server that is kept for the next request: it has
// ended, or says what nobody asked for.
func (s *shard) idleServer(c *conn) {
	if _, e := sysRead(c.ends[server].fd, s.buf[:1]); e != unix.EAGAIN {
		s.hangUp(c)
	}
}

// exchangeQuiet ends an exchange in which nothing has passed for too long.
func (s *shard) exchangeQuiet(c *conn) {
	allowed := s.run.timeouts.Idle
	if allowed < 0 {
		return
	}
	if left := c.movedAt + allowed - s.elapsed; left > 0 {
		s.after(c, left)
		return
	}
	if c.web.x.began {
		s.breakOff(c, errIdle)
		return
	}
	s.hangUp(c)
	s.refuse(c, refuse(BackendTimeout, errIdle))
}
