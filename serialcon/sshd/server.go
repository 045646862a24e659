package sshd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// ErrShutdown is what Serve returns after Shutdown.
var ErrShutdown = errors.New("sshd: the server was shut down")

// Access is what a key may do as a user.
type Access struct {
	// Who is the person, for audit and the other viewers. Empty means the
	// user name.
	Who string
	// Console is where a shell lands. Nil allows "list" and "help" only.
	Console *serialcon.Console
	// Mode is the most that a viewer may do. Power needs ReadWrite.
	Mode serialcon.Mode
}

// Server is an SSH server on consoles. HostKeys and Consoles are required. Its
// fields are not changed once Serve was called, and it is not copied.
type Server struct {
	HostKeys []ssh.Signer
	// Consoles says what the key may do as that user; an error refuses it. It
	// is called with keys that the client only offers, and has not proved to
	// hold: it must not note who logs in. Several goroutines call it at once.
	Consoles func(user string, key ssh.PublicKey) (Access, error)

	// List, Log and Power are behind the commands; what is nil does not exist.
	// What they write is shown without control characters. A Query of "grep"
	// has Text or Regexp. The action is "on", "off", "cycle" or "status".
	List  func(ctx context.Context, c Caller, w io.Writer) error
	Log   func(ctx context.Context, c Caller, q Query, w io.Writer) error
	Power func(ctx context.Context, c Caller, action string, w io.Writer) error

	// Audit is told what happens. Several goroutines call it at once.
	Audit func(Entry)

	// Escape starts commands of a viewer with a terminal. The zero value means
	// serialcon.DefaultEscape. Without a terminal (ssh -T) and with NoEscape
	// each byte goes to the port.
	Escape   serialcon.Escape
	NoEscape bool
	// History is how many bytes of the past a viewer sees first. Zero means the
	// screen, less than zero nothing.
	History int

	// MaxAuthTries is how many keys may fail in a connection. Zero means 6.
	MaxAuthTries int
	// LoginGrace is the time in which a client must have logged in. Zero means
	// 30 seconds.
	LoginGrace time.Duration
	// MaxConns bounds the connections that have logged in, MaxLogins those that
	// have not, MaxPerSource both together of one source, an IPv4 address or an
	// IPv6 /64. Zero means 512, 64 and 16. If there are MaxLogins, one of the
	// source with most of them makes room for another source's.
	MaxConns, MaxLogins, MaxPerSource int
	// Failures is how many logins of a source may fail in a row before it has
	// to wait; each FailureEvery it may fail once more. Zero means 10 and 6
	// seconds.
	Failures     int
	FailureEvery time.Duration
	// MaxSessions bounds the sessions of a connection. Zero means 4.
	MaxSessions int
	// Idle ends a viewer who typed nothing for so long, and was warned. Zero
	// means 12 hours, less than zero never.
	Idle time.Duration
	// KeepAlive is the time between questions whether the client is there; one
	// that does not answer for as long is gone. Zero means 30 seconds.
	KeepAlive time.Duration

	Logger *slog.Logger // nil discards

	mu       sync.Mutex // guards all below
	limit    limiter
	conns    map[*conn]struct{}
	serving  map[net.Listener]struct{}
	draining bool
	group    sync.WaitGroup // of connections
}

// Serve accepts connections until ctx ends, or Shutdown, and returns when all
// that it started has ended. It closes the listener. The error is ctx's,
// ErrShutdown or the listener's.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer func() { _ = l.Close() }()
	config, err := s.config()
	if err != nil {
		return err
	}
	if !s.begin(l) {
		return ErrShutdown
	}
	ctx, cancel := context.WithCancel(ctx)
	var own sync.WaitGroup
	defer own.Wait()
	defer cancel()
	defer s.end(l)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for wait := time.Duration(0); ; {
		nc, err := l.Accept()
		switch {
		case err == nil:
			wait = 0
			own.Go(func() { s.handle(ctx, nc, config) })
		case ctx.Err() != nil:
			return ctx.Err()
		case s.stopped():
			own.Wait()
			return ErrShutdown
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("sshd: accept on %s: %w", l.Addr(), err)
		default: // out of descriptors, most likely: others may be closed
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.logger().Error("accept fails; trying again", "listener", l.Addr().String(), "error", err)
			sleep(ctx, wait)
		}
	}
}

func (s *Server) begin(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	if s.serving == nil {
		s.serving, s.conns = map[net.Listener]struct{}{}, map[*conn]struct{}{}
	}
	s.serving[l] = struct{}{}
	return true
}

func (s *Server) end(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.serving, l)
}

func (s *Server) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// Shutdown accepts no more connections and sessions, detaches viewers with a
// word about it, and lets commands end until ctx does. Then it closes what is
// left, and returns ctx's error if that was anything.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	for l := range s.serving {
		_ = l.Close()
	}
	for c := range s.conns {
		c.drain()
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.group.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		_ = c.net.Close()
	}
	s.mu.Unlock()
	<-done
	return ctx.Err()
}

func (s *Server) logger() *slog.Logger {
	return cmp.Or(s.Logger, slog.New(slog.DiscardHandler))
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
