package sniproxy

import "golang.org/x/sys/unix"

// pumpUp moves the request's body.
func (s *shard) pumpUp(c *conn) {
	w := c.web
	src, dst := &c.ends[client], &c.ends[server]
	for range pumpMany {
		if !s.flushUp(c, src, dst) {
			return
		}
		if w.x.body.Done() || w.deaf {
			return
		}
		var n int
		var e unix.Errno
		if certain := w.x.body.Certain(); certain >= spliceMinBody && !src.copies && s.pipeFor(src) {
			n, e = sysSplice(src.fd, src.pipe.w, int(min(certain, int64(src.pipe.size))))
			if e == 0 && n > 0 {
				src.pipe.n = n
				w.x.body.Skip(int64(n))
				continue
			}
			s.unpipe(src)
			if e == unix.EINVAL {
				src.copies = true
				continue
			}
		} else {
			s.unpipe(src)
			n, e = sysRead(src.fd, s.buf)
		}
		switch {
		case e == unix.EAGAIN:
			src.ready = false
			return
		case e != 0:
			s.breakOff(c, e)
			return
		case n == 0:
			s.breakOff(c, errHalfRequest)
			return
		}
		if !s.passUp(c, s.buf[:n]) {
			return
		}
	}
	s.again = append(s.again, turn{c.id, client})
}

// flushUp writes what was read of the client; false if that has to wait.
func (s *shard) flushUp(c *conn, src, dst *end) bool {
	for len(src.rest) > 0 {
		n, e := sysSend(dst.fd, src.rest)
		if e != 0 {
			return s.stuckUp(c, e)
		}
		c.movedAt = s.elapsed
		if src.rest = src.rest[n:]; len(src.rest) == 0 {
			src.rest = nil
		}
	}
	for src.pipe != nil && src.pipe.n > 0 {
		n, e := sysSplice(src.pipe.r, dst.fd, src.pipe.n)
		if e != 0 {
			return s.stuckUp(c, e)
		}
		src.pipe.n -= n
		c.took(n)
		c.web.x.rec.Received += int64(n)
		c.movedAt = s.elapsed
	}
	return true
}

// stuckUp is false always. A server that takes no more may have answered before.
func (s *shard) stuckUp(c *conn, e unix.Errno) bool {
	if e == unix.EAGAIN {
		return false
	}
	src := &c.ends[client]
	src.rest = nil
	if src.pipe != nil {
		s.pipes.put(src.pipe)
		src.pipe = nil
	}
	c.web.deaf = true
	s.pumpDown(c)
	return false
}

// passUp sends bytes of the client that are the body's, and holds the others.
func (s *shard) passUp(c *conn, b []byte) (more bool) {
	w := c.web
	n, err := w.bodyOf(c, b)
	if err != nil {
		s.hangUp(c)
		if w.x.began {
			s.breakOff(c, err)
		} else {
			s.refuse(c, headRefusal(err))
		}
		return false
	}
	if n < len(b) {
		w.held = append(w.held, b[n:]...)
	}
	w.x.rec.Received += int64(n)
	src := &c.ends[client]
	sent, e := sysSend(c.ends[server].fd, b[:n])
	if e != 0 && e != unix.EAGAIN {
		return s.stuckUp(c, e)
	}
	if e != 0 {
		sent = 0
	}
	c.movedAt = s.elapsed
	if sent < n {
		src.rest = append([]byte(nil), b[sent:n]...)
	}
	return true
}
