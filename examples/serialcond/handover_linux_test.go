package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// logged is what of the host's stream is in the log.
func (r *rig) logged(console string) *serialcontest.Verifier {
	r.t.Helper()
	v := &serialcontest.Verifier{Name: console}
	err := conlog.Reader{Dir: r.path("logs/" + console)}.Raw(r.t.Context(), time.Time{}, func(c conlog.Chunk) error {
		_, err := v.Write(c.Data)
		return err
	})
	require.NoError(r.t, err)
	return v
}

func (r *rig) whole(console string, lines int64) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.logged(console).Next() >= lines }, patience, 50*time.Millisecond)
	v := r.logged(console)
	require.Zero(r.t, v.Missing, v)
	require.Zero(r.t, v.Repeated, v)
	require.Zero(r.t, v.Damaged, v)
}

// The program replaces itself under load, three times, and the logs are whole.
func TestHandover(t *testing.T) {
	r := newRig(t, "pi-1", "pi-2")
	r.start()
	one := chatter(t.Context(), t, r.ptys["pi-1"], "pi-1")
	two := chatter(t.Context(), t, r.ptys["pi-2"], "pi-2")
	for i := range int64(3) {
		from := r.logged("pi-1").Next()
		require.Eventually(t, func() bool { return r.logged("pi-1").Next() > from+200 }, patience, 20*time.Millisecond)
		require.NoError(t, r.cmd.Process.Signal(syscall.SIGUSR2))
		require.Eventually(t, func() bool {
			return int64(strings.Count(r.said.String(), "serialcond is ready")) == i+2
		}, patience, 20*time.Millisecond)
		r.awaitOpen()
	}
	r.whole("pi-1", one())
	r.whole("pi-2", two())
	require.Contains(t, r.said.String(), "ports=4", "two consoles, two sockets")
	r.stop()
}

// manager stands for systemd: it keeps descriptors that it is given.
type manager struct {
	path string
	conn *net.UnixConn
	kept map[string]int
	r    *rig
}

func newManager(t *testing.T, r *rig) *manager {
	path := r.path("notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &manager{path: path, conn: conn, kept: map[string]int{}, r: r}
}

// collect reads messages until as many descriptors are kept as are wanted.
func (m *manager) collect(n int) {
	t := m.r.t
	t.Helper()
	buf, oob := make([]byte, 4096), make([]byte, 4096)
	for len(m.kept) < n {
		require.NoError(t, m.conn.SetReadDeadline(time.Now().Add(patience)))
		size, osize, _, _, err := m.conn.ReadMsgUnix(buf, oob)
		require.NoError(t, err)
		_, name, ok := strings.Cut(string(buf[:size]), "FDNAME=")
		if !ok {
			continue
		}
		messages, err := unix.ParseSocketControlMessage(oob[:osize])
		require.NoError(t, err)
		for _, message := range messages {
			fds, err := unix.ParseUnixRights(&message)
			require.NoError(t, err)
			m.kept[strings.TrimSpace(name)] = fds[0]
		}
	}
}

// give starts the program with what is kept, as sd_listen_fds(3) has it.
func (m *manager) give(cmd *exec.Cmd) {
	var names []string
	for name, fd := range m.kept {
		names = append(names, name)
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(fd), name))
	}
	// The process's own number is known only to itself.
	script := fmt.Sprintf(`LISTEN_PID=$$ LISTEN_FDS=%d LISTEN_FDNAMES=%s exec serialcond "$@"`, len(names), strings.Join(names, ":"))
	cmd.Args = append([]string{"sh", "-c", script, "sh"}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.path)
}

// After a kill -9 the next process goes on with the ports that systemd kept.
func TestCrashUnderServiceManager(t *testing.T) {
	r := newRig(t, "pi-1", "pi-2")
	m := newManager(t, r)
	r.start(func(c *exec.Cmd) { c.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.path) })
	m.collect(2)
	r.say("pi-1", "before\r\n")
	r.until("alice", "/v1/consoles/pi-1/log", "before")
	r.kill()

	for _, p := range []string{"pi-1", "pi-2"} { // the kernel keeps it
		_, err := io.WriteString(r.ptys[p], "meanwhile\r\n")
		require.NoError(t, err)
	}
	r.start(m.give)
	r.until("alice", "/v1/consoles/pi-2/log", "meanwhile")
	r.say("pi-1", "after\r\n")
	r.until("alice", "/v1/consoles/pi-1/log", "after")
	require.Equal(t, "before\r\nmeanwhile\r\nafter\r\n", r.get("alice", "/v1/consoles/pi-1/raw"))
	r.stop()
}
