package peer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

// fakeTB records how a test would have ended.
type fakeTB struct {
	testing.TB
	skipped, fatal string
	logged         strings.Builder
	cleanups       []func()
}

func (f *fakeTB) Helper()           {}
func (f *fakeTB) Failed() bool      { return f.fatal != "" }
func (f *fakeTB) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }
func (f *fakeTB) Logf(format string, args ...any) {
	fmt.Fprintf(&f.logged, format+"\n", args...)
}

func (f *fakeTB) Skip(args ...any) {
	f.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// runFake runs fn as a test would be, with its cleanups after it.
func runFake(t *testing.T, fn func(*fakeTB)) *fakeTB {
	f := &fakeTB{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(f)
	}()
	<-done
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
	return f
}

func TestLookSkipsOrFails(t *testing.T) {
	look := func(f *fakeTB) { peer.Look(f, "no-such-program", "nor-this") }

	t.Setenv(peer.RequireEnv, "")
	fake := runFake(t, look)
	require.Equal(t, "needs no-such-program or nor-this, which is not installed", fake.skipped)
	require.Empty(t, fake.fatal)

	t.Setenv(peer.RequireEnv, "1")
	fake = runFake(t, look)
	require.Empty(t, fake.skipped)
	require.Contains(t, fake.fatal, "needs no-such-program or nor-this")
}

func TestLookFindsFirstName(t *testing.T) {
	dir := t.TempDir()
	name := "second"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, nil, 0o755))
	t.Setenv("PATH", dir)
	require.Equal(t, path, peer.Look(t, "first-that-is-missing", "second"))
	require.Equal(t, []string{path, path}, peer.Need(t, "second", path))
}

func TestNeedRoot(t *testing.T) {
	t.Setenv(peer.RequireEnv, "")
	fake := runFake(t, func(f *fakeTB) { peer.NeedRoot(f) })
	if os.Geteuid() == 0 {
		require.Empty(t, fake.skipped)
	} else {
		require.Equal(t, "needs root", fake.skipped)
	}
}
