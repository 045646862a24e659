package filekv

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path"
	"sync"
	"syscall"
)

// notifier is told by the kernel (inotify(7)) what changes in folders. It collects
// changes by name, so that it never falls behind.
type notifier struct {
	file *os.File

	mu      sync.Mutex // guards all below
	folders map[int32]string
	changed map[string]change
	all     bool // changes were lost
	err     error
	more    chan struct{}
	ended   chan struct{}
}

// newNotifier returns nil if the kernel has none left.
func newNotifier() *notifier {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	n := &notifier{
		file: os.NewFile(uintptr(fd), "inotify"), folders: make(map[int32]string),
		changed: make(map[string]change), more: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	go n.read()
	return n
}

func (n *notifier) close() {
	_ = n.file.Close()
	<-n.ended
}

// add begins to tell of changes in a folder. It goes by /proc, since the folder's path
// may be longer than system calls take.
func (n *notifier) add(f *os.File, folder string) error {
	const events = syscall.IN_MOVED_TO | syscall.IN_MOVED_FROM | syscall.IN_CREATE | syscall.IN_DELETE | syscall.IN_ONLYDIR
	raw, err := n.file.SyscallConn()
	if err != nil {
		return err
	}
	n.mu.Lock() // no event may come before the folder is known
	defer n.mu.Unlock()
	var wd int
	var addErr error
	err = raw.Control(func(fd uintptr) {
		wd, addErr = syscall.InotifyAddWatch(int(fd), fmt.Sprintf("/proc/self/fd/%d", f.Fd()), events)
	})
	if err != nil || addErr != nil {
		return fmt.Errorf("watch %q: %w %w", folder, err, addErr)
	}
	n.folders[int32(wd)] = folder
	return nil
}

// wait returns what has changed since it was called last, by path; or all, if not all of
// it is known.
func (n *notifier) wait(ctx context.Context, done <-chan struct{}) (changed map[string]change, all bool, err error) {
	select {
	case <-n.more:
	case <-done:
	case <-ctx.Done():
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	changed, all, err = n.changed, n.all, n.err
	n.changed, n.all = make(map[string]change), false
	return changed, all, err
}

func (n *notifier) read() {
	defer close(n.ended)
	buf := make([]byte, 64<<10)
	for {
		size, err := n.file.Read(buf)
		n.mu.Lock()
		n.err = err
		for rest := buf[:max(size, 0)]; len(rest) >= syscall.SizeofInotifyEvent; {
			rest = n.event(rest)
		}
		n.mu.Unlock()
		select {
		case n.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// event notes the first event of buf and returns the rest.
func (n *notifier) event(buf []byte) []byte {
	wd := int32(binary.NativeEndian.Uint32(buf))
	mask := binary.NativeEndian.Uint32(buf[4:])
	end := min(syscall.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(buf[12:])), len(buf))
	name, _, _ := bytes.Cut(buf[syscall.SizeofInotifyEvent:end], []byte{0})
	folder, known := n.folders[wd]
	switch {
	case mask&syscall.IN_Q_OVERFLOW != 0:
		n.all = true
	case mask&syscall.IN_IGNORED != 0:
		delete(n.folders, wd)
	case known && len(name) > 0:
		n.changed[path.Join(folder, string(name))] = change{
			folder: folder,
			isDir:  mask&syscall.IN_ISDIR != 0,
			gone:   mask&(syscall.IN_DELETE|syscall.IN_MOVED_FROM) != 0,
		}
	}
	return buf[end:]
}
