package nfsd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/export"
	"github.com/mythic-beasts/hostkit/nfsroot/internal/nfsclient"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"
)

// TestFileSystems serves each, and mounts it again between two servers.
func TestFileSystems(t *testing.T) {
	peer.NeedRoot(t)
	for _, fs := range []string{"ext4", "xfs", "btrfs"} {
		t.Run(fs, func(t *testing.T) {
			image := filepath.Join(t.TempDir(), "image")
			require.NoError(t, os.WriteFile(image, nil, 0o600))
			require.NoError(t, os.Truncate(image, 512<<20))
			command(t, peer.Look(t, "mkfs."+fs), image)
			dir := t.TempDir()
			mount := func() { command(t, "mount", "-o", "loop", image, dir) }
			mount()
			t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
			root := filepath.Join(dir, "root")
			if fs == "btrfs" {
				command(t, "btrfs", "subvolume", "create", root)
			} else {
				require.NoError(t, os.Mkdir(root, 0o755))
			}
			x := export.Export{ID: 1, Path: dir, Client: loopback, FSID: export.FSID("x")}
			key := make([]byte, nfsd.KeySize)
			ctx := t.Context()

			addr, stop := serve(t, &nfsd.Server{Exports: []export.Export{x}, Key: key})
			c := dial(t, addr)
			fh, err := c.Mount(ctx, root)
			require.NoError(t, err)
			d, before, err := c.Mkdir(ctx, fh, "d", nfsclient.Set{Mode: new(uint32(0o755))})
			require.NoError(t, err)
			f, _, err := c.Create(ctx, d, "f", nfsclient.Exclusive, nfsclient.Set{}, 0xffffffffffffffff)
			require.NoError(t, err)
			_, _, err = c.Write(ctx, f, 0, []byte("text"), 2)
			require.NoError(t, err)
			stop()

			require.NoError(t, unix.Unmount(dir, 0), "nothing is left open")
			hold := filepath.Join(t.TempDir(), "image") // takes the loop device's number
			require.NoError(t, os.WriteFile(hold, make([]byte, 1<<20), 0o600))
			command(t, "losetup", "-f", hold)
			t.Cleanup(func() { command(t, "sh", "-c", "losetup -j "+hold+" -O NAME -n | xargs losetup -d") })
			mount()

			addr, stop = serve(t, &nfsd.Server{Exports: []export.Export{x}, Key: key})
			defer stop()
			c = dial(t, addr)
			data, _, err := c.Read(ctx, f, 0, 10)
			require.NoError(t, err)
			require.Equal(t, "text", string(data))
			after, err := c.GetAttr(ctx, d)
			require.NoError(t, err)
			require.Equal(t, before.FSID, after.FSID)
			require.Equal(t, before.FileID, after.FileID)
			up, _, err := c.Lookup(ctx, d, "..")
			require.NoError(t, err)
			require.Equal(t, fh, up)
			list, _, eof, err := c.ReadDir(ctx, fh, 0, 0, 4096, true)
			require.NoError(t, err)
			require.True(t, eof)
			require.NotEmpty(t, list)
		})
	}
}

// command runs a program to its end; in a clean-up, too.
func command(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
}

// TestMountBelow has a file system that is not the export's in its tree.
func TestMountBelow(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	require.NoError(t, os.Mkdir(root+"/proc", 0o755))
	require.NoError(t, unix.Mount("none", root+"/proc", "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(root+"/proc", 0)) })
	_, _, err := c.Lookup(ctx, fh, "proc")
	require.Equal(t, nfsclient.ErrAccess, err)
	list, _, _, err := c.ReadDir(ctx, fh, 0, 0, 4096, true)
	require.NoError(t, err)
	for _, e := range list {
		if e.Name == "proc" {
			require.Nil(t, e.Handle)
			require.Nil(t, e.Attr)
		}
	}
}

func TestFull(t *testing.T) {
	peer.NeedRoot(t)
	dir := t.TempDir()
	require.NoError(t, unix.Mount("none", dir, "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	addr, stop := serve(t, &nfsd.Server{Exports: []export.Export{{Path: dir, Client: loopback}}})
	defer stop()
	c := dial(t, addr)
	ctx := t.Context()
	fh, err := c.Mount(ctx, dir)
	require.NoError(t, err)
	f, _, err := c.Create(ctx, fh, "f", nfsclient.Guarded, nfsclient.Set{}, 0)
	require.NoError(t, err)
	_, _, err = c.Write(ctx, f, 0, make([]byte, 768<<10), 0)
	require.NoError(t, err)
	n, _, err := c.Write(ctx, f, 768<<10, make([]byte, 1<<20), 0)
	require.NoError(t, err, "a part fits")
	require.Less(t, n, uint32(1<<20))
	_, _, err = c.Write(ctx, f, 2<<20, make([]byte, 1<<20), 0)
	require.Equal(t, nfsclient.Status(28), err)
	_, err = c.Remove(ctx, fh, "f")
	require.NoError(t, err)
	f, _, err = c.Create(ctx, fh, "g", nfsclient.Guarded, nfsclient.Set{}, 0)
	require.NoError(t, err)
	_, _, err = c.Write(ctx, f, 0, make([]byte, 900<<10), 0)
	require.NoError(t, err, "the space of what was removed is free, though the server had it open")
}
