package sniproxy

import (
	"net"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// httpConn serves the requests of one client's connection, one after the other.
type httpConn struct {
	p    *portable
	f    flow
	c    net.Conn
	in   *source
	held []byte // of the client: read and not used
	out  []byte

	parser httphead.RequestParser
	req    httphead.Request
	resp   httphead.Response
	x      exchange

	back     *source // the backend's connection, nil if there is none
	decision Decision
	reused   bool
}

// http serves one connection of HTTP/1.
func (p *portable) http(c net.Conn) {
	h := &httpConn{p: p, c: c, in: newSource(c, &p.bufs)}
	defer func() {
		h.hangUp()
		h.f.end(time.Now(), new(Record))
	}()
	if refused := h.f.begin(p.run, HTTP, addrPort(c.RemoteAddr()), addrPort(c.LocalAddr()), time.Now()); refused != nil {
		h.f.refused(refused)
		return
	}
	_ = c.SetReadDeadline(h.f.start.Add(p.run.timeouts.Hello))
	if refused := h.readFront(); refused != nil {
		h.f.refused(refused)
		return
	}
	for h.serve() {
		if !p.setIdle(c, true) {
			return
		}
		_ = c.SetReadDeadline(time.Now().Add(p.run.timeouts.KeepAlive))
		if p.isDraining() {
			return
		}
	}
}

// more reads more of the client into held.
func (h *httpConn) more() error {
	b, err := h.in.read()
	if err != nil {
		return err
	}
	h.held = append(h.held, b...)
	h.in.release()
	return nil
}

// readFront reads the header of a trusted front, if there is to be one.
func (h *httpConn) readFront() *RefusedError {
	front := frontHeader{wanted: h.f.fromFront()}
	for {
		done, refused := front.parse(h.held)
		if refused != nil {
			return refused
		}
		if done {
			h.held = h.held[front.size:]
			return h.f.headed(&front)
		}
		if err := h.more(); err != nil {
			return readRefusal(err)
		}
	}
}

// serve serves one request; keep says that the connection can take another.
func (h *httpConn) serve() (keep bool) {
	start := time.Now()
	size, refused := h.readHead(&start)
	if refused != nil {
		if h.f.result != Routed {
			h.f.refused(refused)
		}
		if len(h.held) == 0 && refused.Result != Malformed && refused.Result != TooLarge {
			return false // an end between requests
		}
		h.x.rec = Record{Proto: HTTP, Start: start, Client: h.f.client, Local: h.f.local, Front: h.f.front}
		h.x.began, h.x.about = false, httphead.Exchange{}
		h.sayNo(refused)
		return false
	}
	h.x.request(&h.f, &h.req, size, start)
	h.f.took(size)
	_ = h.c.SetReadDeadline(time.Time{})
	if refused := h.route(); refused != nil {
		if h.f.result != Routed {
			h.f.refused(refused)
		}
		h.sayNo(refused)
		return false
	}
	return h.relay(size)
}

// readHead reads a request's head. The deadline that holds for its first byte is
// replaced then.
func (h *httpConn) readHead(start *time.Time) (size int, refused *RefusedError) {
	h.parser.Reset()
	for waited := false; ; {
		if len(h.held) > 0 {
			if h.p.setIdle(h.c, false); waited {
				waited, *start = false, time.Now()
				_ = h.c.SetReadDeadline(start.Add(h.p.run.timeouts.Hello))
			}
			n, err := h.parser.Parse(h.held, &h.req)
			if err != nil {
				return 0, headRefusal(err)
			}
			if n > 0 {
				return n, nil
			}
		} else {
			waited = h.f.result == Routed // the first request's deadline began with accept
		}
		if err := h.more(); err != nil {
			return 0, readRefusal(err)
		}
	}
}

// route finds the site of the request, and leaves a backend of another one.
func (h *httpConn) route() *RefusedError {
	d, err := h.p.run.Router.Route(&Request{Proto: HTTP, Name: h.x.rec.Name, Client: h.f.client, Local: h.f.local})
	if err != nil {
		return routeRefusal(err)
	}
	if d.Backend == nil {
		return refuse(Denied, ErrDenied)
	}
	h.x.rec.Site, h.x.rec.ProxyOut = d.Site, d.Proxy
	if h.back != nil && h.f.site.name == d.Site && h.decision.Backend == d.Backend && d.Proxy == proxyheader.Off && !h.back.stale() {
		h.reused = true
		return nil
	}
	h.hangUp()
	h.decision, h.f.name, h.reused = d, h.x.rec.Name, false
	if refused := h.f.enter(&d); refused != nil {
		return refused
	}
	return h.connect()
}

// connect gets a new connection to the site of the flow.
func (h *httpConn) connect() *RefusedError {
	b, refused := h.p.connect(&h.f, &h.decision)
	if refused != nil {
		return refused
	}
	h.back = newSource(b, &h.p.bufs)
	return nil
}

// hangUp ends the backend's connection.
func (h *httpConn) hangUp() {
	if h.back != nil {
		h.p.release(h.back.conn)
		h.back = nil
		h.f.disconnected()
	}
}

// relay sends the request and relays the response.
func (h *httpConn) relay(size int) (keep bool) {
	x := &h.x
	out := h.out[:0]
	var err error
	if !h.reused {
		if out, err = appendHeader(out, &h.decision, h.f.client, h.f.local, h.f.name, h.f.uniqueID()); err != nil {
			h.sayNo(refuse(BackendRefused, err))
			return false
		}
	}
	forward := h.f.forward()
	if out, err = h.req.AppendForward(out, &forward); err != nil {
		h.sayNo(headRefusal(err))
		return false
	}
	if h.held = h.held[size:]; len(h.held) == 0 {
		h.held = nil
	}
	h.out = out
	if x.body.Done() {
		x.head = out
	}
	n, err := h.bodyOf(h.held)
	out = append(out, h.held[:n]...)
	h.held = h.held[n:]
	if err == nil {
		x.rec.Received = int64(len(out))
		err = h.send(out)
	}
	if err != nil {
		h.hangUp()
		h.sayNo(answerRefusal(err))
		return false
	}
	return h.exchange()
}

// bodyOf says how much of b is the request's body.
func (h *httpConn) bodyOf(b []byte) (int, error) {
	if h.x.body.Done() || len(b) == 0 {
		return 0, nil
	}
	n, err := h.x.body.Next(b)
	h.f.took(n)
	return n, err
}

// send sends the request's head, again if the connection that was kept has ended.
func (h *httpConn) send(out []byte) error {
	_, err := h.back.conn.Write(out)
	if err == nil || !h.reused || !h.x.repeatable() {
		return err
	}
	return h.again()
}

// again sends the request by a new connection.
func (h *httpConn) again() error {
	h.hangUp()
	h.reused = false
	if refused := h.connect(); refused != nil {
		return refused
	}
	_, err := h.back.conn.Write(h.x.head)
	return err
}
