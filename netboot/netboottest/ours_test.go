package netboottest_test

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// run runs this module's servers until ctx ends.
func run(ctx context.Context, transport dhcp.Transport, conn net.PacketConn, iface string, m netboot.Machine) error {
	inv := netboottest.OneMachine(m)
	noCures := os.Getenv(noCuresEnv) != ""
	h := &dhcp.Handler{Inventory: inv, NoNudge: noCures, NoPin: noCures}
	s := &tftp.Server{Handler: tftp.FSHandler(inv), Interface: iface, Observer: h, NoConfirm: noCures}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return dhcp.Serve(ctx, transport, h) })
	g.Go(func() error { return s.Serve(ctx, conn) })
	return g.Wait()
}

// TestOursOnLoopback runs the suite on this module's servers by way of plain
// sockets.
func TestOursOnLoopback(t *testing.T) {
	netboottest.TestServer(t, func(t *testing.T, files fs.FS) netboottest.Link {
		t.Parallel()
		transport, err := dhcp.ListenUDP("p1", netip.MustParseAddrPort("127.0.0.1:0"))
		require.NoError(t, err)
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		require.NoError(t, err)
		ctx, stop := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() {
			served <- run(ctx, transport, conn, "p1", netboot.Machine{Name: "pi", Addr: netip.MustParsePrefix("127.80.0.66/30"), Files: files})
		}()
		t.Cleanup(func() {
			stop()
			require.NoError(t, <-served)
			require.NoError(t, transport.Close())
		})
		link := netboottest.NewUDPLink(netboottest.UDPLinkConfig{DHCP: transport.Addr(), TFTP: conn.LocalAddr().(*net.UDPAddr).AddrPort()})
		t.Cleanup(func() { link.Close() })
		return link
	})
}

// serveEnv names the directory that this test binary, started again in a
// network namespace, serves there. Servers open sockets on any thread, and only
// a process is in a namespace as a whole.
const serveEnv = "HOSTKIT_NETBOOTTEST_SERVE"

// noCuresEnv switches off there what is done for the flaws of firmware.
const noCuresEnv = "HOSTKIT_NETBOOTTEST_NOCURES"

func TestMain(m *testing.M) {
	dir := os.Getenv(serveEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := serveDir(dir); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// serveDir serves until the process is stopped.
func serveDir(dir string) error {
	transport, err := dhcp.ListenLinux(dhcp.LinuxConfig{Match: func(name string) bool { return name == "s0" }})
	if err != nil {
		return err
	}
	defer transport.Close()
	conn, err := net.ListenPacket("udp4", ":69")
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	fmt.Println("ready")
	return run(ctx, transport, conn, "s0", netboot.Machine{Name: "pi", Addr: netip.MustParsePrefix("10.80.0.66/30"), Files: os.DirFS(dir)})
}

// startOurs runs this module's servers in a namespace and returns a link to
// them.
func startOurs(t *testing.T, files fs.FS, env ...string) netboottest.Link {
	t.Helper()
	server, client := netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t, server, "s0", client, "c0")
	server.AddAddr("s0", netip.MustParsePrefix("10.80.0.65/30"))
	root := filepath.Join(t.TempDir(), "root")
	require.NoError(t, os.CopyFS(root, files))
	cmd := server.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), serveEnv+"="+root), env...)
	peer.Start(t, cmd, peer.Options{ReadyOutput: regexp.MustCompile("ready")})
	var link netboottest.Link
	require.NoError(t, client.Do(func() (err error) {
		link, err = netboottest.ListenPacket("c0")
		return err
	}))
	t.Cleanup(func() { link.Close() })
	return link
}

// TestOursOnLinux runs the suite on this module's servers on an interface of
// their own, with the kernel's neighbour table between them and the machine.
func TestOursOnLinux(t *testing.T) {
	netnstest.New(t) // skips here, rather than in each case
	netboottest.TestServer(t, func(t *testing.T, files fs.FS) netboottest.Link {
		t.Parallel()
		return startOurs(t, files)
	})
}

// TestOursWithoutCures shows that what is done for the 3B is what helps it.
func TestOursWithoutCures(t *testing.T) {
	for name, pi := range map[string]netboottest.Pi{
		"gave up":     {RxBug: true},
		"stood still": {ARP: netboottest.ARPNever, AckDelay: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pi.Link = startOurs(t, netboottest.BootTree(rpi.Model3B, 5<<20), noCuresEnv+"=1")
			_, err := pi.Run(t.Context())
			require.ErrorContains(t, err, name)
		})
	}
}
