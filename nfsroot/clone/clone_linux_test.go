package clone_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/loopfs"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/clone"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// rigs are the drivers with filesystems on which they work.
var rigs = []struct {
	kind   string
	cloner clone.Cloner
}{
	{"btrfs", clone.Btrfs{}},
	{"btrfs", clone.Reflink{}},
	{"xfs", clone.Reflink{}},
	{"xfs", clone.Reflink{Workers: 1, NoSync: true}},
	{"ext4", clone.Overlay{}},
	{"ext4", clone.Copy{}},
	{"tmpfs", clone.Copy{}},
	{"xfs", clone.Copy{Workers: 3}},
}

func eachRig(t *testing.T, test func(t *testing.T, dir string, c clone.Cloner)) {
	for _, r := range rigs {
		t.Run(r.cloner.Capabilities().Name+" on "+r.kind, func(t *testing.T) {
			test(t, loopfs.Mount(t, r.kind, loopfs.Options{}), r.cloner)
		})
	}
}

func TestClone(t *testing.T) {
	eachRig(t, func(t *testing.T, dir string, c clone.Cloner) {
		base, dst := makeTree(t, dir), filepath.Join(dir, "pi1")
		before := left(t, dir)
		want := facts(t, base)
		require.NoError(t, c.Clone(t.Context(), base, dst))
		require.Equal(t, want, facts(t, dst))
		require.Equal(t, want, facts(t, base), "the base changed")

		// They are apart from now on.
		require.NoError(t, os.WriteFile(filepath.Join(dst, "usr/bin/su"), []byte("new"), 0o755))
		require.NoError(t, os.Remove(filepath.Join(dst, "shell")))
		require.Equal(t, want, facts(t, base))

		err := c.Clone(t.Context(), base, dst)
		require.ErrorIs(t, err, fs.ErrExist)
		require.Contains(t, err.Error(), dst)

		require.NoError(t, c.Remove(t.Context(), dst))
		require.Equal(t, before, left(t, dir))
		require.ErrorIs(t, c.Remove(t.Context(), dst), fs.ErrNotExist)
	})
}

// Neither the process's umask, nor the folder that the clone is in, changes what
// it is: not by its group, nor by an ACL that it hands down.
func TestCloneInheritsNothing(t *testing.T) {
	dir := loopfs.Mount(t, "ext4", loopfs.Options{})
	base := makeTree(t, dir)
	in := filepath.Join(dir, "shared")
	require.NoError(t, os.Mkdir(in, 0o755))
	require.NoError(t, os.Chown(in, 0, 1234))
	require.NoError(t, unix.Chmod(in, 0o2775))
	acl := "\x02\x00\x00\x00\x01\x00\x07\x00\xff\xff\xff\xff\x04\x00\x07\x00\xff\xff\xff\xff\x20\x00\x07\x00\xff\xff\xff\xff" // u::rwx,g::rwx,o::rwx
	require.NoError(t, unix.Setxattr(in, "system.posix_acl_default", []byte(acl), 0))
	defer unix.Umask(unix.Umask(0o077))
	require.NoError(t, clone.Copy{}.Clone(t.Context(), base, filepath.Join(in, "pi1")))
	require.Equal(t, facts(t, base), facts(t, filepath.Join(in, "pi1")))
	_, err := unix.Lgetxattr(filepath.Join(in, "pi1", "usr"), "system.posix_acl_default", nil)
	require.ErrorIs(t, err, unix.ENODATA)
}

func TestHolesStay(t *testing.T) {
	eachRig(t, func(t *testing.T, dir string, c clone.Cloner) {
		base, dst := makeTree(t, dir), filepath.Join(dir, "pi1")
		require.NoError(t, c.Clone(t.Context(), base, dst))
		t.Cleanup(func() { require.NoError(t, c.Remove(context.Background(), dst)) })
		var st unix.Stat_t
		require.NoError(t, unix.Stat(filepath.Join(dst, "sparse"), &st))
		require.Less(t, st.Blocks*512, int64(2<<20))
	})
}

