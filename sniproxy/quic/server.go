package quic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/limit"
)

// Timeouts bound how long a connection may stay in one state.
type Timeouts struct {
	// Hello is the time from the first datagram to the end of the ClientHello.
	// Zero means 5 seconds.
	Hello time.Duration
	// Dial is the time from the decision to the first datagram of a server,
	// look-up included. Zero means 5 seconds.
	Dial time.Duration
	// Reply is how long one server is waited for before the next one is tried
	// with the same datagrams; not with early data, which must not be sent twice.
	// Zero means 1 second.
	Reply time.Duration
	// Idle is how long no datagram may pass in either direction. Zero means 120
	// seconds: clients' own limits are mostly 30.
	Idle time.Duration
}

// DialFunc opens a connected datagram socket to a server, from the address that
// the options choose.
type DialFunc func(ctx context.Context, addr netip.AddrPort, o backend.DialOptions) (net.Conn, error)

// A Server relays QUIC connections. Router and Guard are required; the fields are
// not changed once it serves.
type Server struct {
	// Router chooses the site; Request.Proto is sniproxy.QUIC.
	Router sniproxy.Router
	// Guard is asked about each address right before a socket is opened to it.
	Guard *backend.Guard
	// Limiter bounds connections; nil does not.
	Limiter *limit.Limiter
	// Timeouts bound waiting.
	Timeouts Timeouts
	// Hello bounds the ClientHello.
	Hello clienthello.Limits
	// MaxFlows is how many connections there may be at a time: each takes a
	// socket, a goroutine and 6 KiB. Zero means 8192.
	MaxFlows int
	// MaxHeld is how many bytes of datagrams may be held in all while hellos are
	// not whole or servers have not answered, at most 8 datagrams for each
	// connection. Beyond it, the oldest hello that is not whole is given up. Zero
	// means 8 MiB.
	MaxHeld int
	// MaxDatagram is the longest datagram that is passed on. Zero means 2048:
	// longer than any on Ethernet without jumbo frames.
	MaxDatagram int
	// Observer is told what happens; nil means nobody. Record.ID is the
	// connection ID that the client chose first, in hexadecimal.
	Observer *sniproxy.Observer
	// Log gets what an operator must know; nil discards. Connections are the
	// Observer's.
	Log *slog.Logger
	// Dial opens sockets to servers; nil means UDP sockets of this machine, which
	// do not fragment.
	Dial DialFunc

	counts counts
	held   atomic.Int64

	mu        sync.Mutex // guards all below
	closing   bool
	listeners map[*listener]struct{}
	ended     chan struct{} // closed and replaced when a flow ends
	serving   sync.WaitGroup
}

// Serve relays the connections of clients that send to pc, until [Server.Shutdown]
// or [Server.Close], after which it returns [sniproxy.ErrServerClosed], or until
// reading fails. It owns pc and closes it.
//
// Answers leave from pc: on a machine with several addresses, open one socket for
// each and not one for all. Generous receive buffers (net.core.rmem_max,
// SetReadBuffer) save bursts.
func (s *Server) Serve(pc net.PacketConn) error {
	defer pc.Close()
	if s.Router == nil || s.Guard == nil {
		return errors.New("quic: Server needs a Router and a Guard")
	}
	l := newListener(s, pc)
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return sniproxy.ErrServerClosed
	}
	if s.listeners == nil {
		s.listeners = make(map[*listener]struct{})
	}
	s.listeners[l] = struct{}{}
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()

	err := l.serve()
	l.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	if s.closing {
		return sniproxy.ErrServerClosed
	}
	return fmt.Errorf("quic: read %v: %w", pc.LocalAddr(), err)
}

// Shutdown takes no new connections, lets those that there are end, and closes
// those that are left when ctx ends, whose error it then returns.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	err := s.drain(ctx)
	s.closeAll()
	return err
}

// Close ends all at once.
func (s *Server) Close() error {
	s.stop()
	s.closeAll()
	return nil
}

func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
}

func (s *Server) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// drain waits until no connection is left.
func (s *Server) drain(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.ended == nil {
			s.ended = make(chan struct{})
		}
		ended := s.ended
		s.mu.Unlock()
		if s.counts.active.Load() == 0 {
			return nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// flowEnded wakes drain.
func (s *Server) flowEnded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		close(s.ended)
		s.ended = nil
	}
}

func (s *Server) closeAll() {
	s.mu.Lock()
	for l := range s.listeners {
		_ = l.pc.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

func orDefault[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

func (s *Server) maxFlows() int64  { return int64(orDefault(s.MaxFlows, 8192)) }
func (s *Server) maxHeld() int64   { return int64(orDefault(s.MaxHeld, 8<<20)) }
func (s *Server) maxDatagram() int { return orDefault(s.MaxDatagram, 2048) }

func (t *Timeouts) hello() time.Duration { return orDefault(t.Hello, 5*time.Second) }
func (t *Timeouts) dial() time.Duration  { return orDefault(t.Dial, 5*time.Second) }
func (t *Timeouts) reply() time.Duration { return orDefault(t.Reply, time.Second) }
func (t *Timeouts) idle() time.Duration  { return orDefault(t.Idle, 120*time.Second) }
