package filekv_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/filekv"
	"github.com/mythic-beasts/hostkit/internal/kvtest"
	"github.com/stretchr/testify/require"
)

// holder starts a process that takes the lock "l", and returns what it says after that
// and how to have it write.
func holder(t *testing.T, dir string) (cmd *exec.Cmd, lines *bufio.Scanner, write func()) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHolder$", "-test.v")
	cmd.Env = append(os.Environ(), holderEnv+"="+dir)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines = bufio.NewScanner(out)
	says(t, lines, "HOLDS")
	return cmd, lines, func() {
		_, err := in.Write([]byte("\n"))
		require.NoError(t, err)
	}
}

const holderEnv = "FILEKV_HOLDER"

// TestHolder is not a test: it is the process that others stop and kill.
func TestHolder(t *testing.T) {
	dir := os.Getenv(holderEnv)
	if dir == "" {
		return
	}
	s, err := filekv.New(dir)
	require.NoError(t, err)
	held, unlock, err := s.Lock(t.Context(), "l")
	require.NoError(t, err)
	fmt.Println("HOLDS")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	_, err = s.Put(held, "k", []byte("by the holder"), -1)
	fmt.Println("WROTE", err, unlock())
}

func says(t *testing.T, lines *bufio.Scanner, word string) string {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), word) {
			return lines.Text()
		}
	}
	t.Fatalf("the holder says no %q: %v", word, lines.Err())
	return ""
}

// A holder that stands still has the lock, however long: nobody else writes, so that it
// may go on. On one machine there is nobody who would have to go on without it, and the
// kernel takes the lock from one that dies.
func TestHolderStopped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s, err := filekv.New(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	cmd, lines, write := holder(t, dir)
	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _, err = s.Lock(short, "l")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	write()
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	require.Contains(t, says(t, lines, "WROTE"), "WROTE <nil> <nil>")
	require.NoError(t, cmd.Wait())
	val, _, err := s.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, "by the holder", string(val))
}

func TestHolderKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s, err := filekv.New(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	cmd, _, _ := holder(t, dir)
	require.NoError(t, cmd.Process.Kill())
	held, unlock, err := s.Lock(t.Context(), "l")
	require.NoError(t, err)
	_, err = s.Put(held, "k", []byte("by the next"), 0)
	require.NoError(t, err)
	require.NoError(t, unlock())
	require.Error(t, cmd.Wait())
}

// Many at work on one folder, while a process that holds their lock is killed again and
// again.
func TestEndure(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	open := func() (kvtest.Store, error) { return filekv.New(dir) }
	kvtest.Endure(t, open, func(progress func() error) error {
		for range 3 {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLockKiller$")
			cmd.Env = append(os.Environ(), lockKillerEnv+"="+dir)
			require.Error(t, cmd.Run(), "it kills itself")
			if err := progress(); err != nil {
				return err
			}
		}
		return nil
	})
}

const lockKillerEnv = "FILEKV_LOCK_KILLER"

// TestLockKiller is not a test: it is the process that TestEndure starts. It takes the
// lock of all and dies with it.
func TestLockKiller(t *testing.T) {
	dir := os.Getenv(lockKillerEnv)
	if dir == "" {
		return
	}
	s, err := filekv.New(dir)
	require.NoError(t, err)
	_, _, err = s.Lock(t.Context(), "n")
	require.NoError(t, err)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
}
