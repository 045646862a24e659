package sniproxy

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

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
