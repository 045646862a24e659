package farm_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/mythic-beasts/hostkit/internal/loopfs"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/clone"
	"github.com/mythic-beasts/hostkit/nfsroot/farm"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func site(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func TestPush(t *testing.T) {
	for _, kind := range []string{"btrfs", "xfs", "ext4", "tmpfs"} {
		t.Run(kind, func(t *testing.T) {
			dir := loopfs.Mount(t, kind, loopfs.Options{})
			testPush(t, open(t, dir, farm.Options{}), dir)
		})
	}
}

func testPush(t *testing.T, f *farm.Farm, dir string) {
	require.NoError(t, f.Add(t.Context(), "v1", "pi1", "pi2", "pi3"))
	src := site(map[string]string{"index.html": "one", "css/a.css": "a", "css/deep/b.css": "b"})
	src["cgi"] = &fstest.MapFile{Data: []byte("#!/bin/sh"), Mode: 0o755}
	o := farm.PushOptions{Names: []string{"pi1", "pi2"}, UID: os.Geteuid(), GID: os.Getegid()}
	r, err := f.Push(t.Context(), src, "/srv/www", o)
	require.NoError(t, err)
	require.Len(t, r.Pis, 2)
	require.Equal(t, "pi1", r.Pis[0].Name)
	require.ElementsMatch(t, []string{"index.html", "css/a.css", "css/deep/b.css", "cgi"}, r.Pis[0].Written)
	www := filepath.Join(f.Root("pi2"), "srv/www")
	require.Equal(t, "b", read(t, www+"/css/deep/b.css"))
	for name, mode := range map[string]fs.FileMode{"cgi": 0o755, "index.html": 0o644, "css": fs.ModeDir | 0o755} {
		info, err := os.Stat(filepath.Join(www, name))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode(), name)
	}
	require.NoDirExists(t, filepath.Join(f.Root("pi3"), "srv/www"))

	// What is as it should be is not touched, not even its times.
	before := stat(t, www+"/index.html")
	r, err = f.Push(t.Context(), src, "srv/www", o)
	require.NoError(t, err)
	require.Equal(t, farm.PiReport{Name: "pi2", Unchanged: 4}, r.Pis[1])
	require.Equal(t, before, stat(t, www+"/index.html"))

	// Contents count, not times and sizes.
	require.NoError(t, os.WriteFile(www+"/index.html", []byte("two"), 0o644))
	require.NoError(t, os.Remove(www+"/cgi"))
	require.NoError(t, os.WriteFile(www+"/css/theirs", nil, 0o644))
	require.NoError(t, os.WriteFile(www+"/.push-old", nil, 0o644))
	r, err = f.Drift(t.Context(), "srv/www", "pi2")
	require.NoError(t, err)
	require.Equal(t, farm.PiReport{
		Name: "pi2", Unchanged: 2, Changed: []string{"index.html"}, Missing: []string{"cgi"}, Extra: []string{"css/theirs"},
	}, r.Pis[0])
	r, err = f.Push(t.Context(), src, "srv/www", o)
	require.NoError(t, err)
	require.Equal(t, farm.PiReport{
		Name: "pi2", Unchanged: 2, Changed: []string{"index.html"}, Missing: []string{"cgi"}, Extra: []string{"css/theirs"},
		Written: []string{"cgi", "index.html"},
	}, r.Pis[1])
	require.Equal(t, "one", read(t, www+"/index.html"))
	require.NoFileExists(t, www+"/.push-old", "what a killed push left")

	// Only what a push put there, and nobody changed, is deleted.
	require.NoError(t, os.WriteFile(www+"/css/a.css", []byte("mine"), 0o644))
	o.Delete = true
	r, err = f.Push(t.Context(), site(map[string]string{"index.html": "three"}), "srv/www", o)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"css/deep/b.css", "cgi"}, r.Pis[1].Deleted)
	require.Equal(t, []string{"css/a.css"}, r.Pis[1].Kept)
	require.Equal(t, []string{"css", "index.html"}, left(t, www))
	require.Equal(t, []string{"a.css", "theirs"}, left(t, www+"/css"))
	require.Equal(t, []string{"index.html"}, left(t, filepath.Join(f.Root("pi1"), "srv/www")))
	require.Empty(t, left(t, filepath.Join(dir, "farm/staging")))

	// A rebuilt root has no site any more, which is drift.
	_, err = f.Rebuild(t.Context(), "pi1", "v2")
	require.NoError(t, err)
	r, err = f.Drift(t.Context(), "srv/www")
	require.NoError(t, err)
	require.Equal(t, []string{"index.html"}, r.Pis[0].Missing)
}

func stat(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	require.NoError(t, unix.Lstat(path, &st))
	st.Atim = unix.Timespec{}
	return st
}

