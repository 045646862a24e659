package nfsd_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/nfsclient"
)

func TestErrors(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	require.NoError(t, os.MkdirAll(root+"/d/e", 0o755))
	require.NoError(t, os.WriteFile(root+"/f", []byte("x"), 0o644))
	d, _, err := c.Lookup(ctx, fh, "d")
	require.NoError(t, err)
	f, _, err := c.Lookup(ctx, fh, "f")
	require.NoError(t, err)
	long := strings.Repeat("n", 256)
	for _, tc := range []struct {
		name string
		call func() error
		want error
	}{
		{"lookup of nothing", func() error { _, _, err := c.Lookup(ctx, fh, "none"); return err }, nfsclient.ErrNoEnt},
		{"lookup in a file", func() error { _, _, err := c.Lookup(ctx, f, "x"); return err }, nfsclient.ErrNotDir},
		{"dot of a file", func() error { _, _, err := c.Lookup(ctx, f, "."); return err }, nfsclient.ErrNotDir},
		{"dot-dot of a file", func() error { _, _, err := c.Lookup(ctx, f, ".."); return err }, nfsclient.ErrNotDir},
		{"lookup of a long name", func() error { _, _, err := c.Lookup(ctx, fh, long); return err }, nfsclient.ErrNameLong},
		{"create with a long name", func() error { _, _, err := c.Create(ctx, fh, long, 0, nfsclient.Set{}, 0); return err }, nfsclient.ErrNameLong},
		{"create what is there", func() error { _, _, err := c.Create(ctx, fh, "f", nfsclient.Guarded, nfsclient.Set{}, 0); return err }, nfsclient.ErrExist},
		{"create over a folder", func() error { _, _, err := c.Create(ctx, fh, "d", 0, nfsclient.Set{}, 0); return err }, nfsclient.ErrExist},
		{"create in a file", func() error { _, _, err := c.Create(ctx, f, "x", 0, nfsclient.Set{}, 0); return err }, nfsclient.ErrNotDir},
		{"mkdir of what is there", func() error { _, _, err := c.Mkdir(ctx, fh, "d", nfsclient.Set{}); return err }, nfsclient.ErrExist},
		{"remove of a folder", func() error { _, err := c.Remove(ctx, fh, "d"); return err }, nfsclient.ErrIsDir},
		{"remove of nothing", func() error { _, err := c.Remove(ctx, fh, "none"); return err }, nfsclient.ErrNoEnt},
		{"rmdir of a file", func() error { _, err := c.Rmdir(ctx, fh, "f"); return err }, nfsclient.ErrNotDir},
		{"rmdir of a full folder", func() error { _, err := c.Rmdir(ctx, fh, "d"); return err }, nfsclient.ErrNotEmpty},
		{"rename into itself", func() error { return c.Rename(ctx, fh, "d", d, "d") }, nfsclient.ErrInval},
		{"rename over a folder", func() error { return c.Rename(ctx, fh, "f", fh, "d") }, nfsclient.ErrIsDir},
		{"rename of a folder over a file", func() error { return c.Rename(ctx, fh, "d", fh, "f") }, nfsclient.ErrNotDir},
		{"link of a folder", func() error { _, err := c.Link(ctx, d, fh, "x"); return err }, nfsclient.ErrPerm},
		{"link over a name", func() error { _, err := c.Link(ctx, f, fh, "d"); return err }, nfsclient.ErrExist},
		{"read of a folder", func() error { _, _, err := c.Read(ctx, d, 0, 1); return err }, nfsclient.ErrIsDir},
		{"write to a folder", func() error { _, _, err := c.Write(ctx, d, 0, []byte("x"), 0); return err }, nfsclient.ErrIsDir},
		{"readlink of a file", func() error { _, err := c.ReadLink(ctx, f); return err }, nfsclient.ErrInval},
		{"list a file", func() error { _, _, _, err := c.ReadDir(ctx, f, 0, 0, 4096, true); return err }, nfsclient.ErrNotDir},
		{"list into nothing", func() error { _, _, _, err := c.ReadDir(ctx, fh, 0, 0, 128, false); return err }, nfsclient.ErrTooSmall},
		{"symlink to nowhere", func() error { _, _, err := c.Symlink(ctx, fh, "s", ""); return err }, nfsclient.ErrInval},
		{"symlink to far", func() error { _, _, err := c.Symlink(ctx, fh, "s", strings.Repeat("x", 5000)); return err }, nfsclient.ErrNameLong},
		{"write beyond all files", func() error { _, _, err := c.Write(ctx, f, 1<<63-1, []byte("x"), 0); return err }, nfsclient.Status(27)},
		{"a guard", func() error { _, err := c.SetAttr(ctx, f, nfsclient.Set{}, &nfsclient.Time{Sec: 1}); return err }, nfsclient.ErrNotSync},
	} {
		require.Equal(t, tc.want, tc.call(), tc.name)
	}
}

