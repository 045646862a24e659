package audit_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

const killEnv = "AUDIT_KILL" // the folder of the log

// TestWriter is not a test: it is the process that TestKilled starts. It writes entries and
// says the number of each that is written, until it is killed.
func TestWriter(t *testing.T) {
	dir := os.Getenv(killEnv)
	if dir == "" {
		return
	}
	l := open(t, audit.Options{Dir: dir, Size: 1000})
	for {
		a, err := l.Begin(t.Context(), power("noc", "pi-01", "alice"))
		require.NoError(t, err)
		fmt.Println("written", l.Head().Number)
		require.NoError(t, a.End(nil))
	}
}

// A process that is killed has written what it said, and the log goes on from there.
func TestKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	for round := range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestWriter$")
		cmd.Env = append(os.Environ(), killEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		var said uint64
		var told int
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			number, ok := strings.CutPrefix(scanner.Text(), "written ")
			if !ok {
				continue
			}
			said, err = strconv.ParseUint(number, 10, 64)
			require.NoError(t, err)
			if told++; told == 7+round {
				cancel() // kills it, whatever it does just now
			}
		}
		require.Error(t, cmd.Wait())
		cancel()
		require.GreaterOrEqual(t, told, 7+round)

		l := open(t, audit.Options{Dir: dir, Size: 1000})
		report, err := l.Verify(t.Context(), audit.Head{})
		require.NoError(t, err)
		require.EqualValues(t, 1, report.First)
		require.GreaterOrEqual(t, report.Number, said)
		require.NoError(t, l.Close())
	}
}

// An entry counts when it is on the disk. When flushing it failed, nobody knows what is
// there, and nothing is allowed until the log is opened anew.
func TestFlushed(t *testing.T) {
	dir := t.TempDir()
	l := open(t, audit.Options{Dir: dir})
	var flushed []int64
	l.SetSync(func(f *os.File) error {
		info, err := f.Stat()
		require.NoError(t, err)
		flushed = append(flushed, info.Size())
		return f.Sync()
	})
	begin(t, l, power("noc", "pi-01", "alice"))
	require.Len(t, flushed, 1)
	require.Positive(t, flushed[0], "after it was written")

	l.SetSync(func(*os.File) error { return syscall.EIO })
	_, err := l.Begin(t.Context(), power("noc", "pi-01", "alice"))
	require.ErrorIs(t, err, syscall.EIO)
	l.SetSync((*os.File).Sync)
	_, err = l.Begin(t.Context(), power("noc", "pi-01", "alice"))
	require.ErrorIs(t, err, syscall.EIO)
	require.NoError(t, l.Close())
	begin(t, open(t, audit.Options{Dir: dir}), power("noc", "pi-01", "alice"))
}
