package netboot_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
)

// debianRoot is a small NFS root with the links that a Debian one has, beside
// a file that no link may lead to.
func debianRoot(t testing.TB) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "root")
	for _, d := range []string{"boot", "usr/lib/linux", "etc"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	for name, text := range map[string]string{
		"boot/config.txt": "config", "usr/lib/linux/vmlinuz-6.1": "kernel", "etc/passwd": "of the root", "../outside": "outside",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	for name, target := range map[string]string{
		"boot/vmlinuz":       "/usr/lib/linux/vmlinuz-6.1",
		"boot/relative":      "../usr/lib/linux/vmlinuz-6.1",
		"boot/chain":         "vmlinuz",
		"boot/passwd":        "/etc/passwd",
		"boot/clamped":       "../../../../etc/passwd",
		"boot/outside":       "../../outside",
		"boot/outsideabs":    filepath.Join(filepath.Dir(dir), "outside"),
		"boot/lib":           "/lib",
		"lib":                "usr/lib",
		"boot/loop":          "/boot/loop2",
		"boot/loop2":         "loop",
		"boot/dangling":      "/nowhere",
		"boot/self":          "/",
		"usr/lib/linux/boot": "/boot",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	return dir
}

func TestDirFS(t *testing.T) {
	dir := debianRoot(t)
	root, err := netboot.DirFS(dir)
	require.NoError(t, err)
	boot, err := fs.Sub(root, "boot")
	require.NoError(t, err)
	tests := []struct{ name, want string }{ // want "" means that it is not there
		{"config.txt", "config"},
		{"vmlinuz", "kernel"},
		{"relative", "kernel"},
		{"chain", "kernel"},
		{"lib/linux/vmlinuz-6.1", "kernel"},
		{"lib/linux/boot/chain", "kernel"},
		{"self/boot/self/boot/vmlinuz", "kernel"},
		{"passwd", "of the root"},
		{"clamped", "of the root"},
		{"outside", ""},
		{"outsideabs", ""},
		{"loop", ""},
		{"dangling", ""},
		{"etc/passwd", ""},
		{"config.txt/x", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := (&netboot.Machine{Files: boot}).Open(tt.name)
			if tt.want == "" {
				require.ErrorIs(t, err, fs.ErrNotExist)
				return
			}
			require.NoError(t, err)
			defer f.Close()
			b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
			require.NoError(t, err)
			require.Equal(t, tt.want, string(b))
		})
	}
}

func TestDirFSIsAFileSystem(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "overlays"), 0o755))
	for _, name := range []string{"start.elf", "overlays/a.dtbo", "overlays/b.dtbo"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	files, err := netboot.DirFS(dir)
	require.NoError(t, err)
	require.NoError(t, fstest.TestFS(files, "start.elf", "overlays/a.dtbo", "overlays/b.dtbo"))
	f, err := files.Open("start.elf")
	require.NoError(t, err)
	defer f.Close()
	_, writable := f.(io.Writer)
	require.False(t, writable)
}

func TestDirFSRefuses(t *testing.T) {
	_, err := netboot.DirFS(filepath.Join(t.TempDir(), "nothere"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = netboot.DirFS(file)
	require.ErrorContains(t, err, "not a directory")
	d, err := netboot.DirFS(t.TempDir())
	require.NoError(t, err)
	_, err = d.Sub("../up")
	require.ErrorIs(t, err, fs.ErrInvalid)
}

// TestDirFSDevice makes a device node, as whoever is root on an NFS root can.
func TestDirFSDevice(t *testing.T) {
	dir := t.TempDir()
	for _, device := range []string{"/dev/zero", "/dev/null"} {
		if err := copyNode(device, filepath.Join(dir, "config.txt")); err != nil {
			peer.Skip(t, "cannot make a device node: %v", err)
		}
		files, err := netboot.DirFS(dir)
		require.NoError(t, err)
		_, err = (&netboot.Machine{Files: files}).Open("config.txt")
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.NoError(t, os.Remove(filepath.Join(dir, "config.txt")))
	}
}

// TestDirFSTreeReplaced rebuilds a tree beside the served one and renames it
// into its place.
func TestDirFSTreeReplaced(t *testing.T) {
	dir := t.TempDir()
	for _, v := range []string{"served", "next"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, v), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, v, "f"), []byte(v), 0o600))
	}
	files, err := netboot.DirFS(filepath.Join(dir, "served"))
	require.NoError(t, err)
	m := &netboot.Machine{Files: files}
	text, _ := read(t, m, "f")
	require.Equal(t, "served", text)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "served")))
	require.NoError(t, os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "served")))
	text, _ = read(t, m, "f")
	require.Equal(t, "next", text)
}

