package sniproxy

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A relaying is the two directions of a connection and what watches them.
type relaying struct {
	client, backend net.Conn
	idle, half      time.Duration

	last   atomic.Int64 // when a byte passed, in nanoseconds since start
	start  time.Time
	halved atomic.Bool // a direction has ended
	over   sync.Mutex  // guards timer
	timer  *time.Timer
}

// relay moves bytes both ways until both directions have ended.
func (p *portable) relay(f *flow, client, backend *source) {
	r := &relaying{
		client: client.conn, backend: backend.conn, start: time.Now(),
		idle: p.run.timeouts.Idle, half: p.run.timeouts.HalfClosed,
	}
	r.watch()
	up := make(chan error, 1)
	go func() { up <- r.pass(backend.conn, client, f.took) }()
	down := r.pass(client.conn, backend, f.gave)
	err := errors.Join(<-up, down)
	r.unwatch()
	if err != nil {
		f.broke(err)
	}
}

// pass moves bytes from src to dst until the end, and hands that on. When it fails
// both connections are reset, so that neither side takes a part for the whole.
func (r *relaying) pass(dst net.Conn, src *source, count func(int)) error {
	err := r.copy(dst, src, count)
	if err == nil && closeWrite(dst) {
		r.moved()
		r.halved.Store(true)
		r.rewatch()
		return nil
	}
	reset(r.client)
	reset(r.backend)
	return err
}

func (r *relaying) copy(dst net.Conn, src *source, count func(int)) error {
	out, _ := dst.(*net.TCPConn)
	splices := out != nil && src.tcp != nil
	full := 0
	for {
		b, err := src.read()
		if isEnd(err) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = dst.Write(b)
		n := len(b)
		src.release()
		if err != nil {
			return err
		}
		count(n)
		r.moved()
		if n < bufSize {
			full = 0
			continue
		}
		if full++; full < 2 || !splices {
			continue
		}
		full = 0
		if done, err := r.splice(out, src.tcp, count); done || err != nil {
			return err
		}
	}
}

// Splicing goes in bursts; when one is not done in time the flow has become slow,
// and the pipe is given back.
const (
	burst     = 1 << 20
	burstTime = time.Second
)

// splice moves bytes within the kernel as long as they come quickly; done says that
// src has ended.
func (r *relaying) splice(dst, src *net.TCPConn, count func(int)) (done bool, err error) {
	for {
		if err := src.SetReadDeadline(time.Now().Add(burstTime)); err != nil {
			return false, err
		}
		n, err := io.Copy(dst, &io.LimitedReader{R: src, N: burst})
		count(int(n))
		if n > 0 {
			r.moved()
		}
		switch {
		case err != nil && isTimeout(err):
			return false, src.SetReadDeadline(time.Time{})
		case err != nil:
			return false, err
		case n < burst:
			return true, nil
		}
	}
}

func (r *relaying) moved() { r.last.Store(int64(time.Since(r.start))) }

// watch ends the connection when nothing moves for too long.
func (r *relaying) watch() {
	r.over.Lock()
	defer r.over.Unlock()
	r.timer = time.AfterFunc(r.allowed(), r.check)
}

// rewatch is for when less time is allowed than before.
func (r *relaying) rewatch() {
	r.over.Lock()
	defer r.over.Unlock()
	if r.timer != nil {
		r.timer.Reset(r.allowed())
	}
}

func (r *relaying) unwatch() {
	r.over.Lock()
	defer r.over.Unlock()
	r.timer.Stop()
	r.timer = nil
}

// never is longer than any connection lives.
const never = 1 << 62 * time.Nanosecond

func (r *relaying) allowed() time.Duration {
	switch {
	case r.halved.Load():
		return r.half
	case r.idle < 0:
		return never
	}
	return r.idle
}

// errIdle is what ended a connection through which nothing passed.
var errIdle = errors.New("sniproxy: nothing has passed for too long")

func (r *relaying) check() {
	r.over.Lock()
	defer r.over.Unlock()
	if r.timer == nil {
		return
	}
	quiet := time.Since(r.start) - time.Duration(r.last.Load())
	if left := r.allowed() - quiet; left > 0 {
		r.timer.Reset(left)
		return
	}
	if r.halved.Load() {
		reset(r.client)
		reset(r.backend)
		return
	}
	_ = r.client.Close()
	_ = r.backend.Close()
}
