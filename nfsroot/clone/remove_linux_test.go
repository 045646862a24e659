package clone_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/loopfs"
	"github.com/mythic-beasts/hostkit/nfsroot/clone"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A tree in which something is mounted is not touched: what is mounted there
// may be the server's own files.
func TestRemoveRefusesMounts(t *testing.T) {
	eachRig(t, func(t *testing.T, dir string, c clone.Cloner) {
		base, dst, host := makeTree(t, dir), filepath.Join(dir, "pi 1"), rootTemp(t)
		require.NoError(t, c.Clone(t.Context(), base, dst))
		require.NoError(t, os.WriteFile(filepath.Join(host, "precious"), nil, 0o644))
		point := filepath.Join(dst, "var", "a mount")
		require.NoError(t, os.Mkdir(point, 0o755))
		require.NoError(t, unix.Mount(host, point, "", unix.MS_BIND, ""))
		err := c.Remove(t.Context(), dst)
		unmounted := unix.Unmount(point, 0)
		require.ErrorIs(t, err, clone.ErrMounted)
		require.ErrorContains(t, err, point)
		require.NoError(t, unmounted)
		require.FileExists(t, filepath.Join(host, "precious"))
		require.FileExists(t, filepath.Join(dst, "usr/bin/su"), "the refusal came too late")
		require.NoError(t, c.Remove(t.Context(), dst))
	})
}

func TestCloneRefusesMounts(t *testing.T) {
	dir := loopfs.Mount(t, "xfs", loopfs.Options{})
	base := makeTree(t, dir)
	point := filepath.Join(base, "many")
	require.NoError(t, unix.Mount(rootTemp(t), point, "", unix.MS_BIND, ""))
	defer func() { require.NoError(t, unix.Unmount(point, 0)) }()
	require.ErrorIs(t, clone.Reflink{}.Clone(t.Context(), base, filepath.Join(dir, "pi1")), clone.ErrMounted)
	require.Equal(t, []string{"base"}, left(t, dir))
}

// No link is followed: neither one in the tree, nor one in its place.
func TestRemoveFollowsNoLink(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	keep := filepath.Join(outside, "keep")
	require.NoError(t, os.WriteFile(keep, nil, 0o644))
	dst := filepath.Join(dir, "pi1")
	require.NoError(t, os.MkdirAll(filepath.Join(dst, "a"), 0o755))
	require.NoError(t, os.Symlink(outside, filepath.Join(dst, "a", "b")))
	require.NoError(t, os.Symlink("/", filepath.Join(dst, "root")))
	require.NoError(t, os.Symlink(dst, filepath.Join(dir, "link")))

	err := clone.Copy{}.Remove(t.Context(), filepath.Join(dir, "link"))
	require.ErrorIs(t, err, unix.ENOTDIR)
	require.DirExists(t, dst)
	require.NoError(t, clone.Copy{}.Remove(t.Context(), dst))
	require.FileExists(t, keep)
	require.Equal(t, []string{"link"}, left(t, dir))
}

// A machine may make folders as deep and as full as it likes.
func TestRemoveDeepAndWide(t *testing.T) {
	dir := t.TempDir()
	dst := filepath.Join(dir, "pi1")
	require.NoError(t, os.Mkdir(dst, 0o755))
	fd, err := unix.Open(dst, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	require.NoError(t, err)
	for i := range 700 { // the path is longer than PATH_MAX, and than open files may be many
		require.NoError(t, unix.Mkdirat(fd, "deeper", 0o755))
		next, err := unix.Openat(fd, "deeper", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		require.NoError(t, err)
		require.NoError(t, unix.Close(fd))
		fd = next
		require.NoError(t, unix.Symlinkat("x", fd, fmt.Sprint("link", i)))
	}
	require.NoError(t, unix.Close(fd))
	for i := range 3000 {
		require.NoError(t, os.Symlink("x", filepath.Join(dst, fmt.Sprint("wide", i))))
	}
	require.NoError(t, clone.Copy{}.Remove(t.Context(), dst))
	require.Empty(t, left(t, dir))
}

// An overlay comes back after a restart with what was written to it.
func TestOverlayRemount(t *testing.T) {
	dir := loopfs.Mount(t, "ext4", loopfs.Options{})
	base, dst := makeTree(t, dir), filepath.Join(dir, "pi1")
	o := clone.Overlay{}
	require.NoError(t, o.Clone(t.Context(), base, dst))
	require.NoError(t, os.WriteFile(filepath.Join(dst, "etc"), []byte("mine"), 0o644))
	require.NoError(t, o.Remount(t.Context(), dst), "it is mounted")

	require.NoError(t, unix.Unmount(dst, 0))
	require.NoFileExists(t, filepath.Join(dst, "etc"))
	require.NoError(t, o.Remount(t.Context(), dst))
	got, err := os.ReadFile(filepath.Join(dst, "etc"))
	require.NoError(t, err)
	require.Equal(t, "mine", string(got))

	f, err := os.Open(filepath.Join(dst, "etc"))
	require.NoError(t, err)
	require.ErrorIs(t, o.Remove(t.Context(), dst), unix.EBUSY, "somebody uses it")
	f.Close()
	require.NoError(t, o.Remove(t.Context(), dst))
	require.NotContains(t, left(t, dir), ".pi1.overlay")

	require.NoError(t, os.Mkdir(dst, 0o755))
	require.Error(t, o.Remove(t.Context(), dst), "it is no overlay")
	require.DirExists(t, dst)
}

func TestOverlayNeedsAPlainBase(t *testing.T) {
	dir := loopfs.Mount(t, "ext4", loopfs.Options{})
	base := filepath.Join(dir, "a:b")
	require.NoError(t, os.Mkdir(base, 0o755))
	err := clone.Overlay{}.Clone(t.Context(), base, filepath.Join(dir, "pi1"))
	require.ErrorIs(t, err, clone.ErrUnsafePath)
	require.Equal(t, []string{"a:b", "lost+found"}, left(t, dir))
}
