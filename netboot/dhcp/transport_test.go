package dhcp_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

func listenUDP(t *testing.T, name string) *dhcp.UDP {
	t.Helper()
	u, err := dhcp.ListenUDP(name, netip.MustParseAddrPort("127.0.0.1:0"))
	require.NoError(t, err)
	t.Cleanup(func() { u.Close() })
	return u
}

// Several simulated Pis, each on a pseudo-interface of its own, share one
// handler without any privilege.
func TestUDP(t *testing.T) {
	h := newHandler(t)
	u := listenUDP(t, "pi17")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- dhcp.Serve(ctx, u, h) }()

	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(u.Addr()))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	_, err = conn.Write([]byte("noise"))
	require.NoError(t, err)
	_, err = conn.Write(romDiscover.packet().Msg.ToBytes())
	require.NoError(t, err)
	buf := make([]byte, 1500)
	n, err := conn.Read(buf)
	require.NoError(t, err)
	m, err := dhcpv4.FromBytes(buf[:n])
	require.NoError(t, err)
	require.Equal(t, "10.80.0.66", m.YourIPAddr.String())
	require.Equal(t, "127.0.0.1", m.ServerIPAddr.String())
	for range 2 { // the wake-up frames come as datagrams
		n, err = conn.Read(buf)
		require.NoError(t, err)
		require.Equal(t, []byte{0x08, 0x42}, buf[12:14])
		require.Equal(t, 116, n)
	}
	cancel()
	require.NoError(t, <-ended)
}

func TestUDPClosed(t *testing.T) {
	u := listenUDP(t, "x")
	ended := make(chan error, 1)
	go func() { ended <- dhcp.Serve(t.Context(), u, newHandler(t)) }()
	require.NoError(t, u.Close())
	require.NoError(t, u.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
}