// TestDirFSRace swaps a file, and a directory on the way to one, for links out
// of the tree as fast as it can while the file is read.
func TestDirFSRace(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "root")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "boot"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(top, "boot"), 0o755))
	for name, text := range map[string]string{"root/inside": "inside", "root/boot/f": "inside", "boot/f": "OUTSIDE", "f": "OUTSIDE"} {
		require.NoError(t, os.WriteFile(filepath.Join(top, name), []byte(text), 0o600))
	}
	files, err := netboot.DirFS(dir)
	require.NoError(t, err)

	stop := make(chan struct{})
	var swapper sync.WaitGroup
	swapper.Go(func() {
		boot, spare, tmp := filepath.Join(dir, "boot"), filepath.Join(dir, "spare"), filepath.Join(dir, "tmp")
		targets := []string{filepath.Join(top, "f"), "/inside", "../../f", "../inside"}
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Symlink(targets[i%len(targets)], tmp) // the file becomes a link, by rename
			_ = os.Rename(tmp, filepath.Join(boot, "f"))
			_ = os.Rename(boot, spare) // its directory becomes a link out, and comes back
			_ = os.Symlink("../boot", boot)
			_ = os.Remove(boot)
			_ = os.Rename(spare, boot)
		}
	})
	var inside int
	for range 20_000 {
		b, err := fs.ReadFile(files, "boot/f")
		if strings.Contains(string(b), "OUTSIDE") {
			t.Error("read a file outside of the directory")
			break
		}
		if err == nil {
			inside++
		}
	}
	close(stop)
	swapper.Wait()
	require.Positive(t, inside, "the race never let a read through")
}

// FuzzOpen serves two machines whose trees lie side by side and are full of
// links to each other: no name makes one show the other's files.
func FuzzOpen(f *testing.F) {
	top := f.TempDir()
	views := map[string]*netboot.Machine{}
	for _, own := range []string{"a", "b"} {
		other := map[string]string{"a": "b", "b": "a"}[own]
		dir := filepath.Join(top, own)
		require.NoError(f, os.MkdirAll(filepath.Join(dir, "boot"), 0o755))
		require.NoError(f, os.WriteFile(filepath.Join(dir, "boot", "config.txt"), []byte("of "+own), 0o600))
		for link, target := range map[string]string{
			"l1": "../" + other, "l2": filepath.Join(top, other), "l3": "../../../..", "boot/l4": "/../" + other + "/boot/config.txt", "l5": "/proc/self/root",
		} {
			require.NoError(f, os.Symlink(target, filepath.Join(dir, link)))
		}
		files, err := netboot.DirFS(dir)
		require.NoError(f, err)
		boot, err := files.Sub("boot")
		require.NoError(f, err)
		views[own] = &netboot.Machine{Files: netboot.Overlay(boot, files), Prefixes: []string{other, "l1"}}
	}
	for _, seed := range []string{
		"config.txt", "boot/config.txt", "l1/boot/config.txt", "l2/boot/config.txt", "l3" + top + "/b/boot/config.txt", "l4",
		"5564247d/l1/config.txt", "b/boot/config.txt", "../b/boot/config.txt", `..\b\boot\config.txt`, top + "/b/boot/config.txt",
		"l5/etc/passwd", "boot/../l1", "dc-a6-32-01-02-03/l4", "l1/l1/l1/boot/config.txt", "\x00", "l3/l3/a/config.txt",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for own, m := range views {
			file, err := m.Open(name)
			if err != nil {
				if strings.Contains(err.Error(), top) && !strings.Contains(name, top) {
					t.Errorf("%q: the error %q names a path of the server", name, err)
				}
				continue
			}
			b, err := io.ReadAll(io.NewSectionReader(file, 0, file.Size()))
			if err != nil || string(b) != "of "+own {
				t.Errorf("%q shows machine %s %q (error %v)", name, own, b, err)
			}
			file.Close()
		}
	})
}
