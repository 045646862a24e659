package realtest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// talker says lines that are numbered, as fast as the UART takes them.
const talker = `
stty -opost
onecon -say stream -lines %d
while :; do sleep 1000; done
`

// A guest prints as fast as it can while the process that reads its console is
// replaced, again and again.
func TestRealHandover(t *testing.T) {
	t.Parallel()
	peer.Need(t, "qemu-system-x86_64")
	const lines, times = 12000, 6
	g := guest{kernel: cloudKernel(t), initrd: busyboxRoot(t, fmt.Sprintf(talker, lines)), chardev: "pty", more: []string{"-S"}}
	m := g.start(t, folder(t))
	dir := t.TempDir()
	log := conlog.Reader{Dir: filepath.Join(dir, "vm")}
	daemon := peer.Start(t, exec.Command(onecon(t), "-name", "vm", "-device", m.pty(t), "-dir", dir), peer.Options{})
	opened := func(n int) func() bool {
		return func() bool { return strings.Count(daemon.Output(), "] opened ") == n }
	}
	require.Eventually(t, opened(1), patience, tick, daemon.Output)
	pid := daemon.PID()
	m.monitor(t, "cont")

	v := serialcontest.Verifier{Name: "stream"}
	for n := range times {
		due := int64(n) * lines / (times + 1) // so that all fall into the stream
		require.Eventually(t, func() bool { v = said(t, log); return v.Next() > due }, patience, 5*tick, daemon.Output)
		require.NoError(t, daemon.Signal(syscall.SIGHUP))
		require.Eventually(t, opened(n+2), patience, tick, daemon.Output)
	}
	require.Less(t, v.Next(), int64(lines), "the stream ended before the last replacement")
	require.Eventually(t, func() bool { v = said(t, log); return v.Next() == lines }, patience, 5*tick, daemon.Output)
	require.Equal(t, fmt.Sprintf("%d lines, 0 missing, 0 repeated, 0 damaged", lines), strings.Join(strings.SplitN(v.String(), ", ", 5)[:4], ", "))
	require.Equal(t, pid, daemon.PID())
	require.NotContains(t, daemon.Output(), "closed")

	require.NoError(t, daemon.Signal(syscall.SIGTERM))
	require.NoError(t, daemon.Wait(t.Context()))
	sameText(t, "vm", raw(t, log), m.log(t))
	require.Len(t, kinds(t, log, serialcon.EventStarted), times+1)
}

// said is what of the stream is in the log so far.
func said(t *testing.T, log conlog.Reader) (v serialcontest.Verifier) {
	t.Helper()
	v.Name = "stream"
	_, _ = v.Write(raw(t, log))
	return v
}
