package netnstest_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

func interfaces(t *testing.T, ns *netnstest.NS) []string {
	t.Helper()
	var names []string
	require.NoError(t, ns.Do(func() error {
		ifs, err := net.Interfaces()
		for _, i := range ifs {
			names = append(names, i.Name)
		}
		return err
	}))
	return names
}

func TestNamespaceIsFreshAndGoesAway(t *testing.T) {
	peer.NeedRoot(t)
	var name string
	t.Run("inner", func(t *testing.T) {
		ns := netnstest.New(t)
		name = ns.Name()
		require.Equal(t, []string{"lo"}, slices.DeleteFunc(interfaces(t, ns), isTunnelDefault))
		require.FileExists(t, "/run/netns/"+name)
	})
	require.NoFileExists(t, "/run/netns/"+name)
}

// isTunnelDefault names the idle devices that some kernels put into every new
// namespace.
func isTunnelDefault(name string) bool {
	return strings.HasPrefix(name, "tun") || strings.HasPrefix(name, "sit") || strings.HasPrefix(name, "ip6") ||
		strings.HasPrefix(name, "gre") || strings.HasPrefix(name, "erspan") || strings.HasPrefix(name, "ip_vti")
}

func TestDoDoesNotLeak(t *testing.T) {
	ns := netnstest.New(t)
	netnstest.Veth(t, ns, "only-inside", ns, "other-end")
	boom := errors.New("boom")
	require.ErrorIs(t, ns.Do(func() error { return boom }), boom)
	require.Contains(t, interfaces(t, ns), "only-inside")
	for range 20 {
		_, err := net.InterfaceByName("only-inside")
		require.Error(t, err, "a thread was left in the namespace")
	}
}

func TestVethCarriesPackets(t *testing.T) {
	a, b := netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t, a, "a0", b, "b0")
	a.AddAddr("a0", netip.MustParsePrefix("10.9.0.1/24"))
	b.AddAddr("b0", netip.MustParsePrefix("10.9.0.2/24"))
	a.AddAddr("a0", netip.MustParsePrefix("fd00:9::1/64"))
	b.AddAddr("b0", netip.MustParsePrefix("fd00:9::2/64"))
	require.Contains(t, a.IP("-4", "address", "show", "a0"), "brd 10.9.0.255")
	exchange(t, a, "10.9.0.1:0", b)
	exchange(t, a, "[fd00:9::1]:0", b)
}

// exchange sends one packet from b to a server in a.
func exchange(t *testing.T, a *netnstest.NS, addr string, b *netnstest.NS) {
	t.Helper()
	var server net.PacketConn
	require.NoError(t, a.Do(func() (err error) {
		server, err = net.ListenPacket("udp", addr)
		return err
	}))
	defer server.Close()
	var client net.Conn
	require.NoError(t, b.Do(func() (err error) {
		client, err = net.Dial("udp", server.LocalAddr().String())
		return err
	}))
	defer client.Close()
	_, err := client.Write([]byte("ping"))
	require.NoError(t, err)
	require.NoError(t, server.SetReadDeadline(time.Now().Add(5*time.Second)))
	buf := make([]byte, 16)
	n, from, err := server.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "ping", string(buf[:n]))
	require.Equal(t, client.LocalAddr().String(), from.String())
}

func TestBridgeJoinsPorts(t *testing.T) {
	sw, a, b := netnstest.New(t), netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t, sw, "p1", a, "a0")
	netnstest.Veth(t, sw, "p2", b, "b0")
	sw.Bridge("br0", "p1", "p2")
	a.AddAddr("a0", netip.MustParsePrefix("10.9.1.1/24"))
	b.AddAddr("b0", netip.MustParsePrefix("10.9.1.2/24"))
	exchange(t, a, "10.9.1.1:0", b)
}

func TestTap(t *testing.T) {
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		peer.Skip(t, "needs /dev/net/tun: %v", err)
	}
	ns := netnstest.New(t)
	ns.Tap("t0")
	require.Contains(t, interfaces(t, ns), "t0")
}

func TestCommandRunsInside(t *testing.T) {
	ns := netnstest.New(t)
	netnstest.Veth(t, ns, "marker", ns, "other-end")
	p := peer.Start(t, ns.Command("ip", "-o", "link"), peer.Options{})
	require.NoError(t, p.Wait(t.Context()))
	require.Contains(t, p.Output(), "marker")
}

func TestParallelNamespaces(t *testing.T) {
	for range 8 {
		t.Run("ns", func(t *testing.T) {
			t.Parallel()
			ns := netnstest.New(t)
			ns.AddAddr("lo", netip.MustParsePrefix("10.9.2.1/32"))
			out, err := exec.Command("ip", "-n", ns.Name(), "address").CombinedOutput()
			require.NoError(t, err, string(out))
			require.Equal(t, 1, strings.Count(string(out), "10.9.2.1/32"))
		})
	}
}