// A Pi's root plants traps. It gets its site, or an error; the others get theirs.
func TestPushIntoHostileRoots(t *testing.T) {
	peer.NeedRoot(t)
	for name, tt := range map[string]struct {
		plant func(root, outside string) error
		want  error // nil: the site is there
	}{
		"target is a link out":      {func(r, o string) error { return os.Symlink(o, r+"/srv/www") }, farm.ErrUnsafePath},
		"target's folder is a link": {func(r, o string) error { os.RemoveAll(r + "/srv"); return os.Symlink(o, r+"/srv") }, farm.ErrUnsafePath},
		"target is a file":          {func(r, _ string) error { return os.WriteFile(r+"/srv/www", nil, 0o644) }, farm.ErrUnsafePath},
		"target is a mount's":       {func(r, _ string) error { return os.Symlink("../../../../../..", r+"/srv/www") }, farm.ErrUnsafePath},
		"a folder is a link out":    {func(r, o string) error { os.Mkdir(r+"/srv/www", 0o755); return os.Symlink(o, r+"/srv/www/css") }, nil},
		"a file is a link out": {func(r, o string) error {
			os.Mkdir(r+"/srv/www", 0o755)
			return os.Symlink(o+"/keep", r+"/srv/www/index.html")
		}, nil},
		"a file is a FIFO": {func(r, _ string) error {
			os.Mkdir(r+"/srv/www", 0o755)
			return unix.Mkfifo(r+"/srv/www/index.html", 0o666)
		}, nil},
		"a folder is a FIFO": {func(r, _ string) error { os.Mkdir(r+"/srv/www", 0o755); return unix.Mkfifo(r+"/srv/www/css", 0o666) }, nil},
		"a file is a device": {func(r, _ string) error {
			os.Mkdir(r+"/srv/www", 0o755)
			return unix.Mknod(r+"/srv/www/index.html", unix.S_IFBLK|0o666, int(unix.Mkdev(7, 0)))
		}, nil},
		"a file is a folder": {func(r, _ string) error { return os.MkdirAll(r+"/srv/www/index.html/x", 0o755) }, unix.EISDIR},
		"a file is a link within": {func(r, _ string) error {
			os.Mkdir(r+"/srv/www", 0o755)
			return os.Link(r+"/etc/version", r+"/srv/www/index.html")
		}, nil},
		"there are very many": {func(r, _ string) error {
			os.Mkdir(r+"/srv/www", 0o755)
			for i := range 2 * farm.MaxExtra {
				if err := os.Symlink("x", fmt.Sprint(r, "/srv/www/x", i)); err != nil {
					return err
				}
			}
			return nil
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := newFarm(t, farm.Options{})
			require.NoError(t, f.Add(t.Context(), "v1", "evil", "good"))
			outside := t.TempDir()
			require.NoError(t, os.WriteFile(outside+"/keep", []byte("v1"), 0o600))
			require.NoError(t, os.MkdirAll(outside+"/www/css", 0o755)) // for a link to be a way
			require.NoError(t, tt.plant(f.Root("evil"), outside))
			src := site(map[string]string{"index.html": "v1", "css/a.css": "a"})
			r, err := f.Push(t.Context(), src, "srv/www", farm.PushOptions{})
			require.Equal(t, "v1", read(t, f.Root("good")+"/srv/www/index.html"))
			require.Equal(t, []string{"keep", "www"}, left(t, outside))
			require.Equal(t, []string{"css"}, left(t, outside+"/www"))
			require.Empty(t, left(t, outside+"/www/css"))
			require.Equal(t, fs.FileMode(0o600), must(os.Stat(outside+"/keep")).Mode())
			require.LessOrEqual(t, len(r.Pis[0].Extra), farm.MaxExtra)
			if tt.want != nil {
				require.ErrorIs(t, err, tt.want)
				require.ErrorIs(t, r.Pis[0].Err, tt.want)
				require.NoError(t, r.Pis[1].Err)
				return
			}
			require.NoError(t, err)
			st := stat(t, f.Root("evil")+"/srv/www/index.html")
			require.EqualValues(t, unix.S_IFREG|0o644, st.Mode)
			require.EqualValues(t, 1, st.Nlink)
			require.Equal(t, "a", read(t, f.Root("evil")+"/srv/www/css/a.css"))
			_, err = f.Drift(t.Context(), "srv/www")
			require.NoError(t, err)
		})
	}
}

func must(info fs.FileInfo, err error) fs.FileInfo {
	if err != nil {
		panic(err)
	}
	return info
}

