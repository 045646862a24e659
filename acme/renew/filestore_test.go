package renew_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/internal/filekv"
	"github.com/mythic-beasts/hostkit/internal/memkv"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

func stores(t *testing.T) map[string]renew.Store {
	files, err := filekv.New(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = files.Close() })
	return map[string]renew.Store{
		"files":         &renew.FileStore{Dir: filepath.Join(t.TempDir(), "certs")},
		"memory":        &renew.KVStore{KV: new(memkv.Store)},
		"keys in files": &renew.KVStore{KV: files, Prefix: "certs/"},
	}
}

func TestStores(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			list := func() (all []string) {
				require.NoError(t, s.List(ctx, func(n string) error {
					all = append(all, n)
					return nil
				}))
				return all
			}
			require.Empty(t, list())
			_, err := s.Load(ctx, "a.example")
			require.ErrorIs(t, err, fs.ErrNotExist)
			_, err = s.LoadState(ctx, "a.example")
			require.ErrorIs(t, err, fs.ErrNotExist)

			i := newIssuer(t)
			require.NoError(t, s.SaveState(ctx, "a.example", []byte("one")))
			require.Empty(t, list())
			for range 5 {
				b := i.bundle("a.example")
				require.NoError(t, s.Commit(ctx, "a.example", b))
				got, err := s.Load(ctx, "a.example")
				require.NoError(t, err)
				require.Equal(t, b.ChainPEM, got.ChainPEM)
				require.Equal(t, b.KeyPEM, got.KeyPEM)
			}
			require.NoError(t, s.SaveState(ctx, "a.example", []byte("two")))
			text, err := s.LoadState(ctx, "a.example")
			require.NoError(t, err)
			require.Equal(t, "two", string(text))
			require.NoError(t, s.Commit(ctx, "b.example", i.bundle("b.example")))
			require.Equal(t, []string{"a.example", "b.example"}, list())
			stop := errors.New("enough")
			require.ErrorIs(t, s.List(ctx, func(string) error { return stop }), stop)

			// A key that is another's is refused, and changes nothing.
			before, err := s.Load(ctx, "a.example")
			require.NoError(t, err)
			bad := newIssuer(t).bundle("a.example")
			bad.KeyPEM = i.keyPEM
			err = s.Commit(ctx, "a.example", bad)
			require.ErrorContains(t, err, "key and chain")
			require.NotContains(t, err.Error(), strings.Split(string(i.keyPEM), "\n")[1])
			after, err := s.Load(ctx, "a.example")
			require.NoError(t, err)
			require.Equal(t, before.ChainPEM, after.ChainPEM)

			for _, n := range []string{"", ".", "..", "../x", "a/b", "/etc", "A", "a\x00", "-a", strings.Repeat("a", 201)} {
				require.ErrorIs(t, s.Commit(ctx, n, before), renew.ErrName, n)
				require.ErrorIs(t, s.SaveState(ctx, n, nil), renew.ErrName, n)
				_, err := s.Load(ctx, n)
				require.ErrorIs(t, err, renew.ErrName, n)
				_, _, err = s.Lock(ctx, n)
				require.ErrorIs(t, err, renew.ErrName, n)
			}
		})
	}
}

// Of many that want the lock one has it, and one that waits can give up.
func TestStoreLocks(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			inside := 0 // the race detector sees two
			for range 8 {
				wg.Go(func() {
					_, unlock, err := s.Lock(t.Context(), "a.example")
					if err == nil {
						inside++
						err = unlock()
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			require.Equal(t, 8, inside)
			held, unlock, err := s.Lock(t.Context(), "a.example")
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, _, err = s.Lock(ctx, "a.example")
			require.ErrorIs(t, err, context.Canceled)
			_, other, err := s.Lock(t.Context(), "b.example")
			require.NoError(t, err)
			require.NoError(t, other())
			require.NoError(t, held.Err())
			require.NoError(t, unlock())
			require.Error(t, held.Err())
			require.NoError(t, unlock())
		})
	}
}

// The tree is what services expect.
func TestFileStoreTree(t *testing.T) {
	dir := t.TempDir()
	s := &renew.FileStore{Dir: dir, Keep: 1}
	i := newIssuer(t)
	b := i.bundle("a.example")
	inter := i.bundle("authority").ChainPEM
	full := append(append([]byte(nil), b.ChainPEM...), inter...)
	for range 4 {
		require.NoError(t, s.Commit(t.Context(), "a.example", &renew.Bundle{KeyPEM: b.KeyPEM, ChainPEM: full}))
	}
	for file, want := range map[string][]byte{"privkey.pem": b.KeyPEM, "cert.pem": b.ChainPEM, "chain.pem": inter, "fullchain.pem": full} {
		got, err := os.ReadFile(filepath.Join(dir, "a.example", file))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), file)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "a.example"))
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, []string{"000000000003", "000000000004", "cert.pem", "chain.pem", "current", "fullchain.pem", "privkey.pem"}, names)
}

