package renew_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/internal/loopfs"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// disk is a real file system that is out of order between breaks and heals.
type disk struct {
	dir           string
	breaks, heals func(t testing.TB)
	why           error
	step          func(what string) error // before each change by the store, or nil
}

func disks(t *testing.T) map[string]func(*testing.T) disk {
	peer.NeedRoot(t)
	all := map[string]func(*testing.T) disk{}
	for _, kind := range []string{"ext4", "tmpfs"} {
		all[kind+" is full"] = func(t *testing.T) disk {
			dir := loopfs.Mount(t, kind, loopfs.Options{Size: 8 << 20})
			if kind == "tmpfs" {
				run(t, "mount", "-o", "remount,size=1m", dir)
			}
			filler := filepath.Join(dir, "filler")
			return disk{dir, func(t testing.TB) { fillUp(t, filler) }, func(t testing.TB) { require.NoError(t, os.Remove(filler)) }, syscall.ENOSPC, nil}
		}
		all[kind+" is read-only"] = func(t *testing.T) disk {
			dir := loopfs.Mount(t, kind, loopfs.Options{Size: 8 << 20})
			return disk{
				dir, func(t testing.TB) { run(t, "mount", "-o", "remount,ro", dir) },
				func(t testing.TB) { run(t, "mount", "-o", "remount,rw", dir) }, syscall.EROFS, nil,
			}
		}
	}
	// A folder that passes its project on takes no file of another by a rename: xfs says
	// that this is another device.
	all["another device"] = func(t *testing.T) disk {
		dir := loopfs.Mount(t, "xfs", loopfs.Options{})
		certs := filepath.Join(dir, "certs", "a.example")
		var broken atomic.Bool
		project := 7
		step := func(what string) error {
			if broken.Load() && strings.HasPrefix(what, "rename ") {
				run(t, "chattr", "+P", "-p", strconv.Itoa(project), certs)
				project++
			}
			return nil
		}
		return disk{dir, func(testing.TB) { broken.Store(true) }, func(testing.TB) { broken.Store(false) }, syscall.EXDEV, step}
	}
	return all
}

func run(t testing.TB, program string, args ...string) {
	t.Helper()
	out, err := exec.Command(peer.Look(t, program), args...).CombinedOutput()
	require.NoError(t, err, "%s %s: %s", program, args, out)
}

// fillUp takes all the space there is, to the last block.
func fillUp(t testing.TB, path string) {
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
	}
}

// What is issued while the disk is out of order is served from memory, nothing on the disk
// is half written, and it is stored when the disk is in order again (R11).
func TestDisks(t *testing.T) {
	for name, open := range disks(t) {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			s := &renew.FileStore{Dir: filepath.Join(d.dir, "certs")}
			s.SetStep(d.step)
			i := newIssuer(t)
			m, seen := manage(t, i, s, "a.example")
			defer start(t, m)()
			wait := func(what func() bool) { require.Eventually(t, what, time.Minute, 10*time.Millisecond) }
			wait(func() bool { return seen.count(renew.Issued) == 1 })
			first := serial(t, m, "a.example")

			// The disk breaks when the manager has proved that it can write, and the
			// certificate is being issued.
			i.enter = func(context.Context) { d.breaks(t) }
			require.NoError(t, m.Renew("a.example"))
			wait(func() bool { return seen.count(renew.StoreFailed) > 1 })
			second := serial(t, m, "a.example")
			require.NotEqual(t, first, second)
			require.Contains(t, m.Status()[0].Words, d.why.Error())
			require.Equal(t, first, storedSerial(t, s)) // and it is whole
			for _, file := range []string{"privkey.pem", "fullchain.pem", "cert.pem"} {
				_, err := os.ReadFile(filepath.Join(s.Dir, "a.example", file))
				require.NoError(t, err)
			}
			left, err := filepath.Glob(filepath.Join(s.Dir, "a.example", ".*"))
			require.NoError(t, err)
			require.Empty(t, left)

			d.heals(t)
			wait(func() bool { return seen.count(renew.Renewed) == 1 })
			require.Equal(t, second, storedSerial(t, s))
			require.Equal(t, second, serial(t, m, "a.example"))
			_, issued := i.count()
			require.Equal(t, 2, issued)
		})
	}
}

// On a disk that is out of order from the start nothing is ordered.
func TestDiskBefore(t *testing.T) {
	for name, open := range disks(t) {
		if name == "another device" {
			continue // needs the folder
		}
		t.Run(name, func(t *testing.T) {
			d := open(t)
			d.breaks(t)
			i := newIssuer(t)
			m, seen := manage(t, i, &renew.FileStore{Dir: filepath.Join(d.dir, "certs")}, "a.example")
			defer start(t, m)()
			require.Eventually(t, func() bool { return seen.count(renew.StoreFailed) > 1 }, time.Minute, 10*time.Millisecond)
			tries, _ := i.count()
			require.Zero(t, tries)
			d.heals(t)
			require.Eventually(t, func() bool { return seen.count(renew.Issued) == 1 }, time.Minute, 10*time.Millisecond)
		})
	}
}

