package nfsd_test

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
	"github.com/mythic-beasts/hostkit/nfsroot/internal/nfsclient"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"
)

func TestForgedHandles(t *testing.T) {
	c, fh, _ := mounted(t)
	ctx := t.Context()
	_, err := c.GetAttr(ctx, fh)
	require.NoError(t, err)
	for i := range fh {
		forged := bytes.Clone(fh)
		forged[i] ^= 1
		_, err := c.GetAttr(ctx, forged)
		require.Contains(t, []error{nfsclient.ErrBadHandle, nfsclient.ErrStale}, err, "byte %d", i)
		_, _, err = c.Lookup(ctx, forged, ".")
		require.Contains(t, []error{nfsclient.ErrBadHandle, nfsclient.ErrStale}, err, "byte %d", i)
	}
	for n := range fh {
		_, err := c.GetAttr(ctx, fh[:n])
		require.Contains(t, []error{nfsclient.ErrBadHandle, nfsclient.ErrStale}, err, "%d bytes", n)
	}
}

// TestOthersExport takes handles across from one client to another, of which
// each has a root on the same file system.
func TestOthersExport(t *testing.T) {
	base := t.TempDir()
	exports := make([]export.Export, 2)
	for i := range exports {
		exports[i] = export.Export{ID: uint16(i), Path: filepath.Join(base, string(rune('a'+i))), Client: netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)}), 32)}
		require.NoError(t, os.MkdirAll(filepath.Join(exports[i].Path, "root"), 0o755))
	}
	addr, _ := serve(t, &nfsd.Server{Exports: exports})
	one, two := dialFrom(t, addr, net.IPv4(127, 0, 0, 1)), dialFrom(t, addr, net.IPv4(127, 0, 0, 2))
	ctx := t.Context()
	rootOne, err := one.Mount(ctx, exports[0].Path+"/root")
	require.NoError(t, err)
	rootTwo, err := two.Mount(ctx, exports[1].Path+"/root")
	require.NoError(t, err)

	for _, path := range []string{exports[0].Path, exports[0].Path + "/root", exports[1].Path + "/../a/root", base, "/", "", "root"} {
		_, err := two.Mount(ctx, path)
		require.ErrorIs(t, err, nfsclient.ErrAccess, path)
	}
	_, err = two.GetAttr(ctx, rootOne) // kept open by the server
	require.Equal(t, nfsclient.ErrAccess, err)
	_, err = one.GetAttr(ctx, rootOne)
	require.NoError(t, err)
	_, err = two.GetAttr(ctx, rootOne)
	require.Equal(t, nfsclient.ErrAccess, err)

	// The kernel's part of a handle of another's file, under the own export.
	forged := bytes.Clone(rootOne)
	copy(forged[2:4], rootTwo[2:4])
	_, err = two.GetAttr(ctx, forged)
	require.Equal(t, nfsclient.ErrBadHandle, err)
	forged = bytes.Clone(rootTwo)
	copy(forged[12:len(forged)-12], rootOne[12:])
	_, err = two.GetAttr(ctx, forged)
	require.Equal(t, nfsclient.ErrBadHandle, err)
}

