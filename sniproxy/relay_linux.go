package sniproxy

import "golang.org/x/sys/unix"

// relay begins moving bytes between the two ends.
func (s *shard) relay(c *conn) {
	c.state, c.movedAt = inRelay, s.elapsed
	if !c.added {
		s.add(c, client)
	}
	if c.state == inRelay && !c.serverAdded {
		s.add(c, server)
	}
	if idle := s.run.timeouts.Idle; idle > 0 && c.state == inRelay {
		s.within(c, idle)
	}
	if e := &c.ends[client]; c.state == inRelay && (e.ready || len(e.rest) > 0) {
		s.pump(c, client)
	}
}

// relayEvent is an event of an end while bytes are moved.
func (s *shard) relayEvent(c *conn, end uint8, events uint32) {
	e := &c.ends[end]
	if events&(evHup|evErr) != 0 {
		e.hup = true
	}
	if events&(evIn|evHup|evErr) != 0 && !e.eof {
		s.pump(c, end)
	}
	if other := 1 - end; c.state == inRelay && events&evOut != 0 && !c.ends[other].drained() {
		s.pump(c, other)
	}
}

// pumpMany is how often one end is read from before others have their turn.
const pumpMany = 16

// pump moves bytes from one end to the other until there are no more, or the other
// end takes no more.
func (s *shard) pump(c *conn, from uint8) {
	src, dst := &c.ends[from], &c.ends[1-from]
	src.ready = false
	for range pumpMany {
		if !s.flush(c, src, dst) {
			return
		}
		if src.eof {
			s.atEnd(c, src, dst)
			return
		}
		var more bool
		if src.full >= 2 && !src.copies && s.pipeFor(src) {
			more = s.fill(c, src)
		} else {
			s.unpipe(src)
			more = s.copy(c, src, dst)
		}
		if !more {
			return
		}
	}
	s.again = append(s.again, turn{c.id, from})
}

// flush writes what was read of src before; false if that cannot be done now, or
// ended the connection.
func (s *shard) flush(c *conn, src, dst *end) bool {
	for len(src.rest) > 0 {
		n, e := sysSend(dst.fd, src.rest)
		if e != 0 {
			return s.stuck(c, e)
		}
		s.count(c, src, n)
		if src.rest = src.rest[n:]; len(src.rest) == 0 {
			src.rest = nil
		}
	}
	for src.pipe != nil && src.pipe.n > 0 {
		n, e := sysSplice(src.pipe.r, dst.fd, src.pipe.n)
		if e != 0 {
			return s.stuck(c, e)
		}
		src.pipe.n -= n
		s.count(c, src, n)
	}
	return true
}

// stuck is false always: bytes could not be written.
func (s *shard) stuck(c *conn, e unix.Errno) bool {
	if e != unix.EAGAIN {
		c.broke(e)
		s.reset(c)
	}
	return false
}

// copy moves bytes by the shard's buffer. more says that there may be more.
func (s *shard) copy(c *conn, src, dst *end) (more bool) {
	n, e := sysRead(src.fd, s.buf)
	if n = s.got(c, src, n, e); n <= 0 {
		return n == 0
	}
	if n == len(s.buf) {
		src.full++
	} else {
		src.full = 0
	}
	w, e := sysSend(dst.fd, s.buf[:n])
	if e != 0 {
		if w = 0; e != unix.EAGAIN {
			return s.stuck(c, e)
		}
	}
	s.count(c, src, w)
	if w < n {
		src.rest = append([]byte(nil), s.buf[w:n]...)
		return true
	}
	// A read that was short emptied the socket, unless the end is near, of which the
	// kernel tells only once.
	return n == len(s.buf) || src.hup
}

// got judges a read: how many bytes, 0 for the end, below 0 for nothing more now.
func (s *shard) got(c *conn, src *end, n int, e unix.Errno) int {
	switch {
	case e == unix.EAGAIN:
		return -1
	case e != 0:
		c.broke(e)
		s.reset(c)
		return -1
	case n == 0:
		src.eof = true
	}
	return n
}

// pipeFor reports whether src has a pipe, after getting one if there is one.
func (s *shard) pipeFor(src *end) bool {
	if src.pipe == nil {
		src.pipe = s.pipes.get()
	}
	return src.pipe != nil
}

// fill moves bytes from src into its pipe. The pipe is given back when there are
// none: who waits has no pipe.
func (s *shard) fill(c *conn, src *end) (more bool) {
	n, e := sysSplice(src.fd, src.pipe.w, src.pipe.size)
	if e == unix.EINVAL {
		src.copies = true
		s.unpipe(src)
		return true
	}
	n = s.got(c, src, n, e)
	if n <= 0 {
		if c.state == inRelay {
			s.unpipe(src)
		}
		return n == 0
	}
	src.pipe.n = n
	if n < spliceMin {
		src.full = 0
	}
	return true
}

// spliceMin is how much has to come at once for the pipe to be kept.
const spliceMin = 16 << 10

func (s *shard) unpipe(src *end) {
	if src.pipe != nil && src.pipe.n == 0 {
		s.pipes.put(src.pipe)
		src.pipe = nil
	}
}

// count notes bytes that have passed.
func (s *shard) count(c *conn, src *end, n int) {
	c.movedAt = s.elapsed
	if src == &c.ends[client] {
		c.took(n)
	} else {
		c.gave(n)
	}
}

// atEnd hands the end of src on, once all before it is written.
func (s *shard) atEnd(c *conn, src, dst *end) {
	s.unpipe(src)
	if dst.eof && dst.drained() {
		s.finish(c)
		return
	}
	if dst.shut {
		return
	}
	dst.shut = true
	sysShutdownWrite(dst.fd)
	c.half, c.movedAt = true, s.elapsed
	s.within(c, s.run.timeouts.HalfClosed)
}

// quiet ends a connection through which nothing has passed for too long.
func (s *shard) quiet(c *conn) {
	allowed := s.run.timeouts.Idle
	if c.half {
		allowed = s.run.timeouts.HalfClosed
	}
	if allowed < 0 {
		return
	}
	if left := c.movedAt + allowed - s.elapsed; left > 0 {
		s.after(c, left)
		return
	}
	c.broke(errIdle)
	if c.half {
		s.reset(c)
		return
	}
	s.finish(c)
}
