package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// oPath is O_PATH, the same on all of Debian's architectures that Go knows but
// which package syscall leaves out.
const oPath = 0x200000

// handle returns a descriptor of whatever is at name, itself if it is a link,
// without opening it.
func handle(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	h, err := root.OpenFile(name, oPath, 0)
	if err != nil {
		return nil, nil, err
	}
	fi, err := h.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, h.Close())
	}
	return h, fi, nil
}

// open opens a regular file. It looks at a handle before it opens that very
// file, so nothing can be swapped in between.
func open(root *os.Root, name string) (*os.File, error) {
	h, fi, err := handle(root, name)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if !fi.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	return reopen(h, name)
}

func reopen(h *os.File, name string) (*os.File, error) {
	fd, err := syscall.Open(self(h), syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENOENT) {
		return nil, errors.New("/proc/self/fd is not there: mount /proc")
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// self is the path by which the kernel finds what a handle stands for.
func self(h *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", h.Fd()) }

func links(fi fs.FileInfo) uint64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink) //nolint:unconvert // its type differs between architectures
	}
	return 1
}

// ours reports whether a file belongs to who a file made now would belong to.
func ours(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

func chownLike(f *os.File, owner fs.FileInfo) error {
	st, ok := owner.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}
