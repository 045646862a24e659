package filekv_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/filekv"
	"github.com/stretchr/testify/require"
)

// What a process was to do when it was killed. The key "dir/k" has "old" before.
var writes = map[string]func(ctx context.Context, s *filekv.Store) error{
	"replace": func(ctx context.Context, s *filekv.Store) error {
		_, err := s.Put(ctx, "dir/k", []byte("new"), -1)
		return err
	},
	"create": func(ctx context.Context, s *filekv.Store) error {
		_, err := s.Put(ctx, "other/dir/k", []byte("new"), 0)
		return err
	},
	"delete": func(ctx context.Context, s *filekv.Store) error {
		_, err := s.Put(ctx, "dir/k", nil, -1)
		return err
	},
}

const crashEnv = "FILEKV_CRASH" // folder, write, step

// TestCrasher is not a test: it is the process that TestKilled starts. It kills itself
// before the step of that number, or says that there are no more.
func TestCrasher(t *testing.T) {
	args := strings.Split(os.Getenv(crashEnv), ",")
	if len(args) != 3 {
		return
	}
	syscall.Umask(0) // modes are as the store sets them
	last, err := strconv.Atoi(args[2])
	require.NoError(t, err)
	s, err := filekv.New(args[0])
	require.NoError(t, err)
	n := 0
	filekv.SetStep(s, func(step string) error {
		private(t, args[0])
		if n++; n == last {
			fmt.Println("KILLED before", step)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	})
	require.NoError(t, writes[args[1]](t.Context(), s))
	fmt.Println("SURVIVED")
}

// private looks at the modes of everything there is.
func private(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			return fmt.Errorf("%s has mode %v", name, info.Mode())
		}
		return err
	}))
}

// TestKilled kills a writer by SIGKILL before each of its steps. Afterwards there is the
// old value or the new, revisions go on, and nothing else is left.
func TestKilled(t *testing.T) {
	for write := range writes {
		t.Run(write, func(t *testing.T) {
			for step := 1; ; step++ {
				dir := filepath.Join(t.TempDir(), "store")
				before := prepare(t, dir)
				cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrasher$", "-test.v")
				cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s,%s,%d", crashEnv, dir, write, step))
				out, err := cmd.CombinedOutput()
				killed := strings.Contains(string(out), "KILLED")
				require.Equal(t, killed, err != nil, "%s", out)
				t.Logf("step %d: killed %v", step, killed)
				verify(t, dir, write, before, killed)
				if !killed {
					require.Greater(t, step, 5, "a write has more steps")
					return
				}
			}
		})
	}
}

// prepare returns the revision of dir/k.
func prepare(t *testing.T, dir string) int64 {
	t.Helper()
	s, err := filekv.New(dir)
	require.NoError(t, err)
	defer s.Close()
	rev, err := s.Put(t.Context(), "dir/k", []byte("old"), 0)
	require.NoError(t, err)
	return rev
}

func verify(t *testing.T, dir, write string, before int64, killed bool) {
	t.Helper()
	s, err := filekv.New(dir)
	require.NoError(t, err)
	defer s.Close()
	leftovers, err := filepath.Glob(filepath.Join(dir, ".store", "temp-*"))
	require.NoError(t, err)
	require.Empty(t, leftovers)

	key := map[string]string{"replace": "dir/k", "create": "other/dir/k", "delete": "dir/k"}[write]
	val, rev, err := s.Get(t.Context(), key)
	state := string(val)
	if errors.Is(err, fs.ErrNotExist) {
		state, err = "none", nil
	}
	require.NoError(t, err)
	allowed := map[string][2]string{"replace": {"old", "new"}, "create": {"none", "new"}, "delete": {"old", "none"}}[write]
	if !killed {
		require.Equal(t, allowed[1], state)
	}
	require.Contains(t, allowed, state)
	if state == "old" {
		require.Equal(t, before, rev)
	}
	// Whatever it is, the key can be changed, and its revision grows.
	next, err := s.Put(t.Context(), key, []byte("next"), rev)
	require.NoError(t, err)
	require.Greater(t, next, rev)
	if write != "create" {
		require.Greater(t, next, before)
	}
	private(t, dir)
}

// TestFailedStep has each step fail, as a full disk would make it: the error is told,
// the old value or the new is there, and the store goes on.
func TestFailedStep(t *testing.T) {
	for write := range writes {
		t.Run(write, func(t *testing.T) {
			for step := 1; ; step++ {
				dir := filepath.Join(t.TempDir(), "store")
				before := prepare(t, dir)
				s, err := filekv.New(dir)
				require.NoError(t, err)
				n := 0
				filekv.SetStep(s, func(string) error {
					if n++; n == step {
						return syscall.ENOSPC
					}
					return nil
				})
				err = writes[write](t.Context(), s)
				if n < step {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, syscall.ENOSPC)
				if err := writes[write](t.Context(), s); !errors.Is(err, fs.ErrExist) {
					require.NoError(t, err, "step %d", step)
				}
				require.NoError(t, s.Close())
				verify(t, dir, write, before, false)
			}
		})
	}
}

// TestOrder: without power the disk has what was flushed, and a name may be there before
// its contents unless these were flushed first.
func TestOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	prepare(t, dir)
	s, err := filekv.New(dir)
	require.NoError(t, err)
	defer s.Close()
	var steps []string
	filekv.SetStep(s, func(step string) error {
		steps = append(steps, step)
		return nil
	})
	require.NoError(t, writes["replace"](t.Context(), s))
	require.Equal(t, "make folders,flush folder,create temporary,write,write,flush file,rename,flush folder", strings.Join(steps, ","))
	steps = nil
	require.NoError(t, writes["replace"](t.Context(), s))
	require.Equal(t, "make folders,create temporary,write,write,flush file,rename,flush folder", strings.Join(steps, ","))
	steps = nil
	require.NoError(t, writes["delete"](t.Context(), s))
	require.Equal(t, "make folders,create temporary,write,write,flush file,rename,flush folder,remove,flush folder", strings.Join(steps, ","))
}
