package racktest_test

import (
	"context"
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
	dir, goCommand := t.TempDir(), peer.Look(t, "go")
	require.NoError(t, racktest.Build(t.Context(), goCommand, dir, "nfsroot"))
	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "nfsroot"), "-help").CombinedOutput()
	require.NoError(t, err, "%s", out)

	err = racktest.Build(t.Context(), goCommand, dir, "nothing")
	require.ErrorContains(t, err, "nothing")
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

func TestCacheDir(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	one := racktest.CacheDir()
	require.Equal(t, one, racktest.CacheDir())
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	require.True(t, filepath.IsAbs(racktest.CacheDir()))
}
