package telnet_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

func TestWhoMayConnect(t *testing.T) {
	refused := func(addr string) bool {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer func() { _ = c.Close() }()
		n, _ := c.Read(make([]byte, 1))
		return n == 0
	}
	for _, tt := range []struct {
		name   string
		allow  []netip.Prefix
		refuse bool
	}{
		{"this machine, by default", nil, false},
		{"nobody", []netip.Prefix{}, true},
		{"another network", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, true},
		{"this network", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("127.0.0.0/8")}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, func(s *telnet.Server) { s.Allow = tt.allow })
			require.Equal(t, tt.refuse, refused(d.addr))
			if tt.refuse {
				require.Zero(t, d.uart.Opens())
			}
		})
	}
	addr := serve(t, &telnet.Server{MaxConns: 2, Open: func(context.Context, net.Addr) (io.ReadWriteCloser, error) {
		_, far := net.Pipe()
		return far, nil
	}})
	first := dialRaw(t, addr)
	dialRaw(t, addr)
	require.True(t, refused(addr), "the third")
	require.NoError(t, first.Close())
	eventually(t, func() bool { return !refused(addr) })
}

// stranger is a connection from an address of the test's.
type stranger struct {
	net.Conn
	from net.Addr
}

func (s stranger) RemoteAddr() net.Addr { return s.from }

// once accepts one connection.
type once struct {
	net.Listener
	conns chan net.Conn
}

func (o *once) Accept() (net.Conn, error) {
	if c, ok := <-o.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func TestOthersAreRefusedByDefault(t *testing.T) {
	network := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("fe80::/64")}
	for _, tt := range []struct {
		address string
		allow   []netip.Prefix
		refuse  bool
	}{
		{"192.0.2.1:1000", nil, true},
		{"[2001:db8::1]:1000", nil, true},
		{"[::ffff:192.0.2.1]:1000", nil, true},
		{"127.0.0.9:1000", nil, false},
		{"[::1]:1000", nil, false},
		{"[::ffff:127.0.0.1]:1000", nil, false},
		{"192.0.2.1:1000", network, false},
		{"[::ffff:192.0.2.1]:1000", network, false},
		{"[fe80::1%eth0]:1000", network, false},
		{"127.0.0.1:1000", network, true},
	} {
		t.Run(tt.address, func(t *testing.T) {
			near, far := net.Pipe()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			o := &once{l, make(chan net.Conn, 1)}
			o.conns <- stranger{far, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tt.address))}
			s := &telnet.Server{Allow: tt.allow, Open: func(ctx context.Context, _ net.Addr) (io.ReadWriteCloser, error) {
				return new(serialcontest.UART).Open(ctx)
			}}
			served := make(chan error, 1)
			go func() { served <- s.Serve(t.Context(), o) }()
			n, _ := near.Read(make([]byte, 1))
			require.Equal(t, tt.refuse, n == 0)
			require.NoError(t, near.Close())
			close(o.conns)
			require.ErrorIs(t, <-served, net.ErrClosed)
		})
	}
}

func TestALineThatEndsOrCannotBeOpened(t *testing.T) {
	d := newDesk(t, nil)
	r := dialRaw(t, d.addr)
	d.uart.Say([]byte("last words"))
	r.expect(t, "last words")
	d.uart.Unplug()
	_, err := io.ReadAll(r)
	require.NoError(t, err)
	c, err := net.Dial("tcp", d.addr)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Empty(t, got)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorContains(t, new(telnet.Server).Serve(t.Context(), l), "no Open function")
}
