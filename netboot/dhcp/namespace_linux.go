package dhcp

import (
	"errors"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

const threadNamespace = "/proc/thread-self/ns/net"

// namespace is a network namespace. Sockets belong to the one that their thread
// was in when it opened them, and a socket for an interface that appears later
// is opened on any thread.
type namespace struct{ file *os.File }

// currentNamespace returns the calling thread's. Where /proc is not mounted
// there is taken to be one only.
func currentNamespace() (*namespace, error) {
	f, err := os.Open(threadNamespace)
	if errors.Is(err, fs.ErrNotExist) {
		return &namespace{}, nil
	}
	return &namespace{f}, err
}

// do runs fn on a thread in the namespace.
func (n *namespace) do(fn func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if n.file == nil {
		return fn()
	}
	here, err := os.Open(threadNamespace)
	if err != nil {
		return err
	}
	defer here.Close()
	if same(here, n.file) {
		return fn()
	}
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = fn()
	if back := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET); back != nil {
		runtime.LockOSThread() // once more: the thread ends with its goroutine
		return errors.Join(err, back)
	}
	return err
}

func same(a, b *os.File) bool {
	x, err1 := a.Stat()
	y, err2 := b.Stat()
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

func (n *namespace) close() {
	if n.file != nil {
		n.file.Close()
	}
}
