package tty

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// look is how often Await looks by itself, for file systems that tell nothing
// and for when inotify's instances are used up.
const look = time.Second

// Await returns as soon as the device is there.
func (c Config) Await(ctx context.Context) error {
	w := newWatcher()
	defer w.close()
	return c.await(ctx, w)
}

func (c Config) await(ctx context.Context, w *watcher) error {
	stop := context.AfterFunc(ctx, w.wake)
	defer stop()
	for {
		for _, path := range c.System.candidates(c.Device) {
			w.watch(path)
		}
		if _, err := c.System.find(c.Device); err == nil {
			return nil
		}
		if err := w.wait(ctx); err != nil {
			return fmt.Errorf("tty: wait for %s: %w", c.Device, err)
		}
	}
}

// watcher waits for changes of folders. Without a file it only looks.
type watcher struct {
	file    *os.File
	look    time.Duration
	waiting func() // for tests: it is about to wait
}

func newWatcher() *watcher {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return &watcher{look: look}
	}
	return &watcher{file: os.NewFile(uintptr(fd), "inotify"), look: look}
}

func (w *watcher) close() {
	if w.file != nil {
		_ = w.file.Close()
	}
}

// watch watches the folders on the way to a path, and those on the way to what
// it links to: udev removes /dev/serial with the last adapter.
func (w *watcher) watch(path string) {
	for range 8 { // links to links
		for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
			w.add(dir)
			if dir == filepath.Dir(dir) {
				break
			}
		}
		target, err := os.Readlink(path)
		if err != nil {
			return
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
}

// add watches a folder. One that is watched already, or not there, is no
// matter.
func (w *watcher) add(dir string) {
	if w.file == nil || dir == "/" {
		return
	}
	raw, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_, _ = unix.InotifyAddWatch(int(fd), dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ATTRIB|unix.IN_ONLYDIR)
	})
}

// wait returns nil when something changed, or when it is time to look.
func (w *watcher) wait(ctx context.Context) error {
	if w.waiting != nil {
		w.waiting()
	}
	if w.file == nil {
		timer := time.NewTimer(w.look)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	_ = w.file.SetReadDeadline(time.Now().Add(w.look))
	if ctx.Err() == nil { // after the deadline, which wake sets as well
		var events [4096]byte
		_, _ = w.file.Read(events[:])
	}
	return ctx.Err()
}

// wake ends a wait.
func (w *watcher) wake() {
	if w.file != nil {
		_ = w.file.SetReadDeadline(time.Unix(1, 0))
	}
}
