package ship_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon/ship"
)

// journald runs with a /run of its own, so that it is no other journal's rival.
// It returns the folder that is its /run.
func journald(t *testing.T) (run string, start func() *peer.Process) {
	t.Helper()
	peer.NeedRoot(t)
	peer.Need(t, "unshare", "mount", "journalctl")
	const program = "/lib/systemd/systemd-journald"
	if _, err := os.Stat(program); err != nil {
		peer.Skip(t, "needs systemd-journald: %v", err)
	}
	if id, err := os.ReadFile("/etc/machine-id"); err != nil || len(id) < 32 {
		peer.Skip(t, "systemd-journald needs /etc/machine-id: %v", err)
	}
	run = t.TempDir()
	require.NoError(t, os.Chmod(run, 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(run, "systemd/journal"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(run, "log/journal"), 0o755))
	conf := filepath.Join(t.TempDir(), "journald.conf")
	require.NoError(t, os.WriteFile(conf, []byte("[Journal]\nStorage=volatile\nForwardToSyslog=no\nForwardToWall=no\nReadKMsg=no\nAudit=no\nRateLimitBurst=0\n"), 0o600))
	return run, func() *peer.Process {
		script := `mount --bind "$1" /run && mount --bind "$2" /etc/systemd/journald.conf && exec ` + program
		return peer.Start(t, exec.Command("unshare", "--mount", "sh", "-c", script, "journald", run, conf), peer.Options{})
	}
}

// entries are the journal's of an identifier.
func entries(t *testing.T, run, identifier string) (out []map[string]any) {
	t.Helper()
	text, err := exec.Command("journalctl", "-D", filepath.Join(run, "log/journal"), "-o", "json", "--no-pager", "-t", identifier).Output()
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		var e map[string]any
		if json.Unmarshal([]byte(line), &e) != nil {
			continue // it is being written
		}
		out = append(out, e)
	}
	return out
}

func TestRealJournaldTakesEveryEntry(t *testing.T) {
	run, start := journald(t)
	p := start()
	socket := filepath.Join(run, "systemd/journal/socket")
	j := &ship.Journal{Path: fmt.Sprintf("/proc/%d/root/run/systemd/journal/socket", p.PID()), App: "con-test"}
	if len(socket) < 100 {
		j.Path = socket // which the next one's process id does not change
	}
	defer func() { _ = j.Close() }()
	send := func(e ship.Entry) {
		t.Helper()
		require.Eventually(t, func() bool { return j.Send(e) == nil }, time.Minute, 10*time.Millisecond)
	}
	forged := "panic\nPRIORITY=0\nCONSOLE=other"
	send(ship.Entry{Console: "pi-042", At: at, Event: "match", Text: forged})
	send(ship.Entry{Console: "pi-042", At: at, Text: "\x1b[2J\xff", Severity: ship.Critical})
	for i := range 200 {
		send(ship.Entry{Console: "pi-042", At: at, Text: fmt.Sprint("n", i)})
	}
	require.Eventually(t, func() bool { return len(entries(t, run, "con-test")) == 202 }, time.Minute, 50*time.Millisecond)
	got := entries(t, run, "con-test")
	for name, want := range map[string]any{
		"MESSAGE": forged, "PRIORITY": "5", "CONSOLE": "pi-042", "CONSOLE_EVENT": "match",
		"SYSLOG_TIMESTAMP": "2026-11-26T06:46:03.123Z", "_TRANSPORT": "journal", "_PID": fmt.Sprint(os.Getpid()),
	} {
		require.Equal(t, want, got[0][name], name)
	}
	require.Equal(t, []any{27., 91., 50., 74., 255.}, got[1]["MESSAGE"], "bytes that are no text")
	require.Equal(t, "2", got[1]["PRIORITY"])
	for i := range 200 {
		require.Equal(t, fmt.Sprint("n", i), got[2+i]["MESSAGE"])
	}

	if j.Path != socket {
		return
	}
	p.Stop()
	require.Error(t, j.Send(ship.Entry{Text: "nobody is there"}))
	start()
	send(ship.Entry{Console: "pi-042", At: at, Text: "again"})
	require.Eventually(t, func() bool {
		got = entries(t, run, "con-test")
		return len(got) > 0 && got[len(got)-1]["MESSAGE"] == "again"
	}, time.Minute, 50*time.Millisecond)
}