// checkModes fails if others may read anything below dir.
func checkModes(dir string, mask fs.FileMode) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.Type() == fs.ModeSymlink {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&mask != 0 {
			return fmt.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
}

// childEnv has the folder and the step for a process that is to be killed.
const childEnv = "HOSTKIT_RENEW_CHILD"

// TestChild is the process that [TestKilled] and [TestModes] start.
func TestChild(t *testing.T) {
	args := strings.Fields(os.Getenv(childEnv))
	if len(args) == 0 {
		return
	}
	last, err := strconv.Atoi(args[1])
	require.NoError(t, err)
	syscall.Umask(0)
	s := &renew.FileStore{Dir: args[0]}
	n := 0
	s.SetStep(func(what string) error {
		fmt.Println("STEP", what)
		// Between two steps, under umask 0, all is as it may stay.
		if err := checkModes(args[0], 0o077); err != nil {
			fmt.Println("MODES", err)
		}
		if n++; n == last {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return nil
	})
	i := newIssuer(t)
	require.NoError(t, s.Commit(t.Context(), "a.example", i.bundle("a.example")))
	require.NoError(t, s.SaveState(t.Context(), "a.example", []byte("new")))
	require.NoError(t, checkModes(args[0], 0o077))
	fmt.Println("STEPS", n)
}

// A process that is killed at any step leaves the old certificate or the new one,
// complete, and the next one can go on.
func TestKilled(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		return
	}
	for _, first := range []bool{true, false} {
		t.Run(fmt.Sprintf("first %v", first), func(t *testing.T) {
			for step := 1; ; step++ {
				require.Less(t, step, 100)
				dir := filepath.Join(t.TempDir(), "certs")
				s := &renew.FileStore{Dir: dir}
				old := newIssuer(t).bundle("a.example")
				if !first {
					require.NoError(t, s.Commit(t.Context(), "a.example", old))
					require.NoError(t, s.SaveState(t.Context(), "a.example", []byte("old")))
				}
				cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
				cmd.Env = append(os.Environ(), childEnv+"="+dir+" "+strconv.Itoa(step))
				out, err := cmd.CombinedOutput()
				require.NotContains(t, string(out), "MODES")
				b, loadErr := s.Load(t.Context(), "a.example")
				if first && loadErr != nil {
					require.ErrorIs(t, loadErr, fs.ErrNotExist)
				} else {
					require.NoError(t, loadErr)
					_, pairErr := b.TLS()
					require.NoError(t, pairErr, "step %d", step)
				}
				text, stateErr := s.LoadState(t.Context(), "a.example")
				if first && stateErr != nil {
					require.ErrorIs(t, stateErr, fs.ErrNotExist)
				} else {
					require.NoError(t, stateErr)
					require.Contains(t, []string{"old", "new"}, string(text))
				}
				next := newIssuer(t).bundle("a.example")
				require.NoError(t, s.Commit(t.Context(), "a.example", next))
				require.NoError(t, s.SaveState(t.Context(), "a.example", []byte("next")))
				b, loadErr = s.Load(t.Context(), "a.example")
				require.NoError(t, loadErr)
				require.Equal(t, next.ChainPEM, b.ChainPEM)
				left, globErr := filepath.Glob(filepath.Join(dir, "a.example", ".*"))
				require.NoError(t, globErr)
				require.Empty(t, left)
				if err == nil {
					// All steps were gone through: those of the certificate and of the state.
					require.Contains(t, string(out), "STEPS "+strconv.Itoa(step-1))
					require.Contains(t, string(out), "STEP rename "+filepath.Join(dir, "a.example", ".current"))
					require.Contains(t, string(out), "STEP rename "+filepath.Join(dir, "a.example", ".state.json"))
					return
				}
				require.ErrorContains(t, err, "killed")
			}
		})
	}
}

// Names are on disk before what needs them: a folder's in its parent, a file's in its
// folder, and all of a certificate before it is the current one.
func TestSyncs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	s := &renew.FileStore{Dir: dir}
	var steps []string
	s.SetStep(func(what string) error {
		steps = append(steps, strings.ReplaceAll(what, filepath.Dir(dir), ""))
		return nil
	})
	i := newIssuer(t)
	require.NoError(t, s.SaveState(t.Context(), "a", []byte("state")))
	require.Equal(t, []string{
		"mkdir /certs", "sync ", "mkdir /certs/a", "sync /certs",
		"write /certs/a/.state.json", "rename /certs/a/.state.json", "sync /certs/a",
	}, steps)
	steps = nil
	require.NoError(t, s.Commit(t.Context(), "a", i.bundle("a.example")))
	require.Equal(t, []string{
		"sync /certs", "mkdir /certs/a/.new", "write /certs/a/.new/privkey.pem", "write /certs/a/.new/cert.pem",
		"write /certs/a/.new/chain.pem", "write /certs/a/.new/fullchain.pem", "sync /certs/a/.new", "rename /certs/a/.new",
		"symlink /certs/a/.link", "rename /certs/a/.link", "symlink /certs/a/.link", "rename /certs/a/.link",
		"symlink /certs/a/.link", "rename /certs/a/.link", "symlink /certs/a/.link", "rename /certs/a/.link",
		"symlink /certs/a/.current", "sync /certs/a", "rename /certs/a/.current", "sync /certs/a",
	}, steps)
	steps = nil
	require.NoError(t, s.Commit(t.Context(), "a", i.bundle("a.example")))
	require.Equal(t, []string{
		"mkdir /certs/a/.new", "write /certs/a/.new/privkey.pem", "write /certs/a/.new/cert.pem",
		"write /certs/a/.new/chain.pem", "write /certs/a/.new/fullchain.pem", "sync /certs/a/.new", "rename /certs/a/.new",
		"symlink /certs/a/.current", "sync /certs/a", "rename /certs/a/.current", "sync /certs/a",
	}, steps)
}