func TestLinksAndRenames(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	f, _, err := c.Create(ctx, fh, "f", nfsclient.Guarded, nfsclient.Set{Size: new(uint64(10))}, 0)
	require.NoError(t, err)
	d, _, err := c.Mkdir(ctx, fh, "d", nfsclient.Set{Mode: new(uint32(0o2755))})
	require.NoError(t, err)
	attr, err := c.Link(ctx, f, d, "g")
	require.NoError(t, err)
	require.EqualValues(t, 2, attr.Nlink)
	require.EqualValues(t, 10, attr.Size)
	g, _, err := c.Lookup(ctx, d, "g")
	require.NoError(t, err)
	require.Equal(t, f, g, "one file has one handle")

	before, err := c.GetAttr(ctx, fh)
	require.NoError(t, err)
	wcc, err := c.Remove(ctx, fh, "f")
	require.NoError(t, err)
	require.Equal(t, &nfsclient.Before{Size: before.Size, Mtime: before.Mtime, Ctime: before.Ctime}, wcc.Before)
	require.NotEqual(t, before.Mtime, wcc.After.Mtime)

	require.NoError(t, c.Rename(ctx, d, "g", fh, "f"))
	require.FileExists(t, root+"/f")
	_, err = c.Rmdir(ctx, fh, "d")
	require.NoError(t, err)
	_, err = c.GetAttr(ctx, d)
	require.Equal(t, nfsclient.ErrStale, err)

	_, _, err = c.Create(ctx, fh, "new", nfsclient.Guarded, nfsclient.Set{}, 0)
	require.NoError(t, err)
	require.NoError(t, c.Rename(ctx, fh, "new", fh, "f"))
	_, err = c.GetAttr(ctx, f)
	require.Equal(t, nfsclient.ErrStale, err, "replaced, and its space is free")

	s, attr, err := c.Symlink(ctx, fh, "s", "a target")
	require.NoError(t, err)
	require.EqualValues(t, nfsclient.Link, attr.Type)
	target, err := c.ReadLink(ctx, s)
	require.NoError(t, err)
	require.Equal(t, "a target", target)
	_, err = c.Link(ctx, s, fh, "s2")
	require.NoError(t, err)
	got, err := os.Readlink(root + "/s2")
	require.NoError(t, err)
	require.Equal(t, "a target", got)
}

func TestCreateModes(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	f, attr, err := c.Create(ctx, fh, "f", nfsclient.Exclusive, nfsclient.Set{}, 0x8899aabbccddeeff)
	require.NoError(t, err)
	require.Zero(t, attr.Mode)
	again, _, err := c.Create(ctx, fh, "f", nfsclient.Exclusive, nfsclient.Set{}, 0x8899aabbccddeeff)
	require.NoError(t, err, "the reply was lost")
	require.Equal(t, f, again)
	_, _, err = c.Create(ctx, fh, "f", nfsclient.Exclusive, nfsclient.Set{}, 0x8899aabbccddeefe)
	require.Equal(t, nfsclient.ErrExist, err)
	_, err = c.SetAttr(ctx, f, nfsclient.Set{Mode: new(uint32(0o640)), Touch: true}, nil)
	require.NoError(t, err)
	_, _, err = c.Create(ctx, fh, "f", nfsclient.Exclusive, nfsclient.Set{}, 0x8899aabbccddeeff)
	require.Equal(t, nfsclient.ErrExist, err)

	require.NoError(t, os.WriteFile(root+"/f", []byte("text"), 0o600))
	_, attr, err = c.Create(ctx, fh, "f", nfsclient.Unchecked, nfsclient.Set{Mode: new(uint32(0o777))}, 0)
	require.NoError(t, err)
	require.EqualValues(t, 4, attr.Size)
	require.EqualValues(t, 0o640, attr.Mode)
	_, attr, err = c.Create(ctx, fh, "f", nfsclient.Unchecked, nfsclient.Set{Size: new(uint64(0))}, 0)
	require.NoError(t, err)
	require.Zero(t, attr.Size)
}

