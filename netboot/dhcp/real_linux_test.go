package dhcp_test

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/packet"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

// cable is a server and a client in a namespace each, and the cable between.
type cable struct {
	server, client *netnstest.NS
	mac            net.HardwareAddr // of the client's end, c0
}

func newCable(t *testing.T) *cable {
	t.Helper()
	c := &cable{server: netnstest.New(t), client: netnstest.New(t), mac: piMAC}
	netnstest.Veth(t, c.server, "s0", c.client, "c0")
	c.client.IP("link", "set", "c0", "address", piMAC.String())
	c.server.AddAddr("s0", netip.MustParsePrefix("10.81.0.1/24"))
	return c
}

// serve runs a server in the server's namespace until the test ends.
func (c *cable) serve(t *testing.T, h *dhcp.Handler, cfg dhcp.LinuxConfig) *dhcp.Linux {
	t.Helper()
	var l *dhcp.Linux
	require.NoError(t, c.server.Do(func() (err error) {
		l, err = dhcp.ListenLinux(cfg)
		return err
	}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- dhcp.Serve(ctx, l, h) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, l.Close())
		require.NoError(t, l.Close())
	})
	return l
}

// station is a packet socket on the client's end: a client without an IP stack.
func (c *cable) station(t *testing.T, iface string) *packet.Conn {
	t.Helper()
	var conn *packet.Conn
	require.NoError(t, c.client.Do(func() error {
		ifi, err := net.InterfaceByName(iface)
		if err != nil {
			return err
		}
		conn, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
		return err
	}))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// send broadcasts r as a client without an address does.
func send(t *testing.T, conn *packet.Conn, r request) {
	t.Helper()
	payload := r.packet().Msg.ToBytes()
	f := append(bytes.Repeat([]byte{0xff}, 6), r.mac...)
	f = append(f, 0x08, 0x00)
	ip := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255}
	ip[2], ip[3] = byte((28+len(payload))>>8), byte(28+len(payload))
	sum := ^onesSum(ip)
	ip[10], ip[11] = byte(sum>>8), byte(sum)
	udp := []byte{0, 68, 0, 67, byte((8 + len(payload)) >> 8), byte(8 + len(payload)), 0, 0} // without checksum, as ROMs do
	f = append(append(append(f, ip...), udp...), payload...)
	_, err := conn.WriteTo(f, &packet.Addr{HardwareAddr: net.HardwareAddr(f[:6])})
	require.NoError(t, err)
}

// receive returns the next frame that is kept.
func receive(t *testing.T, conn *packet.Conn, keep func(f []byte) bool) []byte {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	buf := make([]byte, 2000)
	for {
		n, _, err := conn.ReadFrom(buf)
		require.NoError(t, err)
		if keep(buf[:n]) {
			return bytes.Clone(buf[:n])
		}
	}
}

// isDHCPReply keeps UDP datagrams from port 67 to port 68.
func isDHCPReply(f []byte) bool {
	return len(f) > 42 && f[12] == 8 && f[13] == 0 && f[23] == 17 && f[35] == 67 && f[37] == 68
}