func TestImport(t *testing.T) {
	src := makeTree(t, rootTemp(t))
	for _, r := range rigs {
		im, ok := r.cloner.(clone.Importer)
		if !ok {
			continue
		}
		t.Run(r.cloner.Capabilities().Name+" on "+r.kind, func(t *testing.T) {
			dir := loopfs.Mount(t, r.kind, loopfs.Options{})
			base, dst := filepath.Join(dir, "base"), filepath.Join(dir, "pi1")
			require.NoError(t, im.Import(t.Context(), src, base))
			require.Equal(t, facts(t, src), facts(t, base))
			require.NoError(t, r.cloner.Clone(t.Context(), base, dst))
			require.Equal(t, facts(t, src), facts(t, dst))
			require.NoError(t, os.WriteFile(filepath.Join(dst, "new"), nil, 0o644))
			require.NoError(t, errors.Join(r.cloner.Remove(t.Context(), dst), r.cloner.Remove(t.Context(), base)))
			require.Subset(t, []string{"lost+found"}, left(t, dir))
		})
	}
}

func rootTemp(t *testing.T) string {
	t.Helper()
	peer.NeedRoot(t)
	return t.TempDir()
}

// An import on btrfs cannot be written to, so clones have something to rely on.
func TestBtrfsBaseIsReadOnly(t *testing.T) {
	dir := loopfs.Mount(t, "btrfs", loopfs.Options{})
	src := makeTree(t, rootTemp(t))
	base := filepath.Join(dir, "base")
	require.NoError(t, clone.Btrfs{}.Import(t.Context(), src, base))
	require.ErrorIs(t, os.WriteFile(filepath.Join(base, "new"), nil, 0o644), unix.EROFS)
}

// Many clone a plain folder at the same time, and it becomes a subvolume once.
func TestBtrfsConvertsTheBase(t *testing.T) {
	dir := loopfs.Mount(t, "btrfs", loopfs.Options{})
	base := makeTree(t, dir)
	want := facts(t, base)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = clone.Btrfs{}.Clone(t.Context(), base, filepath.Join(dir, fmt.Sprint("pi", i))) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Len(t, left(t, dir), 1+len(errs))
	require.Equal(t, want, facts(t, base))
	require.Equal(t, want, facts(t, filepath.Join(dir, "pi7")))
	var st unix.Stat_t
	require.NoError(t, unix.Stat(base, &st))
	require.EqualValues(t, 256, st.Ino)
}

func TestUnsafePaths(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "base")
	require.NoError(t, os.MkdirAll(filepath.Join(base, "sub"), 0o755))
	for _, c := range []clone.Cloner{clone.Btrfs{}, clone.Reflink{}, clone.Overlay{}, clone.Copy{}} {
		for _, dst := range []string{"", ".", "/", dir + "/..", dir + "/a\nb", dir + "/.clone-x", dir + "/\x00", dir + "/\xff"} {
			require.ErrorIs(t, c.Clone(t.Context(), base, dst), clone.ErrUnsafePath, "%q", dst)
			require.ErrorIs(t, c.Remove(t.Context(), dst), clone.ErrUnsafePath, "%q", dst)
		}
		err := c.Clone(t.Context(), base, filepath.Join(base, "sub", "pi1"))
		if c != (clone.Btrfs{}) { // it looks at the filesystem first
			require.ErrorIs(t, err, clone.ErrUnsafePath)
		}
		require.Error(t, err)
	}
	require.Equal(t, []string{"base"}, left(t, dir))
}

func TestDifferentFilesystems(t *testing.T) {
	base := makeTree(t, loopfs.Mount(t, "xfs", loopfs.Options{}))
	other := loopfs.Mount(t, "xfs", loopfs.Options{})
	err := clone.Reflink{}.Clone(t.Context(), base, filepath.Join(other, "pi1"))
	require.ErrorIs(t, err, unix.EXDEV)
	require.ErrorContains(t, err, "different filesystems")
	require.Empty(t, left(t, other))

	require.NoError(t, clone.Copy{}.Clone(t.Context(), base, filepath.Join(other, "pi1")))
	require.Equal(t, facts(t, base), facts(t, filepath.Join(other, "pi1")))

	b1, b2 := loopfs.Mount(t, "btrfs", loopfs.Options{}), loopfs.Mount(t, "btrfs", loopfs.Options{})
	require.NoError(t, clone.Btrfs{}.Import(t.Context(), base, filepath.Join(b1, "base")))
	err = clone.Btrfs{}.Clone(t.Context(), filepath.Join(b1, "base"), filepath.Join(b2, "pi1"))
	require.ErrorIs(t, err, unix.EXDEV)
	require.Empty(t, left(t, b2))
}

