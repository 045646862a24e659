package backend_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// blackHole answers no SYN: its backlog is full.
func blackHole(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet6{Addr: netip.IPv6Loopback().As16()}))
	require.NoError(t, unix.Listen(fd, 0))
	name, err := unix.Getsockname(fd)
	require.NoError(t, err)
	addr := netip.AddrPortFrom(netip.IPv6Loopback(), uint16(name.(*unix.SockaddrInet6).Port))
	for range 100 {
		conn, err := net.DialTimeout("tcp6", addr.String(), time.Second)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return addr
		}
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the backlog does not fill")
	return addr
}

func TestDialOvertakesABlackHole(t *testing.T) {
	hole, ok := blackHole(t), server(t)
	var r reports
	conn, err := backend.Dial(t.Context(), []netip.AddrPort{hole, ok}, backend.DialOptions{
		Guard: loopback(hole, ok), Timeout: time.Minute, Report: r.add,
	})
	require.NoError(t, err)
	defer conn.Close()
	require.Equal(t, ok.String(), conn.RemoteAddr().String())
	require.Len(t, r.all, 2)
	require.Equal(t, ok, r.all[0].Addr)
	require.Equal(t, hole, r.all[1].Addr)
	require.ErrorIs(t, r.all[1].Err, backend.ErrOvertaken)
	require.GreaterOrEqual(t, r.all[1].Took, 250*time.Millisecond)
}

func TestDialTimesOut(t *testing.T) {
	hole := blackHole(t)
	var r reports
	_, err := backend.Dial(t.Context(), []netip.AddrPort{hole, hole}, backend.DialOptions{
		Stagger: time.Millisecond, Timeout: 50 * time.Millisecond, Report: r.add,
	})
	var failed *backend.DialError
	require.ErrorAs(t, err, &failed)
	require.True(t, failed.Timeout())
	require.NotEmpty(t, failed.Attempts)
	require.Equal(t, failed.Attempts, r.all)

	r.all = nil
	_, err = backend.Dial(t.Context(), []netip.AddrPort{hole}, backend.DialOptions{Timeout: 50 * time.Millisecond, Report: r.add})
	require.ErrorAs(t, err, &failed)
	require.True(t, failed.Timeout(), "%v", err)
	require.Len(t, failed.Attempts, 1)
	require.Equal(t, failed.Attempts, r.all)
}

func TestDialSetsTheSocketUp(t *testing.T) {
	ok := server(t)
	conn, err := backend.Dial(t.Context(), []netip.AddrPort{ok}, backend.DialOptions{Timeout: time.Minute})
	require.NoError(t, err)
	defer conn.Close()
	raw, err := conn.SyscallConn()
	require.NoError(t, err)
	option := func(level, name int) (v int) {
		require.NoError(t, raw.Control(func(fd uintptr) {
			v, err = unix.GetsockoptInt(int(fd), level, name)
		}))
		require.NoError(t, err)
		return v
	}
	require.Equal(t, 0, option(unix.SOL_SOCKET, unix.SO_KEEPALIVE))
	require.Equal(t, 1, option(unix.IPPROTO_TCP, unix.TCP_NODELAY))
	require.Equal(t, unix.IPPROTO_TCP, option(unix.SOL_SOCKET, unix.SO_PROTOCOL), "not MPTCP")
}
