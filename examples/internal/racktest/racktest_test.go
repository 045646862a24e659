package racktest_test

import (
	"context"
	"debug/elf"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/racktest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

func TestBuild(t *testing.T) {
	goCommand := peer.Look(t, "go")
	for _, tt := range []struct {
		name  string
		build func(ctx context.Context, goCommand, dir string, names ...string) error
	}{{"dynamic", racktest.Build}, {"static", racktest.BuildStatic}} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, tt.build(t.Context(), goCommand, dir, "rack/realtest/site"))
			program := filepath.Join(dir, "site")
			out, err := exec.CommandContext(t.Context(), program, "-help").CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "-proxies")
			if tt.name == "static" {
				f, err := elf.Open(program)
				if _, other := errors.AsType[*elf.FormatError](err); other {
					peer.Skip(t, "this system's programs are not ELF files")
				}
				require.NoError(t, err)
				defer f.Close()
				libraries, err := f.ImportedLibraries()
				require.NoError(t, err)
				require.Empty(t, libraries)
			}
			require.ErrorContains(t, tt.build(t.Context(), goCommand, dir, "nothing"), "nothing")
		})
	}
}

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		booting := errors.New("booting")
		begin, calls := time.Now(), 0
		err := racktest.Until(t.Context(), time.Minute, func(context.Context) error { calls++; return booting })
		require.ErrorIs(t, err, booting)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(begin))
		require.InDelta(t, 120, calls, 1)
	})
}

// The end of the time says nothing about what was waited for.
func TestUntilSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused, calls := errors.New("refused"), 0
		err := racktest.Until(t.Context(), time.Minute, func(ctx context.Context) error {
			if calls++; calls == 1 {
				return refused
			}
			<-ctx.Done()
			return ctx.Err()
		})
		require.ErrorIs(t, err, refused)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestCacheDir(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	one := racktest.CacheDir()
	require.Equal(t, one, racktest.CacheDir())
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	require.True(t, filepath.IsAbs(racktest.CacheDir()))
}