// onesSum is RFC 1071's sum, written once more so that the server's is checked
// against something else.
func onesSum(parts ...[]byte) uint16 {
	var sum uint64
	for _, b := range parts {
		for i := range b {
			if i%2 == 0 {
				sum += uint64(b[i]) << 8
			} else {
				sum += uint64(b[i])
			}
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return uint16(sum)
}

func anyone() *oneMachine {
	return &oneMachine{netboot.Machine{Name: "any", Gateway: netip.MustParseAddr("10.81.0.1"), Pool: netboot.Pool{
		First: netip.MustParseAddr("10.81.0.10"), Last: netip.MustParseAddr("10.81.0.250"), Bits: 24}}}
}

func TestRealFrameWithoutARP(t *testing.T) {
	c := newCable(t)
	c.serve(t, &dhcp.Handler{Inventory: anyone()}, dhcp.LinuxConfig{})
	conn := c.station(t, "c0")
	send(t, conn, request{mac: piMAC, kind: discover, mods: []dhcpv4.Modifier{piROM}})
	arp := false
	f := receive(t, conn, func(f []byte) bool {
		arp = arp || f[12] == 8 && f[13] == 6
		return isDHCPReply(f)
	})
	require.False(t, arp, "nobody was asked for the address")
	require.Equal(t, []byte(piMAC), f[:6])
	require.Equal(t, []byte{10, 81, 0, 1}, f[26:30])
	require.Equal(t, []byte{10, 81, 0, 10}, f[30:34])
	require.EqualValues(t, 0xffff, onesSum(f[14:34]), "IP checksum")
	udp := f[34:]
	length := int(udp[4])<<8 | int(udp[5])
	require.Len(t, udp, length)
	require.NotZero(t, uint16(udp[6])<<8|uint16(udp[7]))
	pad := udp
	if length%2 == 1 {
		pad = append(bytes.Clone(udp), 0)
	}
	require.EqualValues(t, 0xffff, onesSum(f[26:34], []byte{0, 17, udp[4], udp[5]}, pad), "UDP checksum")
	require.Zero(t, f[20]&0x40, "Don't Fragment is not set")
	m, err := dhcpv4.FromBytes(udp[8:])
	require.NoError(t, err)
	require.Equal(t, "10.81.0.10", m.YourIPAddr.String())

	wake := receive(t, conn, func(f []byte) bool { return f[12] == 0x08 && f[13] == 0x42 })
	require.Equal(t, []byte(piMAC), wake[:6])
	require.NotEqual(t, make([]byte, 6), wake[6:12], "from the interface's own address")
}

func TestRealNeighborPinnedFromEveryState(t *testing.T) {
	c := newCable(t)
	c.serve(t, &dhcp.Handler{Inventory: anyone()}, dhcp.LinuxConfig{})
	conn := c.station(t, "c0")
	for _, state := range []string{"none", "stale", "delay", "probe", "failed"} {
		t.Run(state, func(t *testing.T) {
			c.server.IP("neigh", "flush", "dev", "s0")
			if state != "none" {
				c.server.IP("neigh", "replace", "10.81.0.10", "lladdr", "02:00:00:00:00:99", "dev", "s0", "nud", state)
			}
			send(t, conn, request{mac: piMAC, kind: discover, mods: []dhcpv4.Modifier{piROM}})
			receive(t, conn, isDHCPReply)
			out := c.server.IP("neigh", "show", "10.81.0.10", "dev", "s0")
			require.Contains(t, out, piMAC.String())
			require.Contains(t, out, "REACHABLE")
		})
	}
}

func TestRealDhclient(t *testing.T) {
	dhclient := peer.Look(t, "dhclient")
	c := newCable(t)
	h := &dhcp.Handler{Inventory: anyone(), Leases: new(dhcp.Leases)}
	c.serve(t, h, dhcp.LinuxConfig{})
	dir := t.TempDir()
	p := peer.Start(t, c.client.Command(dhclient, "-4", "-d", "-1", "-sf", "/bin/true", "-cf", "/dev/null",
		"-lf", filepath.Join(dir, "leases"), "-pf", filepath.Join(dir, "pid"), "c0"), peer.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := p.WaitOutput(ctx, regexp.MustCompile(`bound to 10\.81\.0\.10`))
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(dir, "leases"))
	require.NoError(t, err)
	require.Contains(t, string(b), "option routers 10.81.0.1;")
	require.Contains(t, string(b), "option dhcp-server-identifier 10.81.0.1;")
	require.Len(t, h.Leases.All(), 1)
}

func TestRealUdhcpc(t *testing.T) {
	udhcpc := peer.Look(t, "udhcpc", "busybox")
	c := newCable(t)
	c.serve(t, &dhcp.Handler{Inventory: anyone()}, dhcp.LinuxConfig{})
	args := []string{"-i", "c0", "-n", "-q", "-f", "-t", "3", "-s", "/bin/true"}
	if strings.HasSuffix(udhcpc, "busybox") {
		args = append([]string{"udhcpc"}, args...)
	}
	out, err := c.client.Command(udhcpc, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "lease of 10.81.0.10 obtained from 10.81.0.1")
}

// A relay agent between: client c0 - r1 relay r0 - s0 server.
func TestRealRelayWithCircuitID(t *testing.T) {
	dhcrelay := peer.Look(t, "dhcrelay")
	udhcpc := peer.Look(t, "udhcpc", "busybox")
	c := newCable(t)
	relay := c.client
	station := netnstest.New(t)
	netnstest.Veth(t, relay, "r1", station, "c1")
	relay.AddAddr("c0", netip.MustParsePrefix("10.81.0.2/24"))
	relay.AddAddr("r1", netip.MustParsePrefix("10.79.7.1/30"))
	relay.Sysctl("net.ipv4.ip_forward", "1")
	c.server.IP("route", "add", "10.79.0.0/16", "via", "10.81.0.2")
	inv, err := netboot.NewStatic(netboot.Reservation{CircuitID: []byte("r1"), Machine: netboot.Machine{
		Name: "port1", Addr: netip.MustParsePrefix("10.79.7.2/30")}})
	require.NoError(t, err)
	c.serve(t, &dhcp.Handler{Inventory: inv, Relays: []netip.Prefix{netip.MustParsePrefix("10.79.7.0/24")}}, dhcp.LinuxConfig{})
	pid := filepath.Join(t.TempDir(), "pid")
	peer.Start(t, relay.Command(dhcrelay, "-4", "-d", "-a", "-m", "replace", "-pf", pid, "-id", "r1", "-iu", "c0", "10.81.0.1"),
		peer.Options{ReadyOutput: regexp.MustCompile(`Sending on +Socket`)})
	args := []string{"-i", "c1", "-n", "-q", "-f", "-t", "5", "-s", "/bin/true"}
	if strings.HasSuffix(udhcpc, "busybox") {
		args = append([]string{"udhcpc"}, args...)
	}
	out, err := station.Command(udhcpc, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "lease of 10.79.7.2 obtained")
}

// Interfaces appear and go while the server runs, one under the name of one
// that went.
func TestRealInterfacesComeAndGo(t *testing.T) {
	c := newCable(t)
	seen := make(chan string, 100)
	inv := anyone()
	h := &dhcp.Handler{Inventory: inv, NoPin: true, Observer: netboot.ObserverFunc(func(e netboot.Event) {
		if e.Kind == netboot.Discovered {
			seen <- e.Client.Interface
		}
	})}
	l := c.serve(t, h, dhcp.LinuxConfig{Match: func(name string) bool { return strings.HasPrefix(name, "s") }})
	for round := range 3 {
		netnstest.Veth(t, c.server, "s1", c.client, "c1")
		c.server.AddAddr("s1", netip.MustParsePrefix("10.81.0.1/24"))
		conn := c.station(t, "c1")
		// The station cannot know when the server is there, so it repeats
		// itself, as clients do.
		deadline := time.Now().Add(10 * time.Second)
		for heard := false; !heard; {
			require.True(t, time.Now().Before(deadline), "round %d: no answer on the new interface", round)
			send(t, conn, request{mac: poolMAC(round), kind: discover})
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
			buf := make([]byte, 2000)
			for {
				n, _, err := conn.ReadFrom(buf)
				if err != nil {
					break
				}
				heard = heard || isDHCPReply(buf[:n])
			}
		}
		require.Equal(t, "s1", <-seen)
		for len(seen) > 0 {
			<-seen
		}
		require.Contains(t, l.Stats(), "s1")
		c.server.IP("link", "delete", "s1")
		require.Eventually(t, func() bool { _, ok := l.Stats()["s1"]; return !ok }, 5*time.Second, 10*time.Millisecond)
	}
	conn := c.station(t, "c0")
	send(t, conn, request{mac: piMAC, kind: discover})
	receive(t, conn, isDHCPReply)
}

// Beside dnsmasq, which gives the addresses, the proxy gives what to boot.
func TestRealProxyBesideDnsmasq(t *testing.T) {
	dnsmasq := peer.Look(t, "dnsmasq")
	c := newCable(t)
	other := netnstest.New(t)
	netnstest.Veth(t, c.server, "s2", other, "d0")
	c.server.IP("addr", "flush", "dev", "s0")
	c.server.Bridge("br0", "s0", "s2")
	c.server.AddAddr("br0", netip.MustParsePrefix("10.81.0.1/24"))
	other.AddAddr("d0", netip.MustParsePrefix("10.81.0.9/24"))
	peer.Start(t, other.Command(dnsmasq, "-k", "-C", "/dev/null", "--user=root", "--port=0", "--interface=d0", "--bind-interfaces", "--no-ping",
		"--dhcp-range=10.81.0.100,10.81.0.120,1h", "--dhcp-leasefile="+filepath.Join(t.TempDir(), "l"), "--pid-file=", "--log-facility=-"),
		peer.Options{ReadyOutput: regexp.MustCompile(`DHCP, IP range`)})
	c.serve(t, &dhcp.Handler{Inventory: anyone(), ProxyOnly: true}, dhcp.LinuxConfig{Match: func(n string) bool { return n == "br0" }, PXE: true})
	conn := c.station(t, "c0")
	uefi := class(7, "PXEClient:Arch:00007:UNDI:003016", "")
	send(t, conn, request{mac: piMAC, kind: discover, mods: []dhcpv4.Modifier{uefi, broadcastFlag}})
	var addr, file string
	receive(t, conn, func(f []byte) bool {
		if !isDHCPReply(f) {
			return false
		}
		m, err := dhcpv4.FromBytes(f[42:])
		require.NoError(t, err)
		if m.YourIPAddr.IsUnspecified() {
			file = m.BootFileName
		} else {
			addr = m.YourIPAddr.String()
		}
		return addr != "" && file != ""
	})
	require.Contains(t, addr, "10.81.0.1")
	require.Equal(t, "snponly.efi", file)

	// The firmware has taken dnsmasq's address, and asks the proxy on its port.
	c.client.AddAddr("c0", netip.MustParsePrefix("10.81.0.100/24"))
	var udp net.PacketConn
	require.NoError(t, c.client.Do(func() (err error) {
		udp, err = net.ListenPacket("udp4", "10.81.0.100:68")
		return err
	}))
	defer udp.Close()
	r := request{mac: piMAC, kind: req, mods: []dhcpv4.Modifier{uefi, ciaddr("10.81.0.100")}}
	_, err := udp.WriteTo(r.packet().Msg.ToBytes(), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.81.0.1:4011")))
	require.NoError(t, err)
	require.NoError(t, udp.SetReadDeadline(time.Now().Add(5*time.Second)))
	buf := make([]byte, 1500)
	n, from, err := udp.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "10.81.0.1:4011", from.String())
	m, err := dhcpv4.FromBytes(buf[:n])
	require.NoError(t, err)
	require.Equal(t, ack, m.MessageType())
	require.Equal(t, "snponly.efi", m.BootFileName)
}