func TestHandlesHold(t *testing.T) {
	root, x := share(t)
	key, err := nfsd.LoadKey(filepath.Join(t.TempDir(), "key"))
	require.NoError(t, err)
	ctx := t.Context()
	addr, stop := serve(t, &nfsd.Server{Exports: []export.Export{x}, Key: key})
	c := dial(t, addr)
	fh, err := c.Mount(ctx, root)
	require.NoError(t, err)
	d, _, err := c.Mkdir(ctx, fh, "d", nfsclient.Set{})
	require.NoError(t, err)
	f, _, err := c.Create(ctx, d, "f", nfsclient.Guarded, nfsclient.Set{}, 0)
	require.NoError(t, err)
	_, verifier, err := c.Write(ctx, f, 0, []byte("text"), 0)
	require.NoError(t, err)

	require.NoError(t, c.Rename(ctx, d, "f", fh, "g"))
	require.NoError(t, os.Rename(root+"/d", root+"/e"), "by another than the server")
	stop()
	addr, stop = serve(t, &nfsd.Server{Exports: []export.Export{x}, Key: key})
	c = dial(t, addr)
	data, _, err := c.Read(ctx, f, 0, 10)
	require.NoError(t, err)
	require.Equal(t, "text", string(data))
	again, err := c.Commit(ctx, f)
	require.NoError(t, err)
	require.NotEqual(t, verifier, again, "tells that the write may be lost")
	_, _, err = c.Create(ctx, d, "new", nfsclient.Guarded, nfsclient.Set{}, 0)
	require.NoError(t, err)
	require.FileExists(t, root+"/e/new")
	stop()

	addr, _ = serve(t, &nfsd.Server{Exports: []export.Export{x}}) // another key
	_, err = dial(t, addr).GetAttr(ctx, f)
	require.Equal(t, nfsclient.ErrBadHandle, err)
}

// TestSwap exchanges the tree of a machine while it runs, and deletes it.
func TestSwap(t *testing.T) {
	root, x := share(t)
	ctx := t.Context()
	s := &nfsd.Server{Exports: []export.Export{x}}
	addr, _ := serve(t, s)
	c := dial(t, addr)
	require.NoError(t, os.WriteFile(root+"/generation", []byte("1"), 0o644))
	fh, err := c.Mount(ctx, root)
	require.NoError(t, err)
	f, _, err := c.Lookup(ctx, fh, "generation")
	require.NoError(t, err)

	next := t.TempDir() + "/root"
	require.NoError(t, os.Mkdir(next, 0o755))
	require.NoError(t, os.WriteFile(next+"/generation", []byte("2"), 0o644))
	require.NoError(t, unix.Renameat2(unix.AT_FDCWD, root, unix.AT_FDCWD, next, unix.RENAME_EXCHANGE))

	data, _, err := c.Read(ctx, f, 0, 10)
	require.NoError(t, err)
	require.Equal(t, "1", string(data))
	_, _, err = c.Create(ctx, fh, "written", nfsclient.Guarded, nfsclient.Set{}, 0)
	require.NoError(t, err)
	require.FileExists(t, next+"/written", "the old tree, where it is now")
	up, _, err := c.Lookup(ctx, fh, "..")
	require.NoError(t, err)
	require.Equal(t, fh, up)

	fresh, err := c.Mount(ctx, root)
	require.NoError(t, err)
	require.NotEqual(t, fh, fresh)
	g, _, err := c.Lookup(ctx, fresh, "generation")
	require.NoError(t, err)
	data, _, err = c.Read(ctx, g, 0, 10)
	require.NoError(t, err)
	require.Equal(t, "2", string(data))

	require.NoError(t, os.RemoveAll(next))
	_, err = c.GetAttr(ctx, f)
	require.Equal(t, nfsclient.ErrStale, err)
	_, err = c.GetAttr(ctx, fh)
	require.Equal(t, nfsclient.ErrStale, err)
	_, err = c.GetAttr(ctx, fresh)
	require.NoError(t, err)
}

func TestParent(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	require.NoError(t, os.MkdirAll(root+"/a/b", 0o755))
	a, _, err := c.Lookup(ctx, fh, "a")
	require.NoError(t, err)
	b, _, err := c.Lookup(ctx, a, "b")
	require.NoError(t, err)
	for _, tc := range []struct{ of, want nfsclient.Handle }{{b, a}, {a, fh}, {fh, fh}} {
		up, _, err := c.Lookup(ctx, tc.of, "..")
		require.NoError(t, err)
		require.Equal(t, tc.want, up)
	}
	self, _, err := c.Lookup(ctx, b, ".")
	require.NoError(t, err)
	require.Equal(t, b, self)

	require.NoError(t, os.Rename(root+"/a/b", filepath.Dir(root)+"/b"), "out of the root")
	_, _, err = c.Lookup(ctx, b, "..")
	require.Equal(t, nfsclient.ErrStale, err)

	list, _, _, err := c.ReadDir(ctx, fh, 0, 0, 4096, true)
	require.NoError(t, err)
	var st syscall.Stat_t
	require.NoError(t, syscall.Stat(root, &st))
	for _, e := range list {
		if e.Name == ".." {
			require.Equal(t, st.Ino, e.FileID)
			require.Nil(t, e.Handle)
		}
	}
}

