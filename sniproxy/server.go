package sniproxy

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/limit"
)

// An Engine is how connections are served.
type Engine uint8

// The engines.
const (
	// Auto is Epoll for a *net.TCPListener on Linux, and Portable otherwise.
	Auto Engine = iota
	// Portable uses package net, with two goroutines for a relayed connection.
	// It takes any net.Listener.
	Portable
	// Epoll uses epoll and splice, with one goroutine for each processor. It is
	// for *net.TCPListener on Linux only.
	Epoll
)

// Timeouts bound how long a connection may stay in one state.
type Timeouts struct {
	// Hello is the time from accept to the end of the ClientHello or of an HTTP
	// head, a PROXY header included. Zero means 5 seconds.
	Hello time.Duration
	// Dial is the time for all attempts to reach a backend, look-up included.
	// Zero means 5 seconds.
	Dial time.Duration
	// Idle is how long no byte may pass in either direction. Zero means 300
	// seconds, negative that it does not matter.
	Idle time.Duration
	// HalfClosed is how long no byte may pass once one side has ended its
	// direction. Zero means 60 seconds.
	HalfClosed time.Duration
	// KeepAlive is how long an HTTP connection may wait for its next request.
	// Zero means 60 seconds.
	KeepAlive time.Duration
}

// DialFunc connects to the first of the candidates that answers, as
// [backend.Dial] does.
type DialFunc func(ctx context.Context, candidates []netip.AddrPort, o backend.DialOptions) (net.Conn, error)

// A Server relays connections to backends. Router and Guard are required; the
// fields are not changed once it serves.
type Server struct {
	// Router chooses the site.
	Router Router
	// Guard is asked about each address right before it is dialled.
	Guard *backend.Guard
	// Trusted are the fronts, such as load balancers, whose connections begin
	// with a PROXY header. For them it is required; from all others it is not
	// taken.
	Trusted []netip.Prefix
	// Forwarders are HTTP proxies in front, whose X-Forwarded-For and its like
	// are kept and added to. From all other clients they are replaced.
	Forwarders []netip.Prefix
	// Via is this proxy's name in HTTP's Via (RFC 9110, section 7.6.3), by which a
	// request that comes round is seen. Empty means a random one.
	Via string
	// Limiter bounds connections; nil does not.
	Limiter *limit.Limiter
	// Timeouts bound waiting.
	Timeouts Timeouts
	// Hello bounds the ClientHello.
	Hello clienthello.Limits
	// Engine chooses how connections are served.
	Engine Engine
	// Shards is how many event loops the Epoll engine runs; zero means
	// runtime.GOMAXPROCS(0).
	Shards int
	// Observer is told what happens; nil means nobody.
	Observer *Observer
	// Log gets what an operator must know, such as that descriptors ran out;
	// nil discards. Connections are the Observer's.
	Log *slog.Logger
	// Dial connects to backends in the Portable engine; nil means
	// [backend.Dial].
	Dial DialFunc

	mu        sync.Mutex // guards all below
	started   *running
	closing   bool
	listeners map[net.Listener]func()
	serving   sync.WaitGroup // of the Serve methods
}

// ServeTLS accepts connections from l and relays each, unread beyond the
// ClientHello, to the site that this names. It returns [ErrServerClosed] after
// [Server.Shutdown], or what ails the listener. It owns l and closes it.
func (s *Server) ServeTLS(l net.Listener) error { return s.serve(l, TLS) }

// ServeHTTP1 accepts connections from l and sends each of their requests to the
// site that its Host names. It returns as ServeTLS does.
func (s *Server) ServeHTTP1(l net.Listener) error { return s.serve(l, HTTP) }

func (s *Server) serve(l net.Listener, proto Proto) error {
	defer l.Close()
	r, stopped, err := s.enter(l)
	if err != nil {
		return err
	}
	defer s.serving.Done()
	err = r.serve(l, proto, stopped)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	if s.closing {
		return ErrServerClosed
	}
	return err
}

// enter starts the server if need be, and registers l. stopped is closed when l is
// to be listened to no more.
func (s *Server) enter(l net.Listener) (r *running, stopped chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, nil, ErrServerClosed
	}
	if s.started == nil {
		if s.started, err = newRunning(s); err != nil {
			return nil, nil, err
		}
	}
	if err := s.started.needFast(l); err != nil {
		return nil, nil, err
	}
	if s.listeners == nil {
		s.listeners = make(map[net.Listener]func())
	}
	stopped = make(chan struct{})
	s.listeners[l] = func() {
		close(stopped)
		_ = l.Close()
	}
	s.serving.Add(1)
	return s.started, stopped, nil
}

// stop ends all accepting, once.
func (s *Server) stop() *running {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for l, stop := range s.listeners {
		stop()
		delete(s.listeners, l)
	}
	return s.started
}

// Shutdown stops accepting, lets the connections end, and closes those that are
// left when ctx ends, whose error it then returns. The sockets of listeners whose
// descriptors were passed to another process ([net.TCPListener.File]) go on
// listening there, and no waiting client is lost.
func (s *Server) Shutdown(ctx context.Context) error {
	r := s.stop()
	if r == nil {
		return nil
	}
	s.serving.Wait()
	err := r.drain(ctx)
	r.close()
	return err
}

// Close ends all at once.
func (s *Server) Close() error {
	r := s.stop()
	if r == nil {
		return nil
	}
	s.serving.Wait()
	r.close()
	return nil
}
