package export_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/ganeshatest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/export"
)

// run runs a program that must succeed.
func run(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), peer.Look(t, args[0]), args[1:]...).CombinedOutput()
	require.NoError(t, err, "%v: %s", args, out)
}

// btrfs mounts a new file system.
func btrfs(t *testing.T) (dir string) {
	t.Helper()
	peer.NeedRoot(t)
	peer.Need(t, "mkfs.btrfs", "btrfs")
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, 200<<20))
	run(t, "mkfs.btrfs", "-q", image)
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		peer.Skip(t, "cannot mount btrfs: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "--lazy", dir).CombinedOutput(); err != nil {
			t.Errorf("unmount: %v: %s", err, out)
		}
	})
	return dir
}

// inside runs a program with the server's mounts.
func inside(t *testing.T, srv *ganeshatest.Server, args ...string) {
	t.Helper()
	run(t, append([]string{"nsenter", "--target", strconv.Itoa(srv.PID()), "--mount", "--"}, args...)...)
}

// What the README says of subvolumes: below an export they are not seen unless
// they were mounted before it was made, and another one is seen when the export
// was removed and made again.
func TestRealSubvolume(t *testing.T) {
	dir := btrfs(t)
	for _, generation := range []string{"1", "2"} {
		run(t, "btrfs", "-q", "subvolume", "create", filepath.Join(dir, generation))
		tree(t, filepath.Join(dir, generation), "file-of-"+generation)
	}
	s := newShelf(t, 1)
	root := filepath.Join(dir, "serve/pi/root")
	require.NoError(t, os.MkdirAll(filepath.Dir(root), 0o755))
	run(t, "btrfs", "-q", "subvolume", "snapshot", filepath.Join(dir, "1"), root)
	exports := []export.Export{{ID: 1, Path: filepath.Dir(root), FSID: 1, Client: s.client(0)}}
	srv := s.start(exports)
	for _, v := range versions {
		out, err := s.ls(0, v, root)
		require.Error(t, err, "a bare subvolume is seen: is the README out of date? %s", out)
	}

	mount := func(generation string) {
		t.Helper()
		srv.Reload(config(t, nil))
		inside(t, srv, "mount", "--bind", filepath.Join(dir, generation), root)
		srv.Reload(config(t, exports))
	}
	for _, generation := range []string{"1", "2"} {
		mount(generation)
		for _, v := range versions {
			out, err := s.ls(0, v, root)
			require.NoError(t, err, "generation %s, version %s: %s", generation, v, out)
			require.Contains(t, out, "file-of-"+generation)
		}
		inside(t, srv, "umount", "--lazy", root)
	}
}

// Why the README says that subvolumes do not keep machines apart: a handle of a
// file in one opens it through another, and differs by a small number.
func TestRealHandleCrossesSubvolumes(t *testing.T) {
	dir := btrfs(t)
	for _, name := range []string{"mine", "theirs"} {
		run(t, "btrfs", "-q", "subvolume", "create", filepath.Join(dir, name))
		tree(t, filepath.Join(dir, name), "secret")
	}
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, filepath.Join(dir, "theirs/secret"), 0)
	require.NoError(t, err)
	mine, err := os.Open(filepath.Join(dir, "mine"))
	require.NoError(t, err)
	defer mine.Close()
	fd, err := unix.OpenByHandleAt(int(mine.Fd()), handle, unix.O_RDONLY)
	require.NoError(t, err)
	theirs := os.NewFile(uintptr(fd), "theirs")
	defer theirs.Close()
	data, err := io.ReadAll(theirs)
	require.NoError(t, err)
	require.Equal(t, "secret\n", string(data))
}
