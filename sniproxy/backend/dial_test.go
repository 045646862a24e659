package backend_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/stretchr/testify/require"
)

// server accepts on ::1 and says hello.
func server(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	require.NoError(t, err)
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				_, _ = io.WriteString(c, "hello\n")
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		conns.Wait()
	})
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// closedPort is one that nobody listens on.
func closedPort(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// reports collects what Dial reports.
type reports struct {
	mu  sync.Mutex
	all []backend.Attempt
}

func (r *reports) add(addr netip.AddrPort, err error, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, backend.Attempt{Addr: addr, Err: err, Took: took})
}

func loopback(ports ...netip.AddrPort) *backend.Guard {
	g := &backend.Guard{Loopback: true, Ports: []uint16{0}}
	for _, p := range ports {
		g.Ports = append(g.Ports, p.Port())
	}
	return g
}

func TestDialTakesTheNextAtOnce(t *testing.T) {
	bad, ok := closedPort(t), server(t)
	var r reports
	// Nothing but a failure may start the second attempt.
	conn, err := backend.Dial(t.Context(), []netip.AddrPort{bad, ok}, backend.DialOptions{
		Guard: loopback(bad, ok), Stagger: time.Hour, Timeout: time.Minute, Report: r.add,
	})
	require.NoError(t, err)
	defer conn.Close()
	require.Equal(t, ok.String(), conn.RemoteAddr().String())
	got, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "hello\n", string(got))

	require.Len(t, r.all, 2)
	require.Equal(t, bad, r.all[0].Addr)
	require.ErrorIs(t, r.all[0].Err, syscall.ECONNREFUSED)
	require.Equal(t, ok, r.all[1].Addr)
	require.NoError(t, r.all[1].Err)
	require.Positive(t, r.all[1].Took)
}

func TestDialSaysWhyEachFailed(t *testing.T) {
	bad, port := closedPort(t), netip.MustParseAddrPort("[::1]:9")
	mapped := netip.MustParseAddrPort("[::ffff:127.0.0.1]:80")
	_, err := backend.Dial(t.Context(), []netip.AddrPort{bad, port, mapped}, backend.DialOptions{Guard: loopback(bad), Timeout: time.Minute})
	var failed *backend.DialError
	require.ErrorAs(t, err, &failed)
	require.Len(t, failed.Attempts, 3)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.False(t, failed.Timeout())
	var reasons []backend.Reason
	for _, a := range failed.Attempts {
		var refused *backend.RefusedError
		if errors.As(a.Err, &refused) {
			reasons = append(reasons, refused.Reason)
		}
	}
	slices.Sort(reasons)
	require.Equal(t, []backend.Reason{backend.ReasonMapped, backend.ReasonPort}, reasons)
	require.ErrorContains(t, err, bad.String())
	require.NotContains(t, err.Error(), "\n")
}

func TestDialWithoutCandidates(t *testing.T) {
	_, err := backend.Dial(t.Context(), nil, backend.DialOptions{})
	require.ErrorIs(t, err, backend.ErrNoBackend)
}

func TestDialEndsWithItsContext(t *testing.T) {
	ok := server(t)
	gone := errors.New("the client went away")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	var r reports
	_, err := backend.Dial(ctx, []netip.AddrPort{ok}, backend.DialOptions{Report: r.add})
	require.ErrorIs(t, err, gone)
	require.Empty(t, r.all, "it says nothing about the server")
}

func TestDialWithoutGuard(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	conn, err := backend.Dial(t.Context(), []netip.AddrPort{l.Addr().(*net.TCPAddr).AddrPort()}, backend.DialOptions{Timeout: time.Minute})
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func TestDialErrorTimeout(t *testing.T) {
	slow := backend.Attempt{Addr: netip.AddrPortFrom(good, 443), Err: context.DeadlineExceeded}
	refused := backend.Attempt{Addr: netip.AddrPortFrom(good, 443), Err: syscall.ECONNREFUSED}
	require.True(t, (&backend.DialError{Attempts: []backend.Attempt{slow, {Err: syscall.ETIMEDOUT}}}).Timeout())
	require.False(t, (&backend.DialError{Attempts: []backend.Attempt{slow, refused}}).Timeout())
	require.False(t, (&backend.DialError{}).Timeout())
}
