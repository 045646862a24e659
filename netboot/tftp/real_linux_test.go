package tftp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// listenEnv has the test binary be a server: it lists where to listen, as
// ADDRESS@DEVICE, with commas between. A process of its own can be as a whole in
// a network namespace.
const listenEnv = "TFTP_TEST_LISTEN"

func TestMain(m *testing.M) {
	if at := os.Getenv(listenEnv); at != "" {
		if err := serveProcess(strings.Split(at, ",")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serveProcess(at []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := &tftp.Server{Handler: namer{"f": noise(200_000)}}
	failed := make(chan error, len(at))
	for _, a := range at {
		addr, device, _ := strings.Cut(a, "@")
		lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
			if device == "" {
				return nil
			}
			return errors.Join(c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), device) }), err)
		}}
		conn, err := lc.ListenPacket(ctx, "udp", addr)
		if err != nil {
			return err
		}
		go func() { failed <- s.Serve(ctx, conn) }()
	}
	fmt.Println("ready")
	for range at {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

// namer is files, with one more: "interface" holds the name of the interface
// that the request came in on.
type namer files

func (n namer) OpenTFTP(ctx context.Context, r *tftp.Request) (tftp.File, error) {
	if r.Name == "interface" {
		return memFile{Reader: bytes.NewReader([]byte(r.Interface))}, nil
	}
	return files(n).OpenTFTP(ctx, r)
}

func serveIn(t *testing.T, ns *netnstest.NS, at ...string) *peer.Process {
	t.Helper()
	cmd := ns.Command(os.Args[0])
	cmd.Env = append(os.Environ(), listenEnv+"="+strings.Join(at, ","))
	return peer.Start(t, cmd, peer.Options{ReadyOutput: regexp.MustCompile("ready")})
}

// clientIn returns a client in a namespace, once the server is there for it.
func clientIn(t *testing.T, ns *netnstest.NS, network, addr string, server netip.AddrPort) (k *client) {
	t.Helper()
	require.NoError(t, ns.Do(func() error {
		k = newClientOn(t, network, addr, server)
		return nil
	}))
	k.ask(ackOf(0))
	k.expectError(5)
	return k
}

// sniff opens a socket that sees every packet that comes in on a device.
func sniff(t *testing.T, ns *netnstest.NS, device string) (fd int) {
	t.Helper()
	require.NoError(t, ns.Do(func() error {
		nic, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		all := int(binary.NativeEndian.Uint16([]byte{unix.ETH_P_ALL >> 8, unix.ETH_P_ALL & 0xff}))
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, all); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: nic.Index})
	}))
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// TestRealMTU asks for blocks that do not fit into the packets of the client's
// interface: they must be made to fit, and no packet may be a fragment or
// forbid fragments.
func TestRealMTU(t *testing.T) {
	a, b := netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t, a, "a0", b, "b0")
	for ns, dev := range map[*netnstest.NS]string{a: "a0", b: "b0"} {
		ns.IP("link", "set", dev, "mtu", "1400")
	}
	a.AddAddr("a0", netip.MustParsePrefix("10.77.1.1/24"))
	a.AddAddr("a0", netip.MustParsePrefix("fd00:77::1/64"))
	b.AddAddr("b0", netip.MustParsePrefix("10.77.1.2/24"))
	b.AddAddr("b0", netip.MustParsePrefix("fd00:77::2/64"))
	serveIn(t, a, "[::]:69")
	for _, c := range []struct{ network, from, server, granted string }{
		{"udp4", "10.77.1.2:0", "10.77.1.1:69", "1368"},
		{"udp6", "[fd00:77::2]:0", "[fd00:77::1]:69", "1348"},
	} {
		for _, window := range []string{"1", "16"} {
			k := clientIn(t, b, c.network, c.from, netip.MustParseAddrPort(c.server))
			k.ask(rrq("f", "octet", "blksize", "1468"))
			require.Equal(t, c.granted, oackOptions(t, k.expect(6).body)["blksize"])
			k.say(errorOf(0, "Early terminate"))

			wire := sniff(t, b, "b0")
			k = clientIn(t, b, c.network, c.from, netip.MustParseAddrPort(c.server))
			got, _ := k.fetch(time.Second, rrq("f", "octet", "blksize", "1468", "windowsize", window))
			require.True(t, bytes.Equal(noise(200_000), got))
			checkWhole(t, wire)
		}
	}
}

// checkWhole looks at the IPv4 packets that a sniffer saw. The kernel joins
// those of a window up again, which does not matter: fragments it would show.
func checkWhole(t *testing.T, wire int) {
	t.Helper()
	p := make([]byte, 1<<16)
	for {
		n, from, err := unix.Recvfrom(wire, p, 0)
		if err == unix.EAGAIN {
			return
		}
		require.NoError(t, err)
		if ll := from.(*unix.SockaddrLinklayer); ll.Pkttype == unix.PACKET_OUTGOING || n < 20 || p[0]>>4 != 4 {
			continue
		}
		require.Zero(t, binary.BigEndian.Uint16(p[6:]), "flags and offset of an IPv4 packet of %d bytes", n)
	}
}

