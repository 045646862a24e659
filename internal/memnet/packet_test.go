package memnet_test

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/stretchr/testify/require"
)

// sockets opens two packet sockets on the network.
func sockets(t *testing.T, n *memnet.Network) (a, b net.PacketConn) {
	t.Helper()
	a, err := n.ListenPacket(here)
	require.NoError(t, err)
	b, err = n.ListenPacket(there)
	require.NoError(t, err)
	return a, b
}

func send(t *testing.T, from net.PacketConn, to net.Addr, words ...string) {
	t.Helper()
	for _, word := range words {
		n, err := from.WriteTo([]byte(word), to)
		require.NoError(t, err)
		require.Equal(t, len(word), n)
	}
}

// receive reads until the socket has been silent for a minute.
func receive(t *testing.T, conn net.PacketConn) (words []string) {
	t.Helper()
	buf := make([]byte, 16)
	for {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			return words
		}
		words = append(words, string(buf[:n]))
	}
}

func TestPacketsArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := sockets(t, &memnet.Network{})
		send(t, a, b.LocalAddr(), "one", strings.Repeat("x", 20))
		buf := make([]byte, 16)
		n, from, err := b.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, "one", string(buf[:n]))
		require.Equal(t, here.String(), from.String())
		n, _, err = b.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, 16, n, "cut to the buffer")
	})
}

func TestDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := sockets(t, &memnet.Network{Drop: func(p memnet.Packet) bool {
			require.Equal(t, here, p.From)
			require.Equal(t, there, p.To)
			return string(p.Data) == "two"
		}})
		send(t, a, b.LocalAddr(), "one", "two", "three")
		require.Equal(t, []string{"one", "three"}, receive(t, b))
	})
}

func TestDelayReorders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := sockets(t, &memnet.Network{Delay: func(p memnet.Packet) time.Duration {
			if string(p.Data) == "slow" {
				return 2 * time.Second
			}
			return time.Second
		}})
		begin := time.Now()
		send(t, a, b.LocalAddr(), "slow", "fast")
		buf := make([]byte, 16)
		n, _, err := b.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, "fast", string(buf[:n]))
		require.Equal(t, time.Second, time.Since(begin))
		require.Equal(t, []string{"slow"}, receive(t, b))
	})
}

func TestFullQueueDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := sockets(t, &memnet.Network{Queue: 2})
		send(t, a, b.LocalAddr(), "one", "two", "three")
		require.Equal(t, []string{"one", "two"}, receive(t, b))
	})
}

func TestPacketErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n memnet.Network
		a, b := sockets(t, &n)
		_, err := n.ListenPacket(here)
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		_, err = a.WriteTo(make([]byte, 1<<16), b.LocalAddr())
		require.ErrorIs(t, err, syscall.EMSGSIZE)
		_, err = a.WriteTo(nil, &net.TCPAddr{})
		require.Error(t, err)
		send(t, a, net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.9:9")), "into the void")

		require.NoError(t, a.SetDeadline(time.Now()))
		_, err = a.WriteTo([]byte("late"), b.LocalAddr())
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)

		time.AfterFunc(time.Hour, func() { b.Close() })
		_, _, err = b.ReadFrom(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed, "closing wakes a reader")
		require.ErrorIs(t, b.Close(), net.ErrClosed)
		_, err = b.WriteTo([]byte("x"), a.LocalAddr())
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, b.SetReadDeadline(time.Now()), net.ErrClosed)
	})
}

func TestPortZeroPicksFreePorts(t *testing.T) {
	var n memnet.Network
	any := netip.AddrPortFrom(here.Addr(), 0)
	a, err := n.ListenPacket(any)
	require.NoError(t, err)
	b, err := n.ListenPacket(any)
	require.NoError(t, err)
	require.NotEqual(t, a.LocalAddr().String(), b.LocalAddr().String())
}
