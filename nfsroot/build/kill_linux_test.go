package build_test

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/build"
)

// kills is how many times a build is killed: HOSTKIT_KILLS, or 20.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("HOSTKIT_KILLS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	require.Positive(t, n)
	return n
}

// A builder that is killed at any time leaves no mount, no process and no half
// tree. The times are steps of the build, one at random in each of as many parts, so
// that they fall everywhere in it however fast this machine is.
func TestRealKilled(t *testing.T) {
	needTools(t, "mmdebstrap")
	dir := t.TempDir()
	h := helper{Dst: filepath.Join(dir, "base"), CacheDir: userCache(t), Backend: build.Mmdebstrap, Smallest: true}
	steps := 0
	count := func(event string, n *int) int {
		if !strings.HasPrefix(event, "event download") { // which there are only the first time
			*n++
		}
		return *n
	}
	digest := h.runUntil(t, func(event string) bool { count(event, &steps); return false })
	require.NotEmpty(t, digest)
	require.Greater(t, steps, 100)

	n := kills(t)
	random := rand.New(rand.NewPCG(3, uint64(n)))
	for i := range n {
		h.OnDisk = i%2 == 0
		at, seen := (i*steps+random.IntN(steps))/n, 0
		h.runUntil(t, func(event string) bool { return count(event, &seen) > at })
		require.Eventually(t, func() bool { return len(processes(dir)) == 0 }, 10*time.Second, 10*time.Millisecond,
			"killed at step %d of %d: %v", at, steps, processes(dir))
		require.Empty(t, mounts(t, dir), "killed at step %d", at)
		t.Logf("killed at step %d of %d, on disk: %v", at, steps, h.OnDisk)
		require.FileExists(t, filepath.Join(dir, "base/usr/bin/dpkg"), "the old root, or a new one")
		require.NoDirExists(t, filepath.Join(dir, "base/debootstrap"))
		require.FileExists(t, filepath.Join(dir, "base/etc/dpkg/dpkg.cfg.d/50nfsroot"))
	}
	require.Equal(t, digest, h.runUntil(t, func(string) bool { return false }))
	only(t, dir, "base")
	require.Empty(t, leftBuilds(t, h.CacheDir))
}

// leftBuilds are folders of builds that nobody is at. The cache is the user's, so
// that tests of other packages may be building.
func leftBuilds(t *testing.T, cacheDir string) []string {
	locks, err := filepath.Glob(filepath.Join(cacheDir, "builds", "*", "lock"))
	require.NoError(t, err)
	return slices.DeleteFunc(locks, func(path string) bool {
		lock, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return true // over meanwhile
		}
		require.NoError(t, err)
		defer lock.Close()
		return unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil
	})
}

// What runs in a sandbox ends with us, in every kind of namespace.
func TestRealSandboxEndsWithUs(t *testing.T) {
	needTools(t)
	self, err := os.Executable()
	require.NoError(t, err)
	for name, as := range map[string]func(*testing.T, helper) *exec.Cmd{
		"root": func(t *testing.T, h helper) *exec.Cmd { return h.command(t, self) },
		"root, of another architecture": func(t *testing.T, h helper) *exec.Cmd {
			peer.Need(t, "qemu-arm-static", "qemu-aarch64-static")
			h.Arch = nfsroot.ARM64
			return h.command(t, self)
		},
		"a plain user": func(t *testing.T, h helper) *exec.Cmd { return h.asNobody(t, forNobody(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h := helper{Sleep: filepath.Join(dir, "mark"), Arch: native()}
			asleep := false
			runUntil(t, as(t, h), func(string) bool {
				asleep = true
				require.NotEmpty(t, processes(dir))
				return true
			})
			require.True(t, asleep)
			require.Eventually(t, func() bool { return len(processes(dir)) == 0 }, 10*time.Second, 10*time.Millisecond)
		})
	}
}

// runUntil runs the helper, kills it when stop says so of an event, and returns
// the digest if it came to that.
func (h helper) runUntil(t *testing.T, stop func(event string) bool) (digest string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return runUntil(t, h.command(t, self), stop)
}

// patience is for one run of the helper, ending for what it started to end after
// it. Both are far above what is ever needed: without them the wait for a pipe
// is endless that something holds open which should have been killed.
const (
	patience = 5 * time.Minute
	ending   = 30 * time.Second
)

func runUntil(t *testing.T, cmd *exec.Cmd, stop func(event string) bool) (digest string) {
	t.Helper()
	out, w, err := os.Pipe()
	require.NoError(t, err)
	defer out.Close()
	require.NoError(t, out.SetReadDeadline(time.Now().Add(patience)))
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	require.NoError(t, err)
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	killed := false
	var last string
	for lines.Scan() {
		last = lines.Text()
		if d, ok := strings.CutPrefix(last, "digest "); ok {
			digest = d
		}
		if strings.HasPrefix(last, "event ") && !killed && stop(last) {
			killed = true
			require.NoError(t, cmd.Process.Kill())
			require.NoError(t, out.SetReadDeadline(time.Now().Add(ending)))
		}
	}
	if err := lines.Err(); err != nil {
		require.NoError(t, err, "killed: %v: after %q something still runs", killed, last)
	}
	if err := cmd.Wait(); !killed {
		require.NoError(t, err, last)
	}
	return digest
}

// A context that ends kills what runs in the namespaces.
func TestRealCancelled(t *testing.T) {
	needTools(t, "mmdebstrap")
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := &build.Builder{CacheDir: userCache(t), MaxAge: -1, Progress: func(e build.Event) {
		if e.Stage == build.Unpack && e.Package == "libc6" {
			cancel()
		}
	}}
	_, err := b.Build(ctx, smallest(), filepath.Join(dir, "base"))
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, processes(dir))
	require.Empty(t, mounts(t, dir))
	only(t, dir)
}