// TestRealInterfaces gives two interfaces the same addresses at both ends, as a
// rack does that has each Pi on a VLAN of its own: each client must get the
// answers that are its own.
func TestRealInterfaces(t *testing.T) {
	srv := netnstest.New(t)
	var clients []*netnstest.NS
	for _, dev := range []string{"vlan1", "vlan2"} {
		ns := netnstest.New(t)
		netnstest.Veth(t, srv, dev, ns, "eth0")
		srv.AddAddr(dev, netip.MustParsePrefix("10.80.0.1/30"))
		ns.AddAddr("eth0", netip.MustParsePrefix("10.80.0.2/30"))
		clients = append(clients, ns)
	}
	serveIn(t, srv, "0.0.0.0:69@vlan1", "0.0.0.0:69@vlan2")
	for i, ns := range clients {
		server := netip.MustParseAddrPort("10.80.0.1:69")
		got, _ := clientIn(t, ns, "udp4", "10.80.0.2:49152", server).fetch(time.Second, rrq("interface", "octet"))
		require.Equal(t, fmt.Sprintf("vlan%d", i+1), string(got))
		k := clientIn(t, ns, "udp4", "10.80.0.2:49153", server)
		k.ask(rrq("missing", "octet"))
		k.expectError(1)
		got, _ = clientIn(t, ns, "udp4", "10.80.0.2:49154", server).fetch(time.Second, rrq("f", "octet", "windowsize", "16", "blksize", "1468"))
		require.True(t, bytes.Equal(noise(200_000), got))
	}
}

// TestRealFlap takes the server's interface down in the middle of a file.
func TestRealFlap(t *testing.T) {
	a, b := netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t, a, "a0", b, "b0")
	a.AddAddr("a0", netip.MustParsePrefix("10.77.1.1/24"))
	b.AddAddr("b0", netip.MustParsePrefix("10.77.1.2/24"))
	serveIn(t, a, "10.77.1.1:69")
	k := clientIn(t, b, "udp4", "10.77.1.2:0", netip.MustParseAddrPort("10.77.1.1:69"))
	k.ask(rrq("f", "octet"))
	got := []byte(k.expect(3).body)
	for n := uint16(1); len(got)%512 == 0; n++ {
		if n == 100 || n == 200 {
			a.IP("link", "set", "a0", "down")
		}
		k.say(ackOf(n))
		if n == 100 || n == 200 {
			_, err := k.hear(500 * time.Millisecond)
			require.ErrorIs(t, err, errSilence)
			a.IP("link", "set", "a0", "up")
			k.say(ackOf(n)) // the first one fell into the gap
		}
		for p := k.expect(3); ; p = k.expect(3) {
			if p.n == n+1 {
				got = append(got, p.body...)
				break
			}
		}
	}
	require.True(t, bytes.Equal(noise(200_000), got))
}

// TestRealClients reads by the TFTP clients that there are.
func TestRealClients(t *testing.T) {
	want := noise(1_000_000)
	addr := start(t, &tftp.Server{Handler: files{"f": want, "dir/f": want}})
	host, port := addr.Addr().String(), fmt.Sprint(addr.Port())
	for _, c := range []struct {
		name string
		args []string
	}{
		{"curl", []string{"-s", "-S", "-o", "OUT", "tftp://" + addr.String() + "/f"}},
		{"curl", []string{"-s", "-S", "--tftp-blksize", "1428", "-o", "OUT", "tftp://" + addr.String() + "/dir/f"}},
		{"atftp", []string{"--option", "blksize 1428", "--option", "windowsize 16", "-g", "-r", "f", "-l", "OUT", host, port}},
		{"atftp", []string{"--option", "tsize 0", "--option", "timeout 2", "-g", "-r", "f", "-l", "OUT", host, port}},
		{"busybox", []string{"tftp", "-b", "1428", "-g", "-r", "f", "-l", "OUT", host, port}},
		{"tftp", []string{"-m", "binary", host, port, "-c", "get", "f", "OUT"}},
	} {
		t.Run(c.name+" "+strings.Join(c.args[:2], " "), func(t *testing.T) {
			var program string
			if c.name == "tftp" { // its package cannot be installed beside atftp's
				program = peer.DebFile(t, "tftp-hpa", "usr/bin/tftp")
			} else {
				program = peer.Look(t, c.name)
			}
			out := filepath.Join(t.TempDir(), "out")
			for i := range c.args {
				c.args[i] = strings.Replace(c.args[i], "OUT", out, 1)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			said, err := exec.CommandContext(ctx, program, c.args...).CombinedOutput()
			require.NoError(t, err, "%s", said)
			got, err := os.ReadFile(out)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got), "%d bytes of %d", len(got), len(want))
		})
	}
}
