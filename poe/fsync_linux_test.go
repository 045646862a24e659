package poe_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

// What the journal holds would survive a power cut too: as the kernel sees it,
// the file and then its folder are on the disk before the port is switched off.
func TestRealJournalIsOnDiskBeforeOff(t *testing.T) {
	strace := peer.Look(t, "strace")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "on"), nil, 0o600))
	log := filepath.Join(dir, "strace")
	child := childCommand(t, dir, "")
	cmd := exec.CommandContext(t.Context(), strace, "-f", "-y", "-o", log,
		"-e", "trace=fsync,rename,renameat,renameat2", child.Path)
	cmd.Env = child.Env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	calls, err := os.ReadFile(log)
	require.NoError(t, err)

	// A call that another thread's breaks into two lines begins in the first.
	order := regexp.MustCompile(`(?s)fsync\(\d+<[^>]*intent[^>]*\.new>.*` + // the new entry
		`rename[^\n]*intent[^\n]*\.entry".*` + // takes its place
		`fsync\(\d+<[^>]*/journal>.*` + // in the folder
		`rename[^\n]*/on\.was"`) // and only then the order goes out
	require.Regexp(t, order, string(calls))
}