func TestPlantedLinks(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	for _, target := range []string{"/etc", "../../..", "/proc/self/root"} {
		require.NoError(t, os.Symlink(target, root+"/l"))
		l, attr, err := c.Lookup(ctx, fh, "l")
		require.NoError(t, err)
		require.EqualValues(t, nfsclient.Link, attr.Type)
		got, err := c.ReadLink(ctx, l)
		require.NoError(t, err)
		require.Equal(t, target, got)
		_, _, err = c.Lookup(ctx, l, "passwd")
		require.Equal(t, nfsclient.ErrNotDir, err)
		_, _, _, err = c.ReadDir(ctx, l, 0, 0, 4096, false)
		require.Equal(t, nfsclient.ErrNotDir, err)
		_, _, err = c.Read(ctx, l, 0, 10)
		require.Equal(t, nfsclient.ErrInval, err)
		_, err = c.Mount(ctx, root+"/l")
		require.Error(t, err)
		require.NoError(t, os.Remove(root+"/l"))
	}
	// The root itself as a link to another place.
	require.NoError(t, os.Remove(root))
	require.NoError(t, os.Symlink("/etc", root))
	_, err := c.Mount(ctx, root)
	require.ErrorIs(t, err, nfsclient.ErrAccess)
}

// TestNoWayAround asks for names that are paths.
func TestNoWayAround(t *testing.T) {
	c, fh, _ := mounted(t)
	ctx := t.Context()
	for _, name := range []string{"", "../../etc/passwd", "/etc/passwd", "a/b", "x\x00y", "."} {
		_, _, err := c.Create(ctx, fh, name, nfsclient.Guarded, nfsclient.Set{}, 0)
		require.Error(t, err, "%q", name)
		_, _, err = c.Symlink(ctx, fh, name, "x")
		require.Error(t, err, "%q", name)
		_, err = c.Remove(ctx, fh, name)
		require.Error(t, err, "%q", name)
		if name != "." {
			_, _, err = c.Lookup(ctx, fh, name)
			require.Equal(t, nfsclient.ErrAccess, err, "%q", name)
		}
	}
}

func TestDevicesAndPipesAreNotOpened(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	for _, kind := range []uint32{nfsclient.FIFO, nfsclient.Character, nfsclient.Block, nfsclient.Socket} {
		n, attr, err := c.Mknod(ctx, fh, "n", kind, nfsclient.Set{Mode: new(uint32(0o666))}, 1, 3)
		require.NoError(t, err)
		require.Equal(t, kind, attr.Type)
		_, _, err = c.Read(ctx, n, 0, 1)
		require.Equal(t, nfsclient.ErrInval, err)
		_, _, err = c.Write(ctx, n, 0, []byte("x"), 0)
		require.Equal(t, nfsclient.ErrInval, err)
		_, err = c.SetAttr(ctx, n, nfsclient.Set{Size: new(uint64(0))}, nil)
		require.Equal(t, nfsclient.ErrInval, err)
		_, err = c.Commit(ctx, n)
		require.Equal(t, nfsclient.ErrInval, err)
		require.NoError(t, os.Remove(root+"/n"))
	}
	_, _, err := c.Mknod(ctx, fh, "n", nfsclient.Regular, nfsclient.Set{}, 0, 0)
	require.EqualValues(t, nfsclient.Status(10007), err)
}
