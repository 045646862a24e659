package realtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// tftpClient is somebody else's program that fetches a file.
type tftpClient struct {
	name          string
	block, window int  // that it asks for
	sized         bool // takes a file's size of 0 for an error
	// args is its command line for a file, to be stored as out.
	args func(t testing.TB, port, file, out string) []string
}

var tftpClients = []tftpClient{
	{"curl", 512, 1, true, func(t testing.TB, port, file, out string) []string {
		return []string{peer.Look(t, "curl"), "-sS", "-o", out, "tftp://127.0.0.1:" + port + "/" + file}
	}},
	{"curl 1428", 1428, 1, true, func(t testing.TB, port, file, out string) []string {
		return []string{peer.Look(t, "curl"), "-sS", "--tftp-blksize", "1428", "-o", out, "tftp://127.0.0.1:" + port + "/" + file}
	}},
	{"tftp-hpa", 512, 1, false, func(t testing.TB, port, file, out string) []string {
		return []string{peer.DebFile(t, "tftp-hpa", "usr/bin/tftp"), "-m", "binary", "127.0.0.1", port, "-c", "get", file, out}
	}},
	{"busybox 1428", 1428, 1, false, func(t testing.TB, port, file, out string) []string {
		return []string{peer.Look(t, "busybox"), "tftp", "-b", "1428", "-g", "-r", file, "-l", out, "127.0.0.1", port}
	}},
	{"atftp", 512, 1, false, func(t testing.TB, port, file, out string) []string {
		return []string{peer.Look(t, "atftp"), "-g", "-r", file, "-l", out, "127.0.0.1", port}
	}},
	{"atftp 1428 by 16", 1428, 16, false, func(t testing.TB, port, file, out string) []string {
		return []string{peer.Look(t, "atftp"), "--option", "blksize 1428", "--option", "windowsize 16", "-g", "-r", file, "-l", out, "127.0.0.1", port}
	}},
}

// tftpSizes are of an empty file, one below a block, a whole number of blocks
// and of windows, and one that is none of these.
var tftpSizes = []int{0, 1, 1428 * 16 * 10, 3<<20 + 17}

// asked is the last request that a server got, with its options settled.
type asked struct{ atomic.Pointer[tftp.Request] }

// handler serves a folder to everybody on loopback.
func (a *asked) handler(t *testing.T, dir string) tftp.Handler {
	t.Helper()
	files, err := netboot.DirFS(dir)
	require.NoError(t, err)
	inv, err := netboot.NewStatic(netboot.Reservation{Interface: "lo",
		Machine: netboot.Machine{Name: "any", Addr: netip.MustParsePrefix("127.0.0.1/8"), Files: files}})
	require.NoError(t, err)
	h := tftp.FSHandler(inv)
	return tftp.HandlerFunc(func(ctx context.Context, r *tftp.Request) (tftp.File, error) {
		a.Store(r)
		return h.OpenTFTP(ctx, r)
	})
}

// listen opens a socket on loopback, and returns its port in decimal too.
func listen(t *testing.T) (net.PacketConn, string) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	return conn, strconv.Itoa(conn.LocalAddr().(*net.UDPAddr).Port)
}

func TestRealTFTPClients(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var a asked
	s := &tftp.Server{Handler: a.handler(t, dir), Interface: "lo"}
	conn, port := listen(t)
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- s.Serve(ctx, conn) }()
	fetchAll(t, dir, port, func(t *testing.T, c tftpClient) {
		require.Equal(t, c.block, a.Load().BlockSize)
		require.Equal(t, c.window, a.Load().WindowSize)
	})
	cancel()
	require.NoError(t, <-done)
	require.EqualValues(t, len(tftpClients)*len(tftpSizes)-2, s.Stats().Served, "all but the empty file to curl")
	require.Zero(t, s.Stats().Failed)
}

// The adapter for pin/tftp has no windows, and serves the same files.
func TestRealTFTPClientsOfPin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var a asked
	s := tftp.FromPin(a.handler(t, dir), "lo")
	conn, port := listen(t)
	go s.Serve(conn)
	defer s.Shutdown()
	fetchAll(t, dir, port, func(t *testing.T, _ tftpClient) { require.Equal(t, 1, a.Load().WindowSize) })
}

// fetchAll has every client fetch files of every size, and compares these.
func fetchAll(t *testing.T, dir, port string, check func(*testing.T, tftpClient)) {
	t.Helper()
	want := make(map[string][sha256.Size]byte)
	for _, size := range tftpSizes {
		data := make([]byte, size)
		rand.Read(data)
		name := strconv.Itoa(size)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
		want[name] = sha256.Sum256(data)
	}
	for _, c := range tftpClients {
		t.Run(c.name, func(t *testing.T) {
			for name, sum := range want {
				if name == "0" && c.sized {
					continue
				}
				out := filepath.Join(t.TempDir(), name)
				args := c.args(t, port, name, out)
				text, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
				require.NoError(t, err, "%s: %s", name, text)
				data, err := os.ReadFile(out)
				require.NoError(t, err)
				require.Equal(t, sum, sha256.Sum256(data), "%s is not what was served", name)
				check(t, c)
			}
		})
	}
}