func TestDiskFull(t *testing.T) {
	src := rootTemp(t)
	require.NoError(t, os.WriteFile(filepath.Join(src, "big"), []byte(strings.Repeat("data", 40<<20/4)), 0o644))
	dir := loopfs.Mount(t, "ext4", loopfs.Options{Size: 32 << 20})
	err := clone.Copy{}.Clone(t.Context(), src, filepath.Join(dir, "pi1"))
	require.ErrorIs(t, err, unix.ENOSPC)
	require.Equal(t, []string{"lost+found"}, left(t, dir))
}

// cancelAfter is a context that ends after it was asked some times.
type cancelAfter struct {
	context.Context
	mu   sync.Mutex
	left int
}

func (c *cancelAfter) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestCancel(t *testing.T) {
	eachRig(t, func(t *testing.T, dir string, c clone.Cloner) {
		base := makeTree(t, dir)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		before := left(t, dir)
		err := c.Clone(ctx, base, filepath.Join(dir, "pi1"))
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, before, left(t, dir))
	})
}

// Half of a clone is as little left as nothing of it.
func TestCancelHalfWay(t *testing.T) {
	dir := loopfs.Mount(t, "tmpfs", loopfs.Options{})
	base := makeTree(t, dir)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		done := make(chan struct{})
		wg.Go(func() {
			defer cancel()
			for {
				found, _ := filepath.Glob(filepath.Join(dir, ".clone-*.part", "many", "1*"))
				select {
				case <-done:
					return
				default:
				}
				if len(found) > 0 {
					return
				}
			}
		})
		err := clone.Copy{Workers: 1}.Clone(ctx, base, filepath.Join(dir, "pi1"))
		close(done)
		wg.Wait()
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, []string{"base"}, left(t, dir))
			return
		}
		require.NoError(t, clone.Copy{}.Remove(t.Context(), filepath.Join(dir, "pi1")))
	}
	t.Fatal("it was never cancelled half way")
}

// Clones and trials go on while somebody sweeps all the time.
func TestSweepLeavesTheLivingAlone(t *testing.T) {
	dir := loopfs.Mount(t, "tmpfs", loopfs.Options{})
	base := makeTree(t, dir)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				clone.Sweep(t.Context(), dir)
			}
		}
	})
	defer wg.Wait()
	defer close(done)
	for i := range 10 {
		dst := filepath.Join(dir, fmt.Sprint("pi", i))
		require.NoError(t, clone.Copy{}.Clone(t.Context(), base, dst))
		require.Equal(t, facts(t, base), facts(t, dst))
		require.NoError(t, clone.Try(t.Context(), dir)[3].Err)
		require.NoError(t, clone.Copy{}.Remove(t.Context(), dst))
	}
}

// Removal that was cancelled half way is finished by Sweep.
func TestSweep(t *testing.T) {
	dir := loopfs.Mount(t, "xfs", loopfs.Options{})
	base, dst := makeTree(t, dir), filepath.Join(dir, "pi1")
	require.NoError(t, clone.Reflink{}.Clone(t.Context(), base, dst))
	err := clone.Reflink{}.Remove(&cancelAfter{Context: t.Context(), left: 300}, dst)
	require.Error(t, err)
	require.NoDirExists(t, dst)
	require.Len(t, left(t, dir), 2)
	busy := filepath.Join(dir, ".clone-busy.part")
	require.NoError(t, os.Mkdir(busy, 0o755))
	f, err := os.Open(busy)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))

	require.NoError(t, clone.Sweep(t.Context(), dir))
	require.Equal(t, []string{".clone-busy.part", "base"}, left(t, dir))
	f.Close()
	require.NoError(t, clone.Sweep(t.Context(), dir))
	require.Equal(t, []string{"base"}, left(t, dir))
}

func TestProbe(t *testing.T) {
	for kind, want := range map[string]string{"btrfs": "btrfs", "xfs": "reflink", "ext4": "overlay"} {
		t.Run(kind, func(t *testing.T) {
			dir := loopfs.Mount(t, kind, loopfs.Options{})
			before := left(t, dir)
			c, err := clone.Probe(t.Context(), dir)
			require.NoError(t, err)
			require.Equal(t, want, c.Capabilities().Name)
			for _, trial := range clone.Try(t.Context(), dir) {
				if trial.Cloner == c {
					break
				}
				require.ErrorIs(t, trial.Err, errors.ErrUnsupported)
			}
			require.Equal(t, before, left(t, dir))
		})
	}
	_, err := clone.Probe(t.Context(), filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