// TestHolder is a process that has a lock until it is killed.
func TestHolder(t *testing.T) {
	dir := os.Getenv(holderEnv)
	if dir == "" {
		return
	}
	_, _, err := (&renew.FileStore{Dir: dir}).Lock(t.Context(), "a.example")
	require.NoError(t, err)
	fmt.Println("LOCKED")
	select {}
}

const holderEnv = "HOSTKIT_RENEW_HOLDER"

// While another process works on a certificate, ours waits, or gives up when its time is
// over; when the other has died it goes on (R12).
func TestSecondProcess(t *testing.T) {
	s := &renew.FileStore{Dir: filepath.Join(t.TempDir(), "certs")}
	cmd := exec.Command(os.Args[0], "-test.run=^TestHolder$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), holderEnv+"="+s.Dir)
	other := peer.Start(t, cmd, peer.Options{ReadyOutput: regexp.MustCompile("LOCKED"), Timeout: time.Minute})
	i := newIssuer(t)
	m, seen := manage(t, i, s, "a.example", "b.example")
	defer start(t, m)()
	require.Eventually(t, func() bool { return seen.count(renew.Issued) == 1 }, time.Minute, 10*time.Millisecond)
	require.NotEmpty(t, serial(t, m, "b.example"))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, _, err := s.Lock(ctx, "a.example")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	tries, _ := i.count()
	require.Equal(t, 1, tries)
	require.NoError(t, other.Signal(syscall.SIGKILL))
	require.Eventually(t, func() bool { return seen.count(renew.Issued) == 2 }, time.Minute, 10*time.Millisecond)
	require.NotEmpty(t, serial(t, m, "a.example"))
}

// What the disk refuses at any step leaves the old certificate or the new one, no
// folder too many, and the next try succeeds.
func TestFileStoreFaults(t *testing.T) {
	for _, fault := range []syscall.Errno{syscall.ENOSPC, syscall.EROFS, syscall.EXDEV, syscall.EIO} {
		t.Run(fault.Error(), func(t *testing.T) {
			s := &renew.FileStore{Dir: t.TempDir()}
			i := newIssuer(t)
			require.NoError(t, s.Commit(t.Context(), "a.example", i.bundle("a.example")))
			for step := 1; ; step++ {
				n := 0
				s.SetStep(func(string) error {
					if n++; n == step {
						return fault
					}
					return nil
				})
				old, err := s.Load(t.Context(), "a.example")
				require.NoError(t, err)
				next := i.bundle("a.example")
				failed := s.Commit(t.Context(), "a.example", next)
				b, err := s.Load(t.Context(), "a.example")
				require.NoError(t, err)
				if failed == nil {
					require.Equal(t, next.ChainPEM, b.ChainPEM)
					require.Less(t, n, step)
					break
				}
				require.ErrorIs(t, failed, fault)
				require.Contains(t, []string{string(old.ChainPEM), string(next.ChainPEM)}, string(b.ChainPEM))
				all, err := filepath.Glob(filepath.Join(s.Dir, "a.example", "0*"))
				require.NoError(t, err)
				require.LessOrEqual(t, len(all), 4)
			}
		})
	}
}

// A group may read only where it is asked for.
func TestFileStoreGroup(t *testing.T) {
	dir := t.TempDir()
	s := &renew.FileStore{Dir: dir, GroupReadable: true}
	require.NoError(t, s.Commit(t.Context(), "a.example", newIssuer(t).bundle("a.example")))
	require.NoError(t, checkModes(filepath.Join(dir, "a.example"), 0o027))
	info, err := os.Stat(filepath.Join(dir, "a.example", "privkey.pem"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o640), info.Mode().Perm())
}
