package sniproxy

import (
	"errors"
	"io"
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

// exchange moves both bodies.
func (h *httpConn) exchange() (keep bool) {
	w := &relaying{client: h.c, backend: h.back.conn, start: time.Now(), idle: h.p.run.timeouts.Idle, half: h.p.run.timeouts.HalfClosed}
	w.watch()
	var sent chan error
	if !h.x.body.Done() {
		sent = make(chan error, 1)
		go func() { sent <- h.sendBody(w) }()
	}
	err := h.readAnswer(w)
	if err != nil && h.reused && sent == nil && h.x.repeatable() && h.again() == nil {
		w.backend = h.back.conn
		err = h.readAnswer(w)
	}
	if sent != nil {
		err = errors.Join(err, h.joinBody(sent))
	}
	w.unwatch()
	switch {
	case err != nil:
		h.broke(err)
		return false
	case h.x.tunnel:
		h.tunnel()
		return false
	}
	h.x.rec.Result, h.x.rec.Backend, h.x.rec.DialTook = Routed, h.f.addr, h.f.dialTook
	h.x.finish(&h.f, time.Now())
	if !h.x.keep.backend || !h.x.body.Done() {
		h.hangUp()
	}
	if keep = h.x.keep.client && h.x.body.Done(); !keep {
		_ = h.c.SetDeadline(time.Now().Add(lingerTime))
		linger(h.c)
	}
	return keep
}

// joinBody waits for the request's body, which nobody needs once the response has
// ended before.
func (h *httpConn) joinBody(sent chan error) error {
	select {
	case err := <-sent:
		return err
	default:
	}
	_ = h.c.SetReadDeadline(time.Now())
	err := <-sent
	_ = h.c.SetReadDeadline(time.Time{})
	if isTimeout(err) {
		return nil
	}
	return err
}

// sendBody relays the request's body.
func (h *httpConn) sendBody(w *relaying) error {
	for !h.x.body.Done() {
		if n, err := w.spliceBody(h.back.tcp, h.in.tcp, &h.x.body, h.f.took); n > 0 || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		b, err := h.in.read()
		if err != nil {
			reset(h.back.conn)
			return err
		}
		n, err := h.bodyOf(b)
		if err == nil {
			_, err = h.back.conn.Write(b[:n])
		}
		h.held = append(h.held, b[n:]...)
		h.in.release()
		if err != nil {
			reset(h.back.conn)
			return err
		}
		w.moved()
	}
	return nil
}

// readAnswer relays the response.
func (h *httpConn) readAnswer(w *relaying) error {
	x := &h.x
	var held []byte // of a head that is not complete
	for {
		if x.final {
			if n, err := w.spliceBody(h.in.tcp, h.back.tcp, &x.response, h.gave); err != nil {
				return err
			} else if n > 0 {
				if x.response.Done() {
					return nil
				}
				continue
			}
		}
		b, err := h.back.read()
		if err != nil {
			if !isEnd(err) {
				return err
			}
			return x.backendEnd()
		}
		w.moved()
		all := b
		if held != nil {
			all = append(held, b...)
		}
		out, used, done, err := x.answer(h.out[:0], all, &h.resp)
		held = append([]byte(nil), all[used:]...)
		if len(held) == 0 {
			held = nil
		}
		h.back.release()
		h.out = out
		if len(out) > 0 {
			x.began = true
			if _, werr := h.c.Write(out); werr != nil {
				return werr
			}
			h.gave(len(out))
			w.moved()
		}
		if err != nil || done {
			if held != nil && x.keep.backend {
				x.keep.backend = false // bytes that nobody asked for
			}
			return err
		}
	}
}

func (h *httpConn) gave(n int) {
	h.f.gave(n)
	h.x.rec.Sent += int64(n)
}

// broke ends an exchange that failed: by a response if none began, else so that the
// client sees that it was cut short.
func (h *httpConn) broke(err error) {
	h.hangUp()
	if h.x.began {
		h.x.rec.Result, h.x.rec.Err = Routed, err
		h.x.rec.Backend = h.f.addr
		h.x.finish(&h.f, time.Now())
		h.f.broke(err)
		reset(h.c)
		return
	}
	h.sayNo(answerRefusal(err))
}

// sayNo answers a request that is not relayed, and ends the connection gently.
func (h *httpConn) sayNo(e *RefusedError) {
	if e.Status == 0 && h.x.rec.Start.IsZero() {
		return
	}
	out := h.x.refuse(e)
	_ = h.c.SetDeadline(time.Now().Add(lingerTime))
	if out != nil {
		if _, err := h.c.Write(out); err == nil {
			h.gave(len(out))
		}
	}
	h.x.finish(&h.f, time.Now())
	linger(h.c)
}

// tunnel relays what follows a switch of protocols.
func (h *httpConn) tunnel() {
	h.x.rec.Result, h.x.rec.Backend = Routed, h.f.addr
	if len(h.held) > 0 {
		if _, err := h.back.conn.Write(h.held); err != nil {
			h.f.broke(err)
		}
		h.f.took(len(h.held))
		h.held = nil
	}
	before := [2]int64{h.f.received, h.f.sent}
	h.p.relay(&h.f, h.in, h.back)
	h.x.rec.Received += h.f.received - before[0]
	h.x.rec.Sent += h.f.sent - before[1]
	h.x.finish(&h.f, time.Now())
}

// spliceMinBody is from what length on a body is moved within the kernel.
const spliceMinBody = 256 << 10

// spliceBody moves a part of a long body whose length is known; 0 if it is none.
func (r *relaying) spliceBody(dst, src *net.TCPConn, body *httphead.Body, count func(int)) (int64, error) {
	if dst == nil || src == nil || body.Certain() < spliceMinBody {
		return 0, nil
	}
	if err := src.SetReadDeadline(time.Now().Add(burstTime)); err != nil {
		return 0, err
	}
	n, err := io.Copy(dst, &io.LimitedReader{R: src, N: min(body.Certain(), burst)})
	body.Skip(n)
	count(int(n))
	if n > 0 {
		r.moved()
	}
	if reset := src.SetReadDeadline(time.Time{}); err == nil {
		err = reset
	}
	switch {
	case isTimeout(err) && n > 0:
		return n, nil
	case isTimeout(err):
		return 0, nil
	case err == nil && n == 0:
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}
