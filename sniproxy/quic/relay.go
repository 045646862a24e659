package quic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// launch starts the goroutine of a flow that is to have a server. Called with mu
// held.
func (l *listener) launch(f *flow) {
	l.flows.Go(f.run)
}

// run finds a server for the flow and passes on what it sends.
func (f *flow) run() {
	buf := make([]byte, f.l.s.maxDatagram()+1)
	conn, err := f.connect(buf)
	if err != nil {
		f.refuse(unserved(err))
		return
	}
	err = f.relay(conn, buf)
	_ = conn.Close()
	f.l.mu.Lock()
	f.remove()
	f.l.mu.Unlock()
	f.decision.Backend.Closed(f.record.Backend)
	f.report(sniproxy.Routed, err)
}

// connect tries the servers in turn until one has answered.
func (f *flow) connect(buf []byte) (net.Conn, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(f.l.ctx, f.l.s.Timeouts.dial())
	defer cancel()
	defer func() { f.record.DialTook = time.Since(start) }()
	if f.rebound {
		return f.reopen(ctx)
	}
	candidates, err := f.resolve(ctx)
	if err != nil {
		return nil, err
	}
	err = backend.ErrNoBackend
	for i, addr := range candidates {
		var conn net.Conn
		if conn, err = f.try(ctx, addr, buf, i == len(candidates)-1); err == nil {
			return conn, nil
		}
		if ctx.Err() != nil || f.earlyData && errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	return nil, err
}

// reopen makes another socket to the server of a connection that goes on.
func (f *flow) reopen(ctx context.Context) (net.Conn, error) {
	addr := f.record.Backend
	conn, err := f.open(ctx, addr)
	if err != nil {
		return nil, err
	}
	if err := f.use(conn, time.Time{}); err != nil {
		return nil, err
	}
	f.dialled(addr, nil, 0)
	f.answered(addr)
	return conn, nil
}

// resolve returns the servers to try.
func (f *flow) resolve(ctx context.Context) ([]netip.AddrPort, error) {
	q := backend.Query{Name: f.record.Name, Client: f.record.Client.Addr(), Port: f.l.local.Port()}
	addrs, ready, err := f.decision.Backend.Ready(nil, q)
	if !ready {
		addrs, err = f.decision.Backend.Resolve(ctx, nil, q)
	}
	if err != nil {
		return nil, fmt.Errorf("quic: servers of %q: %w", f.decision.Site, err)
	}
	return addrs, nil
}

// open makes a socket to a server that the guard allows.
func (f *flow) open(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	if err := f.l.s.Guard.Check(addr); err != nil {
		return nil, err
	}
	o := backend.DialOptions{Guard: f.l.s.Guard, Source: f.decision.Source, Client: f.record.Client.Addr()}
	dial := f.l.s.Dial
	if dial == nil {
		dial = dialUDP
	}
	conn, err := dial(ctx, addr, o)
	if err != nil {
		f.dialled(addr, err, 0)
		return nil, err
	}
	return conn, nil
}

// try sends what is held to a server and passes on its first datagram. It waits for
// that until ctx ends if the server is the last, or a second.
func (f *flow) try(ctx context.Context, addr netip.AddrPort, buf []byte, last bool) (net.Conn, error) {
	start := time.Now()
	conn, err := f.open(ctx, addr)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	if reply := start.Add(f.l.s.Timeouts.reply()); !last && reply.Before(deadline) {
		deadline = reply
	}
	if err := f.use(conn, deadline); err != nil {
		return nil, err
	}
	n, err := conn.Read(buf)
	if err == nil {
		f.answered(addr)
		f.dialled(addr, nil, time.Since(start))
		f.toClient(buf[:n])
		return conn, nil
	}
	if f.unreachable.Load() {
		err = syscall.ECONNREFUSED
	}
	f.dialled(addr, err, time.Since(start))
	f.l.mu.Lock()
	defer f.l.mu.Unlock()
	f.conn = nil
	_ = conn.Close()
	return nil, fmt.Errorf("quic: %v did not answer: %w", addr, err)
}

// answered notes the server that the connection stays with. Nothing is held any
// more.
func (f *flow) answered(addr netip.AddrPort) {
	f.record.Backend = addr
	f.l.mu.Lock()
	defer f.l.mu.Unlock()
	f.state = relaying
	f.release()
}

// dialled tells how an attempt ended.
func (f *flow) dialled(addr netip.AddrPort, err error, took time.Duration) {
	f.decision.Backend.Report(addr, err, took)
	if o := f.l.s.Observer; o != nil && o.Dialled != nil {
		o.Dialled(f.decision.Site, addr, err, took)
	}
}

// use makes conn the flow's server and sends it what is held.
func (f *flow) use(conn net.Conn, deadline time.Time) error {
	_ = conn.SetReadDeadline(deadline)
	f.unreachable.Store(false)
	f.l.mu.Lock()
	if f.l.closed {
		f.l.mu.Unlock()
		_ = conn.Close()
		return net.ErrClosed
	}
	f.conn = conn
	held := f.held
	f.l.mu.Unlock()
	for _, b := range held {
		f.toServer(conn, b)
	}
	return nil
}

// toServer sends a datagram of the client's. One that cannot be sent is lost.
func (f *flow) toServer(conn net.Conn, b []byte) {
	if _, err := conn.Write(b); err != nil && errors.Is(err, syscall.ECONNREFUSED) && !f.unreachable.Swap(true) {
		_ = conn.SetReadDeadline(time.Now()) // who waits for a reply need wait no longer
	}
}

// relay passes on what the server sends, until nothing has passed for too long.
func (f *flow) relay(conn net.Conn, buf []byte) error {
	idle := f.l.s.Timeouts.idle()
	_ = conn.SetReadDeadline(time.Now().Add(idle))
	for {
		n, err := conn.Read(buf)
		switch {
		case err == nil:
			f.toClient(buf[:n])
		case errors.Is(err, os.ErrDeadlineExceeded):
			left := idle - time.Since(time.Unix(0, f.active.Load()))
			if left <= 0 {
				return nil
			}
			_ = conn.SetReadDeadline(time.Now().Add(left))
		case errors.Is(err, syscall.ECONNREFUSED): // it restarts
		default:
			return fmt.Errorf("quic: read from %v: %w", f.record.Backend, err)
		}
	}
}

// toClient passes on a datagram of the server's.
func (f *flow) toClient(b []byte) {
	if len(b) > f.l.s.maxDatagram() || !f.validated.Load() && f.sent.Load()+int64(len(b)) > 3*f.received.Load() {
		f.l.s.counts.dropped.Add(1)
		return
	}
	f.active.Store(time.Now().UnixNano())
	f.sent.Add(int64(len(b)))
	if h, long := parseInvariant(b); long {
		f.learn(h.scid)
	}
	f.l.write(b, f.client)
}

// unserved says what it means that no server answered.
func unserved(err error) *sniproxy.RefusedError {
	r := &sniproxy.RefusedError{Result: sniproxy.BackendRefused, Err: err}
	var guard *backend.RefusedError
	switch {
	case errors.As(err, &guard):
		r.Result = sniproxy.Denied
	case errors.Is(err, net.ErrClosed), errors.Is(err, context.Canceled):
		r.Result = sniproxy.Aborted
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		r.Result = sniproxy.BackendTimeout
	}
	return r
}
