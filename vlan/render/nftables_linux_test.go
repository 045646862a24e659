package render_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

// fileServer is one with the interfaces of two Pis' VLANs and one to somewhere
// else. No switch is needed to see what it believes.
type fileServer struct {
	t                 *testing.T
	server            *netnstest.NS
	pi1, pi2, outside *netnstest.NS
}

func newFileServer(t *testing.T) *fileServer {
	f := &fileServer{t, netnstest.New(t), netnstest.New(t), netnstest.New(t), netnstest.New(t)}
	for _, cable := range []struct {
		ns                 *netnstest.NS
		name, server, here string
	}{
		{f.pi1, "eth0.11", "10.77.0.1/30", "10.77.0.2/30"}, {f.pi2, "eth0.12", "10.77.0.5/30", "10.77.0.6/30"},
		{f.outside, "eth1", "192.0.2.1/24", "192.0.2.2/24"},
	} {
		netnstest.Veth(t, f.server, cable.name, cable.ns, "eth0")
		f.server.AddAddr(cable.name, netip.MustParsePrefix(cable.server))
		cable.ns.AddAddr("eth0", netip.MustParsePrefix(cable.here))
		for _, key := range []string{"all", cable.name} { // as Linux comes
			f.write("/proc/sys/net/ipv4/conf/"+key+"/rp_filter", "0")
		}
		mac := regexp.MustCompile(`link/ether (\S+)`).FindStringSubmatch(f.server.IP("link", "show", cable.name))[1]
		for _, other := range []string{"10.77.0.1", "10.77.0.5"} { // whom nobody asks by ARP
			cable.ns.IP("route", "replace", other+"/32", "dev", "eth0")
			cable.ns.IP("neighbour", "replace", other, "lladdr", mac, "dev", "eth0")
		}
	}
	// What is answered gets there; what has been spoofed would too.
	f.outside.IP("address", "add", "10.77.0.6/32", "dev", "lo")
	f.pi1.IP("address", "add", "10.77.0.6/32", "dev", "lo")
	return f
}

func (f *fileServer) write(path, value string) {
	f.t.Helper()
	require.NoError(f.t, f.server.Do(func() error { return os.WriteFile(path, []byte(value), 0) }))
}

func (f *fileServer) nft(args ...string) string {
	f.t.Helper()
	out, err := f.server.Command(peer.Look(f.t, "nft"), args...).CombinedOutput()
	require.NoError(f.t, err, string(out))
	return string(out)
}

// send sends a datagram out of a namespace.
func (f *fileServer) send(ns *netnstest.NS, from, to, words string) {
	f.t.Helper()
	require.NoError(f.t, ns.Do(func() error {
		conn, err := net.DialUDP("udp4", udp(from), udp(to))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte(words))
		return err
	}))
}

func udp(addr string) *net.UDPAddr { return net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)) }

// listen is the NFS server: whoever asks it from an address is whose it is.
func (f *fileServer) listen(addr string) *net.UDPConn {
	f.t.Helper()
	var conn *net.UDPConn
	require.NoError(f.t, f.server.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", udp(addr))
		return err
	}))
	f.t.Cleanup(func() { conn.Close() })
	return conn
}

// hears waits for a datagram and returns what it says and who seems to say it.
func (f *fileServer) hears(conn *net.UDPConn) (words string, from netip.Addr) {
	f.t.Helper()
	require.NoError(f.t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	buf := make([]byte, 100)
	n, addr, err := conn.ReadFromUDPAddrPort(buf)
	require.NoError(f.t, err)
	return string(buf[:n]), addr.Addr().Unmap()
}

var dropped = regexp.MustCompile(`counter packets (\d+) `)

// drops is how many packets the rules have dropped.
func (f *fileServer) drops() string {
	var all []string
	for _, m := range dropped.FindAllStringSubmatch(f.nft("list", "chain", "inet", "pi_vlans", "strict"), -1) {
		all = append(all, m[1])
	}
	return strings.Join(all, ",")
}

// Linux believes whoever says that he is another Pi. With the rules it does not,
// and the Pis are served as before.
func TestRealFileServerIsNotFooled(t *testing.T) {
	f := newFileServer(t)
	nfs := f.listen("0.0.0.0:2049")
	attacks := func() {
		f.send(f.pi1, "10.77.0.2:700", "10.77.0.5:2049", "the other's server, as myself")
		f.send(f.pi1, "10.77.0.6:700", "10.77.0.5:2049", "as the other, to his server")
		f.send(f.pi1, "10.77.0.6:700", "10.77.0.1:2049", "as the other, to my server")
		f.send(f.outside, "10.77.0.6:700", "10.77.0.5:2049", "as a Pi, from elsewhere")
		f.send(f.outside, "192.0.2.2:700", "10.77.0.5:2049", "a Pi's server, from elsewhere")
	}
	attacks()
	var heard []string
	for range 5 {
		words, _ := f.hears(nfs)
		heard = append(heard, words)
	}
	require.Len(t, heard, 5, "the hole is there")

	dir := t.TempDir()
	files := rack(t, "nftables", render.Options{})
	write(t, dir, files)
	f.nft("-f", filepath.Join(dir, files[0].Path))
	attacks()
	f.send(f.pi2, "10.77.0.6:700", "10.77.0.5:2049", "pi2 itself")
	words, from := f.hears(nfs)
	require.Equal(t, "pi2 itself", words)
	require.Equal(t, netip.MustParseAddr("10.77.0.6"), from)
	require.Equal(t, "3,2", f.drops(), "three from where they are not, two to where they are not")

	// A Pi's firmware asks for its address without one.
	dhcp := f.listen("0.0.0.0:67")
	f.pi1.IP("address", "flush", "dev", "eth0")
	f.pi1.IP("address", "flush", "dev", "lo", "scope", "global")
	f.pi1.IP("route", "replace", "default", "dev", "eth0")
	require.NoError(t, f.pi1.Do(func() error {
		conn, err := net.ListenUDP("udp4", udp("0.0.0.0:68"))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.WriteToUDP([]byte("discover"), udp("255.255.255.255:67"))
		return err
	}))
	words, _ = f.hears(dhcp)
	require.Equal(t, "discover", words)

	// The server talks to itself, and elsewhere.
	f.send(f.server, "10.77.0.1:700", "10.77.0.1:2049", "to myself")
	words, _ = f.hears(nfs)
	require.Equal(t, "to myself", words)
	f.send(f.outside, "192.0.2.2:700", "192.0.2.1:2049", "elsewhere")
	words, _ = f.hears(nfs)
	require.Equal(t, "elsewhere", words)
}
