package sniproxy

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// A web is what a connection of HTTP has besides. Heads are parsed by what the shard
// has for that; what is kept here is all that lasts.
type web struct {
	front    frontHeader
	parser   httphead.RequestParser
	x        exchange
	decision Decision
	held     []byte // of the client: read and not used
	partial  []byte // of the server: a head that is not complete
	deadline time.Duration
	waits    bool // for a request of which nothing has come
	served   bool // it had a request
	reused   bool
	answered bool // the response has ended; what is left is to be flushed
	deaf     bool // the server takes no more of the request
}

// heads are where a shard parses.
type heads struct {
	req  httphead.Request
	resp httphead.Response
	out  []byte
}

// startWeb begins a connection of HTTP.
func (s *shard) startWeb(c *conn) {
	c.web = &web{waits: true, deadline: s.elapsed + s.run.timeouts.Hello}
	c.web.front.wanted = c.fromFront()
	s.readRequest(c)
}

// readRequest reads what the client sent, until a head is whole.
func (s *shard) readRequest(c *conn) {
	e := &c.ends[client]
	for c.state == inHello {
		n, err := sysRead(e.fd, s.buf)
		switch {
		case err == unix.EAGAIN:
			e.ready = false
			return
		case err != 0:
			s.endWeb(c, readRefusal(err))
			return
		case n == 0:
			s.endWeb(c, refuse(Aborted, nil))
			return
		}
		e.ready = n == len(s.buf) || e.hup
		b := s.buf[:n]
		if w := c.web; w.held != nil {
			w.held = append(w.held, b...)
			b = w.held
		}
		s.moreRequest(c, b)
		if !e.ready {
			return
		}
	}
}

// endWeb ends a connection whose client is gone.
func (s *shard) endWeb(c *conn, e *RefusedError) {
	if !c.web.served {
		c.refused(e)
	}
	s.finish(c)
}

// moreRequest takes all bytes of the client since the last request.
func (s *shard) moreRequest(c *conn, b []byte) {
	w := c.web
	if w.waits {
		w.waits = false
		if w.served {
			w.x.rec.Start = s.now
			w.deadline = s.elapsed + s.run.timeouts.Hello
			s.within(c, s.run.timeouts.Hello)
		} else {
			w.x.rec.Start = c.start
		}
	}
	if w.front.wanted {
		done, refused := w.front.parse(b)
		if refused == nil && done {
			refused = c.headed(&w.front)
			w.front.wanted = false
			b = b[w.front.size:]
		}
		if refused != nil {
			s.refuse(c, refused)
			return
		}
	}
	n := 0
	if !w.front.wanted && len(b) > 0 {
		var err error
		if n, err = w.parser.Parse(b, &s.heads.req); err != nil {
			w.x.rec = Record{Proto: HTTP, Start: w.x.rec.Start, Client: c.client, Local: c.local, Front: c.front}
			w.x.began, w.x.about = false, httphead.Exchange{}
			s.refuse(c, headRefusal(err))
			return
		}
	}
	if n == 0 {
		w.held = append(w.held[:0], b...)
		return
	}
	w.served = true
	w.x.request(&c.flow, &s.heads.req, n, w.x.rec.Start)
	c.took(n)
	s.request(c, b, n)
}

// request routes the request whose head is b[:size], and sends it.
func (s *shard) request(c *conn, b []byte, size int) {
	w := c.web
	refused := s.routeRequest(c)
	if refused != nil {
		s.refuse(c, refused)
		return
	}
	forward := c.forward()
	out, err := s.heads.req.AppendForward(s.heads.out[:0], &forward)
	if err != nil {
		s.refuse(c, headRefusal(err))
		return
	}
	s.heads.out = out
	if w.x.body.Done() && w.reused {
		w.x.head = append([]byte(nil), out...)
	}
	rest := b[size:]
	n, err := w.bodyOf(c, rest)
	if err != nil {
		s.refuse(c, headRefusal(err))
		return
	}
	out = append(out, rest[:n]...)
	s.heads.out = out
	w.hold(rest[n:])
	w.x.rec.Received = int64(len(out))
	w.answered, w.deaf, w.partial = false, false, nil
	if w.reused {
		s.sendRequest(c, out)
		return
	}
	s.resolveWeb(c, out)
}

