package daemon_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

// startTestd runs testd, which testscript.Main has put into PATH, with the
// variables that systemd would set.
func startTestd(t *testing.T, files []*os.File, env ...string) *peer.Process {
	t.Helper()
	sh := peer.Look(t, "sh")
	config := filepath.Join(t.TempDir(), "testd.toml")
	require.NoError(t, os.WriteFile(config, []byte(`greeting = "hello"`), 0o600))
	// The shell knows the process id that LISTEN_PID must be.
	cmd := exec.Command(sh, "-c", `LISTEN_PID=$$ exec testd -config "$0"`, config)
	cmd.Env = append(os.Environ(), env...)
	cmd.ExtraFiles = files
	return peer.Start(t, cmd, peer.Options{ReadyOutput: regexp.MustCompile("testd is ready")})
}

func TestSystemdNotifications(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	defer conn.Close()
	next := func() string {
		t.Helper()
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
		buf := make([]byte, 256)
		n, err := conn.Read(buf)
		require.NoError(t, err)
		return string(buf[:n])
	}
	// await skips watchdog messages, which come at any time.
	await := func(want string) string {
		t.Helper()
		for {
			if got := next(); got != "WATCHDOG=1" || want == got {
				require.True(t, strings.HasPrefix(got, want), "got %q", got)
				return got
			}
		}
	}

	p := startTestd(t, nil, "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=20000")
	await("READY=1")
	await("WATCHDOG=1")
	await("WATCHDOG=1")
	require.NoError(t, p.Signal(syscall.SIGHUP))
	require.Regexp(t, `^RELOADING=1\nMONOTONIC_USEC=\d+\n$`, await("RELOADING=1"))
	await("READY=1")
	require.NoError(t, p.Signal(syscall.SIGTERM))
	await("STOPPING=1")
	require.NoError(t, p.Wait(t.Context()))
}

func TestSocketActivation(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	require.NoError(t, err)
	defer file.Close()

	p := startTestd(t, []*os.File{file}, "LISTEN_FDS=1", "LISTEN_FDNAMES=testd")
	_, err = p.WaitOutput(t.Context(), regexp.MustCompile("listening on "+regexp.QuoteMeta(ln.Addr().String())+"\n"))
	require.NoError(t, err)

	other := startTestd(t, []*os.File{file}, "LISTEN_FDS=1", "LISTEN_FDNAMES=another")
	require.NotContains(t, other.Output(), ln.Addr().String(), "a socket of another name is not ours")
}
