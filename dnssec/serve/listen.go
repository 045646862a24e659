package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"time"
)

// group is what a running server has started.
type group struct {
	server *Server
	ctx    context.Context // ends with the order to end
	wg     sync.WaitGroup
	crowd  crowd

	mu     sync.Mutex // guards what is below
	conns  map[net.Conn]bool
	ending bool
	err    error
}

// ListenAndServe serves UDP and TCP on addresses as of net.Listen, and ends as
// [Server.Serve] does.
func (s *Server) ListenAndServe(ctx context.Context, addrs ...string) error {
	var l Listeners
	for _, addr := range addrs {
		if err := l.listen(ctx, addr); err != nil {
			l.close()
			return err
		}
	}
	return s.Serve(ctx, l)
}

// listen opens both, on one port if the address has port 0.
func (l *Listeners) listen(ctx context.Context, addr string) error {
	var c net.ListenConfig
	tcp, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("serve: listen: %w", err)
	}
	l.TCP = append(l.TCP, tcp)
	udp, err := c.ListenPacket(ctx, "udp", tcp.Addr().String())
	if err != nil {
		return fmt.Errorf("serve: listen: %w", err)
	}
	l.UDP = append(l.UDP, udp)
	return nil
}

func (l Listeners) close() {
	for _, c := range l.UDP {
		_ = c.Close()
	}
	for _, c := range append(l.TCP[:len(l.TCP):len(l.TCP)], l.TLS...) {
		_ = c.Close()
	}
}

// Serve serves until ctx ends, and sends what is to be told to secondaries. It
// closes the listeners. Transfers that have begun then go on for Limits.Drain. All
// that it started has ended when it returns; the error is nil unless a listener
// failed. A server runs once at a time.
func (s *Server) Serve(ctx context.Context, l Listeners) error {
	defer l.close()
	if len(l.TLS) > 0 && s.TLS == nil {
		return errors.New("serve: a listener is for TLS: set TLS, with a certificate")
	}
	keys, err := newKeyring(s.Keys, s.AllowSHA1)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := &group{server: s, ctx: ctx, conns: make(map[net.Conn]bool)}
	if !s.begin(g, keys) {
		return errors.New("serve: the server runs already")
	}
	for _, c := range l.UDP {
		destinations(c)
		for range max(2, runtime.GOMAXPROCS(0)) {
			g.wg.Go(func() { g.done(g.packets(c), cancel) })
		}
	}
	for _, c := range l.TCP {
		g.wg.Go(func() { g.done(g.accept(c, false), cancel) })
	}
	for _, c := range l.TLS {
		g.wg.Go(func() { g.done(g.accept(c, true), cancel) })
	}
	<-ctx.Done()
	s.end()
	l.close()
	g.drain(s.Limits.drain())
	return g.err
}

// done keeps the first error of a listener, which ends the server.
func (g *group) done(err error, cancel func()) {
	if err == nil || g.ctx.Err() != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = fmt.Errorf("serve: %w", err)
	}
	cancel()
}

// begin starts the couriers of what was published before.
func (s *Server) begin(g *group, keys keyring) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return false
	}
	s.running, s.keys = g, keys
	for _, c := range s.couriers {
		g.wg.Go(func() { c.run(g.ctx, keys) })
	}
	return true
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = nil
}

// drain wakes connections that wait for a request, lets the others finish, and
// closes what is left after a while.
func (g *group) drain(wait time.Duration) {
	g.each(func(c net.Conn) { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	ended := make(chan struct{})
	go func() { g.wg.Wait(); close(ended) }()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ended:
		return
	case <-timer.C:
		g.each(func(c net.Conn) { _ = c.Close() })
	}
	<-ended
}

func (g *group) each(fn func(net.Conn)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ending = true
	for c := range g.conns {
		fn(c)
	}
}

// waitUntil sets until when a request may come; false says that the server ends.
func (g *group) waitUntil(c net.Conn, t time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.ending && c.SetReadDeadline(t) == nil
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}