// A Pi swaps folders for links while the push is at work.
func TestPushAgainstARacingPi(t *testing.T) {
	f, _ := newFarm(t, farm.Options{})
	require.NoError(t, f.Add(t.Context(), "v1", "evil"))
	outside, www := t.TempDir(), f.Root("evil")+"/srv/www"
	src := site(map[string]string{"index.html": "1"})
	for i := range 50 {
		src[fmt.Sprintf("d%d/file", i)] = &fstest.MapFile{Data: []byte("x")}
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			for i := range 50 {
				select {
				case <-done:
					return
				default:
				}
				d := fmt.Sprintf("%s/d%d", www, i)
				os.Rename(d, d+".aside")
				os.Symlink(outside, d)
				os.Remove(d)
				os.Rename(d+".aside", d)
			}
		}
	})
	for range 20 {
		f.Push(t.Context(), src, "srv/www", farm.PushOptions{UID: os.Geteuid(), GID: os.Getegid()}) // it may well fail
	}
	close(done)
	wg.Wait()
	require.Empty(t, left(t, outside))
}

// Whoever reads a file while it is pushed has the old one or the new one.
func TestPushIsAtomic(t *testing.T) {
	f, _ := newFarm(t, farm.Options{})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1"))
	o := farm.PushOptions{UID: os.Geteuid(), GID: os.Getegid()}
	pages := [][]byte{bytes.Repeat([]byte("a"), 1<<20), bytes.Repeat([]byte("b"), 1<<20)}
	push := func(i int) error {
		_, err := f.Push(t.Context(), fstest.MapFS{"index.html": {Data: pages[i%2]}}, "srv/www", o)
		return err
	}
	require.NoError(t, push(0))
	done := make(chan error, 1)
	go func() {
		for i := range 20 {
			if err := push(i + 1); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		got, err := os.ReadFile(f.Root("pi1") + "/srv/www/index.html")
		require.NoError(t, err)
		require.True(t, bytes.Equal(got, pages[0]) || bytes.Equal(got, pages[1]), "%d bytes, neither old nor new", len(got))
		select {
		case err := <-done:
			require.NoError(t, err)
			return
		default:
		}
	}
}

func TestPushRefuses(t *testing.T) {
	f, dir := newFarm(t, farm.Options{})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1"))
	src := site(map[string]string{"a": "a"})
	for _, to := range []string{"", "/", ".", "..", "../x", "a/../../b", "a//b", "a\x00b"} {
		_, err := f.Push(t.Context(), src, to, farm.PushOptions{})
		require.ErrorIs(t, err, farm.ErrUnsafePath, "%q", to)
		_, err = f.Drift(t.Context(), to)
		require.ErrorIs(t, err, farm.ErrUnsafePath, "%q", to)
	}
	_, err := f.Push(t.Context(), src, "srv", farm.PushOptions{Names: []string{"../pi1"}})
	require.ErrorIs(t, err, farm.ErrName)
	_, err = f.Push(t.Context(), src, "srv", farm.PushOptions{Names: []string{"nobody"}})
	require.ErrorIs(t, err, fs.ErrNotExist)
	links := t.TempDir()
	require.NoError(t, os.Symlink("/etc/shadow", links+"/link"))
	_, err = f.Push(t.Context(), os.DirFS(links), "srv", farm.PushOptions{})
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = f.Push(t.Context(), site(map[string]string{".push-x": "a"}), "srv", farm.PushOptions{})
	require.ErrorIs(t, err, farm.ErrUnsafePath)
	require.Empty(t, left(t, filepath.Join(dir, "farm/staging")))
}

// What killed pushes staged is removed, what living ones staged is not.
func TestStagesAreSwept(t *testing.T) {
	f, dir := newFarm(t, farm.Options{})
	staging := filepath.Join(dir, "farm/staging")
	for _, name := range []string{"push-dead", "push-live"} {
		require.NoError(t, os.Mkdir(filepath.Join(staging, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(staging, name+".lock"), nil, 0o600))
	}
	live, err := os.Open(staging + "/push-live.lock")
	require.NoError(t, err)
	defer live.Close()
	require.NoError(t, unix.Flock(int(live.Fd()), unix.LOCK_EX))
	open(t, dir, farm.Options{Cloner: f.Cloner()})
	require.Equal(t, []string{"push-live", "push-live.lock"}, left(t, staging))
}

// On a disk that is full a push fails, and every file is old or new.
func TestPushDiskFull(t *testing.T) {
	dir := loopfs.Mount(t, "ext4", loopfs.Options{Size: 32 << 20})
	f := open(t, dir, farm.Options{Cloner: clone.Copy{NoSync: true}})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1", "pi2"))
	big := fstest.MapFS{"index.html": {Data: make([]byte, 12<<20)}}
	_, err := f.Push(t.Context(), big, "srv/www", farm.PushOptions{})
	require.ErrorIs(t, err, unix.ENOSPC)
	for _, name := range []string{"pi1", "pi2"} {
		for _, file := range left(t, f.Root(name)+"/srv/www") {
			require.Equal(t, "index.html", file)
			require.EqualValues(t, 12<<20, stat(t, f.Root(name)+"/srv/www/index.html").Size)
		}
	}
	require.Empty(t, left(t, filepath.Join(dir, "farm/staging")))
}
