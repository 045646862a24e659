package farm_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/loopfs"
	"github.com/mythic-beasts/hostkit/nfsroot/farm"
	"github.com/stretchr/testify/require"
)

// TestMain is also the process that is killed: with FARM_KILL_AT in the environment it
// works on a farm, and kills itself at that step.
func TestMain(m *testing.M) {
	at, err := strconv.Atoi(os.Getenv("FARM_KILL_AT"))
	if err != nil {
		os.Exit(m.Run())
	}
	if err := work(os.Getenv("FARM_DIR"), int64(at)); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

func work(dir string, killAt int64) error {
	var steps atomic.Int64
	f, err := farm.Open(dir, farm.Options{Personalize: own, Power: &power{}, Keep: -1, Step: func(string, string) {
		if steps.Add(1) == killAt {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the signal comes
		}
	}})
	if err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := f.Rebuild(ctx, "pi1", "v2"); err != nil {
		return err
	}
	if err := f.Rollback(ctx, "pi1"); err != nil {
		return err
	}
	if err := f.Add(ctx, "v1", "pi3"); err != nil {
		return err
	}
	if _, err := f.Rebuild(ctx, "pi1", "v2"); err != nil {
		return err
	}
	return errors.Join(f.Confirm(ctx, "pi1"), f.GC(ctx), f.Remove(ctx, "pi3"))
}

// A process that is killed at any step leaves each Pi with one whole root that is
// served, and nothing that the next one does not clear away.
func TestKill(t *testing.T) {
	for _, kind := range []string{"btrfs", "xfs", "tmpfs"} {
		t.Run(kind, func(t *testing.T) {
			dir := loopfs.Mount(t, kind, loopfs.Options{})
			killed := 0
			for at := 1; ; at++ {
				if !killOnce(t, dir, at) {
					break
				}
				killed++
			}
			require.Greater(t, killed, 20)
		})
	}
}

// killOnce reports whether the process was killed before it was done.
func killOnce(t *testing.T, dir string, at int) bool {
	f := open(t, dir, farm.Options{Keep: -1})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1", "pi2"))
	require.NoError(t, f.Confirm(t.Context(), "pi1"))
	require.NoError(t, f.Confirm(t.Context(), "pi2"))

	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "FARM_KILL_AT="+strconv.Itoa(at), "FARM_DIR="+filepath.Join(dir, "farm"))
	out, err := cmd.CombinedOutput()
	killed := err != nil
	if killed {
		require.Equal(t, syscall.SIGKILL, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(), string(out))
	}
	f = open(t, dir, farm.Options{Keep: -1})
	requireWhole(t, f, dir)
	if err := f.Add(t.Context(), "v1", "pi3"); err == nil {
		require.NoError(t, f.Confirm(t.Context(), "pi3"))
	}
	for _, name := range []string{"pi1", "pi3"} {
		_, err = f.Rebuild(t.Context(), name, "v2")
		require.NoError(t, err, "killed at step %d", at)
		require.Equal(t, "v2", version(t, f, name))
		require.NoError(t, f.Remove(t.Context(), name))
	}
	require.NoError(t, f.Remove(t.Context(), "pi2"))
	for _, sub := range []string{"serve", "generations", "staging", "trash", "state"} {
		require.Empty(t, left(t, filepath.Join(dir, "farm", sub)), "killed at step %d", at)
	}
	return killed
}

func requireWhole(t *testing.T, f *farm.Farm, dir string) {
	t.Helper()
	require.Empty(t, left(t, filepath.Join(dir, "farm/staging")))
	require.Empty(t, left(t, filepath.Join(dir, "farm/trash")))
	all, err := f.Status()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), 2)
	for _, s := range all {
		require.Nil(t, s.Swap)
		g, err := s.Generation(s.Current)
		require.NoError(t, err)
		require.Equal(t, g.Base, version(t, f, s.Name), "%+v", s)
		require.Equal(t, []string{"root"}, left(t, filepath.Join(dir, "farm/serve", s.Name)))
		var others []string
		for _, g := range s.Generations {
			if g.ID != s.Current {
				others = append(others, strconv.Itoa(g.ID))
				old := filepath.Join(dir, "farm/generations", s.Name, strconv.Itoa(g.ID), "etc/version")
				v, err := os.ReadFile(old)
				require.NoError(t, err)
				require.Equal(t, g.Base, string(v))
			}
		}
		if len(others) > 0 {
			require.Equal(t, others, left(t, filepath.Join(dir, "farm/generations", s.Name)))
		}
	}
	require.Equal(t, "v1", version(t, f, "pi2"), "nobody touched it")
}
