package sniproxy

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// running is what a server has while it serves, for all engines.
type running struct {
	*Server
	timeouts Timeouts
	log      *slog.Logger
	idBase   string // of this server's connections
	via      string
	counts   counters
	sites    sync.Map // string to *site

	ctx    context.Context // ends with the server: for look-ups and dials
	cancel context.CancelFunc

	portable portable
	fast     fastEngine
}

// A fastEngine serves listeners of package net by other means.
type fastEngine interface {
	// serve accepts until stopped is closed.
	serve(l *net.TCPListener, proto Proto, stopped <-chan struct{}) error
	// drain is told that the listeners are gone; the channel is closed once no
	// connection is left.
	drain() <-chan struct{}
	// close ends all.
	close()
}

// counters are those of [Stats].
type counters struct {
	active, pipes                atomic.Int64
	accepted, requests, noAccept atomic.Uint64
	results                      [results]atomic.Uint64
	lastID                       atomic.Uint64
}

// site is what is counted of one site.
type site struct {
	name                  string
	active                atomic.Int64
	connections, requests atomic.Uint64
	received, sent        atomic.Uint64
}

func newRunning(s *Server) (*running, error) {
	switch {
	case s.Router == nil:
		return nil, errors.New("sniproxy: a Server needs a Router")
	case s.Guard == nil:
		return nil, errors.New("sniproxy: a Server needs a Guard that says where backends are")
	}
	var id [6]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, fmt.Errorf("sniproxy: random bytes: %w", err)
	}
	r := &running{Server: s, timeouts: s.Timeouts.orDefault(), log: s.Log, idBase: hex.EncodeToString(id[:])}
	if r.via = s.Via; r.via == "" {
		r.via = "sniproxy-" + r.idBase
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.portable.run = r
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r, nil
}

// needFast starts the fast engine if l is for it. The caller holds the server's lock.
func (r *running) needFast(l net.Listener) (err error) {
	if _, ok := l.(*net.TCPListener); !ok || r.fast != nil || r.Engine == Portable {
		return nil
	}
	if r.fast, err = newFastEngine(r); err == nil {
		return nil
	}
	r.fast = nil
	if r.Engine == Epoll {
		return err
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		r.log.Warn("the Portable engine serves, as the Epoll engine cannot be had", "err", err)
	}
	return nil
}

// serve accepts from l by the engine that suits it.
func (r *running) serve(l net.Listener, proto Proto, stopped <-chan struct{}) error {
	if r.Engine == Portable {
		return r.portable.serve(l, proto)
	}
	tcp, ok := l.(*net.TCPListener)
	if ok && r.fast != nil {
		return r.fast.serve(tcp, proto, stopped)
	}
	if r.Engine == Epoll {
		return fmt.Errorf("sniproxy: the Epoll engine accepts from *net.TCPListener, not from %T", l)
	}
	return r.portable.serve(l, proto)
}

// drain waits until no connection is left, or ctx ends.
func (r *running) drain(ctx context.Context) error {
	waits := []<-chan struct{}{r.portable.drained()}
	if r.fast != nil {
		waits = append(waits, r.fast.drain())
	}
	for _, done := range waits {
		select {
		case <-done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// close ends all connections. It may be called again.
func (r *running) close() {
	r.cancel()
	r.portable.close()
	if r.fast != nil {
		r.fast.close()
	}
}

// wait pauses; false means that the server has closed.
func (r *running) wait(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-r.ctx.Done():
		return false
	}
}

// noAccept tells the operator that clients are turned away, seldom.
func (r *running) noAccept(at net.Addr, err error) {
	if n := r.counts.noAccept.Add(1); n&(n-1) == 0 {
		r.log.Error("connections cannot be accepted", "listener", at.String(), "err", err, "times", n)
	}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// isTemporary reports whether accept may succeed later.
func isTemporary(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (t Timeouts) orDefault() Timeouts {
	set := func(v *time.Duration, def time.Duration) {
		if *v == 0 {
			*v = def
		}
	}
	set(&t.Hello, 5*time.Second)
	set(&t.Dial, 5*time.Second)
	set(&t.Idle, 300*time.Second)
	set(&t.HalfClosed, 60*time.Second)
	set(&t.KeepAlive, 60*time.Second)
	return t
}

// site returns the counts of a site. There are as many as the router knows sites:
// a client's word never becomes one.
func (r *running) site(name string) *site {
	if s, ok := r.sites.Load(name); ok {
		return s.(*site)
	}
	s, _ := r.sites.LoadOrStore(name, &site{name: name})
	return s.(*site)
}

// dialled tells backend and observer how an attempt ended.
func (r *running) dialled(d *Decision, addr netip.AddrPort, err error, took time.Duration) {
	d.Backend.Report(addr, err, took)
	if r.Observer != nil && r.Observer.Dialled != nil {
		r.Observer.Dialled(d.Site, addr, err, took)
	}
}

// dialContext bounds what finding and reaching a backend may take.
func (r *running) dialContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.ctx, r.timeouts.Dial)
}

// dialRefusal is what it means that no backend was reached.
func dialRefusal(err error) *RefusedError {
	var guard *backend.RefusedError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, backend.ErrLimited):
		return refuse(Limited, err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return refuse(BackendTimeout, err)
	case errors.As(err, &guard):
		refused := refuse(Denied, err)
		refused.Alert, refused.Status = refuse(BackendRefused, nil).Alert, 502
		return refused
	}
	return refuse(BackendRefused, err)
}

var errDialTimeout = fmt.Errorf("sniproxy: no backend answered in time: %w", os.ErrDeadlineExceeded)

// Stats returns a snapshot.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	r := s.started
	s.mu.Unlock()
	if r == nil {
		return Stats{}
	}
	c := &r.counts
	out := Stats{
		Active: c.active.Load(), Accepted: c.accepted.Load(), Requests: c.requests.Load(),
		Pipes: c.pipes.Load(), AcceptFailed: c.noAccept.Load(), Sites: map[string]SiteStats{},
	}
	for i := range out.Results {
		out.Results[i] = c.results[i].Load()
	}
	r.sites.Range(func(name, v any) bool {
		s := v.(*site)
		out.Sites[name.(string)] = SiteStats{
			Active: s.active.Load(), Connections: s.connections.Load(), Requests: s.requests.Load(),
			Received: s.received.Load(), Sent: s.sent.Load(),
		}
		return true
	})
	return out
}