// hold keeps bytes that are not used yet, in place of those before.
func (w *web) hold(b []byte) {
	if len(b) == 0 {
		w.held = nil
		return
	}
	w.held = append([]byte(nil), b...)
}

// bodyOf says how much of b is the request's body.
func (w *web) bodyOf(c *conn, b []byte) (int, error) {
	if w.x.body.Done() || len(b) == 0 {
		return 0, nil
	}
	n, err := w.x.body.Next(b)
	c.took(n)
	return n, err
}

// routeRequest finds the site, and leaves the backend of another one.
func (s *shard) routeRequest(c *conn) *RefusedError {
	w := c.web
	s.asked = Request{Proto: HTTP, Name: w.x.rec.Name, Client: c.client, Local: c.local}
	d, err := s.run.Router.Route(&s.asked)
	if err != nil {
		return routeRefusal(err)
	}
	if d.Backend == nil {
		return refuse(Denied, ErrDenied)
	}
	w.x.rec.Site, w.x.rec.ProxyOut = d.Site, d.Proxy
	w.reused = c.ends[server].fd >= 0 && c.site.name == d.Site && w.decision.Backend == d.Backend && d.Proxy == proxyheader.Off
	if w.reused {
		return nil
	}
	s.hangUp(c)
	w.decision, c.name = d, w.x.rec.Name
	return c.enter(&d)
}

// resolveWeb finds and dials the backend; out is sent to it.
func (s *shard) resolveWeb(c *conn, out []byte) {
	c.open = take(&s.unused.awaiting)
	c.open.decision = c.web.decision
	c.state = inDial
	s.resolve(c, out)
}

// hangUp ends the server's connection.
func (s *shard) hangUp(c *conn) {
	e := &c.ends[server]
	if e.fd < 0 {
		return
	}
	if e.pipe != nil {
		s.pipes.put(e.pipe)
	}
	sysClose(e.fd)
	*e = end{fd: -1}
	up := &c.ends[client]
	up.rest = nil
	if up.pipe != nil {
		s.pipes.put(up.pipe)
		up.pipe = nil
	}
	c.serverAdded = false
	c.disconnected()
}

// sendRequest sends by the connection that was kept.
func (s *shard) sendRequest(c *conn, out []byte) {
	n, e := sysSend(c.ends[server].fd, out)
	if e != 0 && e != unix.EAGAIN {
		s.sendAgain(c, e)
		return
	}
	if n = max(n, 0); e != 0 {
		n = 0
	}
	if n < len(out) {
		c.ends[client].rest = append([]byte(nil), out[n:]...)
	}
	s.exchange(c)
}

// sendAgain uses a new connection, if the request may be repeated; err is what
// became of the one that was kept.
func (s *shard) sendAgain(c *conn, err error) {
	w := c.web
	s.hangUp(c)
	if !w.reused || !w.x.repeatable() {
		s.refuse(c, answerRefusal(err))
		return
	}
	w.reused = false
	s.resolveWeb(c, w.x.head)
}

// webRefusal is what the client of a request that is refused gets.
func (c *conn) webRefusal(e *RefusedError, now time.Time) []byte {
	w := c.web
	if !w.served && e.Status == 408 && w.held == nil {
		return nil // not even a head was begun
	}
	out := w.x.refuse(e)
	c.gave(len(out))
	w.x.rec.Sent += int64(len(out))
	w.x.finish(&c.flow, now)
	return out
}

// webDue is the deadline of a request's head, or of waiting for one.
func (s *shard) webDue(c *conn) {
	w := c.web
	if left := w.deadline - s.elapsed; left > 0 {
		s.after(c, left)
		return
	}
	if w.waits && w.served {
		s.finish(c)
		return
	}
	s.refuse(c, refuse(HelloTimeout, nil))
}