// TestModesDespiteUmask makes what the process's umask takes away.
func TestModesDespiteUmask(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	require.NoError(t, os.Chown(root, 0, staff))
	require.NoError(t, os.Chmod(root, 0o777|os.ModeSetgid))
	for uid := range uint32(2) {
		u := c.As(uid*alice, uid*alice, staff)
		_, attr, err := u.Create(ctx, fh, fmt.Sprint("f", uid), nfsclient.Guarded, nfsclient.Set{Mode: new(uint32(0o666))}, 0)
		require.NoError(t, err)
		require.EqualValues(t, 0o666, attr.Mode)
		require.EqualValues(t, staff, attr.GID)
		_, attr, err = u.Mkdir(ctx, fh, fmt.Sprint("d", uid), nfsclient.Set{Mode: new(uint32(0o1777))})
		require.NoError(t, err)
		require.EqualValues(t, 0o3777, attr.Mode)
		_, attr, err = u.Mknod(ctx, fh, fmt.Sprint("p", uid), nfsclient.FIFO, nfsclient.Set{Mode: new(uint32(0o622))}, 0, 0)
		require.NoError(t, err)
		require.EqualValues(t, 0o622, attr.Mode)
	}
}

func TestSetAttr(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	require.NoError(t, os.WriteFile(root+"/f", []byte("x"), 0o644))
	f, _, err := c.Lookup(ctx, fh, "f")
	require.NoError(t, err)
	at, mt := nfsclient.Time{Sec: 1, Nsec: 2}, nfsclient.Time{Sec: 4_000_000_000, Nsec: 999_999_999}
	wcc, err := c.SetAttr(ctx, f, nfsclient.Set{UID: new(uint32(alice)), GID: new(uint32(4_000_000_000)), Mode: new(uint32(0o6755)), Size: new(uint64(5 << 30)), Atime: &at, Mtime: &mt}, nil)
	require.NoError(t, err)
	a := wcc.After
	require.EqualValues(t, alice, a.UID)
	require.Equal(t, uint32(4_000_000_000), a.GID)
	require.EqualValues(t, 0o6755, a.Mode, "set after the owner, which takes these bits off")
	require.Equal(t, uint64(5<<30), a.Size)
	require.Less(t, a.Used, uint64(1<<20))
	require.Equal(t, at, a.Atime)
	require.Equal(t, mt, a.Mtime)
	require.NotEqual(t, a.Mtime, a.Ctime)
	wcc, err = c.SetAttr(ctx, f, nfsclient.Set{Mode: new(uint32(0o600))}, &a.Ctime)
	require.NoError(t, err)
	require.Equal(t, at, wcc.After.Atime, "times that are not set stay")
	require.Equal(t, mt, wcc.After.Mtime)
	_, err = c.SetAttr(ctx, f, nfsclient.Set{Mode: new(uint32(0o600))}, &a.Ctime)
	require.Equal(t, nfsclient.ErrNotSync, err)
}

func TestReadDir(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	const files = 1500
	for i := range files {
		require.NoError(t, os.WriteFile(fmt.Sprintf("%s/%s-%d", root, strings.Repeat("n", i%100), i), nil, 0o600))
	}
	for _, plus := range []bool{false, true} {
		for _, limit := range []uint32{512, 4096, 1 << 20} {
			seen := map[string]int{}
			var cookie, verifier uint64
			for replies := 0; ; replies++ {
				list, v, eof, err := c.ReadDir(ctx, fh, cookie, verifier, limit, plus)
				require.NoError(t, err)
				verifier = v
				for _, e := range list {
					seen[e.Name]++
					cookie = e.Cookie
					if plus && e.Name != ".." {
						require.Equal(t, e.FileID, e.Attr.FileID)
					}
					if plus && e.Name != ".." && limit == 4096 {
						got, err := c.GetAttr(ctx, e.Handle)
						require.NoError(t, err)
						require.Equal(t, e.Attr.FileID, got.FileID)
					}
				}
				if eof {
					break
				}
				require.NotEmpty(t, list)
			}
			require.Len(t, seen, files+2)
			for name, n := range seen {
				require.Equal(t, 1, n, name)
			}
		}
	}
}

func TestFileSystem(t *testing.T) {
	c, fh, _ := mounted(t)
	ctx := t.Context()
	stat, err := c.FS(ctx, 18, fh)
	require.NoError(t, err)
	total, free, available := stat.Uint64(), stat.Uint64(), stat.Uint64()
	require.Greater(t, total, free)
	require.GreaterOrEqual(t, free, available)
	info, err := c.FS(ctx, 19, fh)
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, info.Uint32(), "rtmax")
	conf, err := c.FS(ctx, 20, fh)
	require.NoError(t, err)
	conf.Uint32()
	require.EqualValues(t, 255, conf.Uint32(), "name_max")
	_, err = c.FS(ctx, 20, []byte("no handle"))
	require.Equal(t, nfsclient.ErrBadHandle, err)
}
