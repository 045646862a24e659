package telnet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon/dial"
)

// Server offers lines by telnet and RFC 2217. Open is required. Its fields are
// not changed once Serve was called, and it is not copied.
type Server struct {
	// Open gives a client its line, which is closed when the client goes; when
	// the line ends, so does the connection. See Attach for consoles; a
	// serialcon.Opener's Open serves a port that is open while a client is there.
	// Of a line the server uses what it implements of SerialSetter, Purger,
	// serialcon.Breaker, ModemLines, Counters and Notifier.
	Open func(ctx context.Context, from net.Addr) (io.ReadWriteCloser, error)
	// Serial is how a line is set that is no SerialSetter. What is zero the line
	// does not have, as a virtual machine's has no rate: a client's wish for it
	// is granted, and changes nothing.
	Serial Serial
	// Allow are the addresses that may connect. Nil means this machine only
	// (loopback). Whoever connects by a Unix socket is allowed by its file.
	Allow []netip.Prefix
	// MaxConns bounds the connections. Zero means 16.
	MaxConns int
	// Poll is how often modem lines and error counters are looked at. Zero
	// means 250 ms.
	Poll time.Duration
	// Silence is how long a client that vanished may go unnoticed, may take no
	// bytes, or may send more than 64 KiB that the line does not take. Zero means
	// 30 s.
	Silence time.Duration
	// Signature is what a client is told that asks for it. Empty means
	// "hostkit serialcon".
	Signature string
	Logger    *slog.Logger // nil discards

	mu    sync.Mutex // guards conns
	conns int
}

// Serve accepts clients until ctx ends, and returns when all that it started has
// ended. It closes the listener. The error is ctx's or the listener's.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer func() { _ = l.Close() }()
	if s.Open == nil {
		return errors.New("telnet: the server has no Open function")
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for wait := time.Duration(0); ; {
		conn, err := l.Accept()
		switch {
		case err == nil:
			wait = 0
			group.Go(func() { s.handle(ctx, conn) })
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("telnet: accept on %s: %w", l.Addr(), err)
		default: // out of descriptors, most likely: others may be closed
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.logger().Error("accept fails; trying again", "listener", l.Addr().String(), "err", err)
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			timer.Stop()
		}
	}
}

// handle serves a client until it goes.
func (s *Server) handle(ctx context.Context, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	from := conn.RemoteAddr()
	if why := s.enter(from); why != "" {
		s.logger().Warn("telnet: refused", "from", from.String(), "why", why)
		return
	}
	defer s.leave()
	if tcp, ok := conn.(*net.TCPConn); ok {
		if err := dial.Watch(tcp, s.silence()); err != nil {
			s.logger().Warn("telnet: a client that vanishes may go unnoticed", "from", from.String(), "err", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	line, err := s.Open(ctx, from)
	if err != nil {
		s.logger().Warn("telnet: no line for the client", "from", from.String(), "err", err)
		return
	}
	s.logger().Info("telnet: client", "from", from.String())
	begun := time.Now()
	err = newLink(s, conn, line).run(ctx)
	s.logger().Info("telnet: client gone", "from", from.String(), "duration", time.Since(begun), "err", err)
}

// enter admits a connection, or says why not.
func (s *Server) enter(from net.Addr) string {
	if addr, err := netip.ParseAddrPort(from.String()); err == nil && !s.allowed(addr.Addr()) {
		return "the address is not allowed"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns >= cmp.Or(s.MaxConns, 16) {
		return "too many connections"
	}
	s.conns++
	return ""
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns--
}

func (s *Server) allowed(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if s.Allow == nil {
		return ip.IsLoopback()
	}
	for _, p := range s.Allow {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func (s *Server) logger() *slog.Logger {
	return cmp.Or(s.Logger, slog.New(slog.DiscardHandler))
}

func (s *Server) silence() time.Duration { return cmp.Or(s.Silence, 30*time.Second) }