// Folders of certificates may be file systems of their own: what is renamed is beside
// where it goes.
func TestFolderIsMount(t *testing.T) {
	dir := loopfs.Mount(t, "ext4", loopfs.Options{Size: 8 << 20})
	other := loopfs.Mount(t, "tmpfs", loopfs.Options{})
	require.NoError(t, os.Symlink(other, filepath.Join(dir, "a.example")))
	s, i := &renew.FileStore{Dir: dir}, newIssuer(t)
	for range 3 {
		b := i.bundle("a.example")
		require.NoError(t, s.Commit(t.Context(), "a.example", b))
		got, err := s.Load(t.Context(), "a.example")
		require.NoError(t, err)
		require.Equal(t, b.ChainPEM, got.ChainPEM)
	}
}

func storedSerial(t testing.TB, s renew.Store) string {
	b, err := s.Load(t.Context(), "a.example")
	require.NoError(t, err)
	_, err = b.TLS()
	require.NoError(t, err)
	leaf, err := b.Leaf()
	require.NoError(t, err)
	return leaf.SerialNumber.String()
}

// watcher sees what is made below a folder, and whether others could read it.
type watcher struct {
	t     testing.TB
	fd    int
	dirs  map[int32]string
	seen  int
	wrong []string
}

const watched = syscall.IN_CREATE | syscall.IN_MOVED_TO | syscall.IN_ATTRIB | syscall.IN_ONLYDIR | syscall.IN_DONT_FOLLOW

func watch(t testing.TB, dir string) *watcher {
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	w := &watcher{t: t, fd: fd, dirs: map[int32]string{}}
	w.add(dir)
	return w
}

// add watches a folder, and looks at what came before it was watched.
func (w *watcher) add(dir string) {
	id, err := syscall.InotifyAddWatch(w.fd, dir, watched)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENOENT) {
		return
	}
	require.NoError(w.t, err)
	w.dirs[int32(id)] = dir
}

// drain takes all events so far. It is called between any two changes, so that a folder
// is watched before anything is in it.
func (w *watcher) drain() {
	buf := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(w.fd, buf)
		if errors.Is(err, syscall.EAGAIN) || n <= 0 {
			return
		}
		require.NoError(w.t, err)
		for at := 0; at < n; {
			ev := (*syscall.InotifyEvent)(unsafe.Pointer(&buf[at]))
			name := strings.TrimRight(string(buf[at+syscall.SizeofInotifyEvent:at+syscall.SizeofInotifyEvent+int(ev.Len)]), "\x00")
			w.event(ev.Mask, filepath.Join(w.dirs[ev.Wd], name))
			at += syscall.SizeofInotifyEvent + int(ev.Len)
		}
	}
}

func (w *watcher) event(mask uint32, path string) {
	w.seen++
	if mask&syscall.IN_ATTRIB != 0 {
		// Who changes a mode had another before.
		w.wrong = append(w.wrong, path+" has another mode than it was made with")
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink != 0 {
		return // it is gone again
	}
	if info.Mode().Perm()&0o077 != 0 {
		w.wrong = append(w.wrong, fmt.Sprintf("%s has mode %v", path, info.Mode()))
	}
	if info.IsDir() {
		w.add(path)
	}
}

// With umask 0, nothing that is made can be read by others at any moment (R15).
func TestNeverReadable(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := t.TempDir()
	w := watch(t, dir)
	s, i := &renew.FileStore{Dir: filepath.Join(dir, "certs"), Keep: 1}, newIssuer(t)
	s.SetStep(func(string) error {
		w.drain()
		return nil
	})
	for range 4 {
		require.NoError(t, s.SaveState(t.Context(), "a.example", []byte("state")))
		require.NoError(t, s.Commit(t.Context(), "a.example", i.bundle("a.example")))
	}
	_, unlock, err := s.Lock(t.Context(), "b.example")
	require.NoError(t, err)
	require.NoError(t, unlock())
	w.drain()
	require.Empty(t, w.wrong)
	require.Greater(t, w.seen, 40)

	// It would have seen it.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "certs", "readable"), nil, 0o644))
	require.NoError(t, os.Chmod(filepath.Join(dir, "certs", "readable"), 0o600))
	w.drain()
	require.NotEmpty(t, w.wrong)
}
