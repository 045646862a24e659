package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

func TestRunnable(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sbin", "folder"), 0o755))
	for name, mode := range map[string]os.FileMode{"program": 0o755, "text": 0o644} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "sbin", name), nil, mode))
	}
	// As in Debian: absolute in the root, and so not there from outside of it.
	require.NoError(t, os.Symlink("/lib/systemd/systemd", filepath.Join(dir, "sbin", "init")))
	require.NoError(t, os.Symlink("..", filepath.Join(dir, "out")))

	require.NoError(t, runnable(dir, "/sbin/program"))
	require.NoError(t, runnable(dir, "/sbin/../sbin/program"))
	require.NoError(t, runnable(dir, "/sbin/init"))
	require.ErrorIs(t, runnable(dir, "/sbin/none"), fs.ErrNotExist)
	require.ErrorIs(t, runnable(dir, "/sbin/text"), fs.ErrPermission)
	require.ErrorIs(t, runnable(dir, "/sbin/folder"), fs.ErrPermission)
	require.ErrorIs(t, runnable(filepath.Join(dir, "none"), "/sbin/init"), fs.ErrNotExist)
	require.Error(t, runnable(dir, "/out/etc/passwd"))
}

func TestWithDefaults(t *testing.T) {
	require.Equal(t, defaults, withDefaults(nil))
	require.Equal(t, []string{"TERM=vt100", "PATHS=x", "HOME=/", defaults[2]}, withDefaults([]string{"TERM=vt100", "PATHS=x"}))
}

// What is mounted below the initramfs must survive it.
func TestRealRemoveOn(t *testing.T) {
	peer.NeedRoot(t)
	dir := t.TempDir()
	mounted := filepath.Join(dir, "newroot")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "lib", "modules"), 0o755))
	require.NoError(t, os.Mkdir(mounted, 0o755))
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, nil, 0o644))
	require.NoError(t, os.Symlink(filepath.Dir(outside), filepath.Join(dir, "link")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lib", "modules", "nfs.ko"), nil, 0o644))
	if err := unix.Mount("tmpfs", mounted, "tmpfs", 0, ""); err != nil {
		peer.Skip(t, "cannot mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(mounted, 0)) })
	require.NoError(t, os.WriteFile(filepath.Join(mounted, "precious"), nil, 0o644))

	var st unix.Stat_t
	require.NoError(t, unix.Lstat(dir, &st))
	removeOn(st.Dev, dir)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.FileExists(t, filepath.Join(mounted, "precious"))
	require.FileExists(t, outside)
}

// The root of a machine that runs is no initramfs: nothing is deleted.
func TestFreeInitramfsRefuses(t *testing.T) {
	var info unix.Statfs_t
	require.NoError(t, unix.Statfs("/", &info))
	if kind := uint32(info.Type); kind == unix.RAMFS_MAGIC || kind == unix.TMPFS_MAGIC {
		t.Skip("this machine's root is in its memory")
	}
	require.ErrorContains(t, freeInitramfs(), "nothing is deleted")
}

func TestLoadModule(t *testing.T) {
	require.ErrorIs(t, loadModule(filepath.Join(t.TempDir(), "none.ko"), ""), fs.ErrNotExist)
	empty := filepath.Join(t.TempDir(), "empty.ko")
	require.NoError(t, os.WriteFile(empty, nil, 0o644))
	require.Error(t, loadModule(empty, ""))
}
