package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// The flags of chattr(1) that keep a file from being changed.
const (
	Immutable  = 0x10
	AppendOnly = 0x20
)

// Xattrs returns the names of the extended attributes of what is at name. Links
// have none that matter, and a filesystem without them has none.
func Xattrs(root *os.Root, name string) ([]string, error) {
	var names []string
	err := atHandle(root, name, func(p string) error {
		buf := make([]byte, 256)
		n, err := syscall.Listxattr(p, buf)
		if errors.Is(err, syscall.ERANGE) {
			buf = make([]byte, 64<<10) // XATTR_LIST_MAX
			n, err = syscall.Listxattr(p, buf)
		}
		for part := range strings.SplitSeq(string(buf[:max(n, 0)]), "\x00") {
			if part != "" {
				names = append(names, part)
			}
		}
		return err
	})
	return names, wrap("list attributes of", name, withoutSupport(err))
}

// Xattr returns the value of an extended attribute.
func Xattr(root *os.Root, name, attr string) ([]byte, error) {
	var value []byte
	err := atHandle(root, name, func(p string) error {
		buf := make([]byte, 64<<10) // XATTR_SIZE_MAX
		n, err := syscall.Getxattr(p, attr, buf)
		value = buf[:max(n, 0)]
		return err
	})
	return value, wrap("read attribute of", name, err)
}

// RemoveXattr removes an extended attribute; one that is not there is fine.
func RemoveXattr(root *os.Root, name, attr string) error {
	err := atHandle(root, name, func(p string) error { return syscall.Removexattr(p, attr) })
	if errors.Is(err, syscall.ENODATA) {
		err = nil
	}
	return wrap("remove "+attr+" of", name, err)
}

// Chmod changes the permission bits of a file or directory that check accepts,
// without following a link.
func Chmod(root *os.Root, name string, change func(fs.FileInfo) (fs.FileMode, error)) error {
	h, fi, err := handle(root, name)
	if err != nil {
		return wrap("chmod", name, err)
	}
	defer h.Close()
	if !fi.Mode().IsRegular() && !fi.IsDir() {
		return wrap("chmod", name, ErrNotRegular)
	}
	mode, err := change(fi)
	if err == nil && mode != fi.Mode()&modeBits {
		err = os.Chmod(self(h), mode)
	}
	return wrap("chmod", name, err)
}

// atHandle calls fn with a path that stands for what is at name and for nothing
// else, whatever is swapped meanwhile. For a link it does nothing.
func atHandle(root *os.Root, name string, fn func(path string) error) error {
	h, fi, err := handle(root, name)
	if err != nil {
		return err
	}
	defer h.Close()
	if fi.Mode().Type() == fs.ModeSymlink {
		return nil
	}
	return fn(self(h))
}

// withoutSupport turns the errors of a filesystem that lacks something into nil.
func withoutSupport(err error) error {
	if errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOTTY) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS) {
		return nil
	}
	return err
}

// Flags returns [Immutable] and [AppendOnly], as far as set, of a regular file
// or directory. Others have none.
func Flags(root *os.Root, name string) (int, error) {
	flags, err := ioctlFlags(root, name, nil)
	return flags & (Immutable | AppendOnly), err
}

// ClearFlags clears [Immutable] and [AppendOnly].
func ClearFlags(root *os.Root, name string) error {
	_, err := ioctlFlags(root, name, func(flags int) int { return flags &^ (Immutable | AppendOnly) })
	return err
}

func ioctlFlags(root *os.Root, name string, change func(int) int) (int, error) {
	h, fi, err := handle(root, name)
	if err != nil {
		return 0, wrap("read flags of", name, err)
	}
	defer h.Close()
	if !fi.Mode().IsRegular() && !fi.IsDir() {
		return 0, nil
	}
	f, err := reopen(h, name)
	if err != nil {
		return 0, wrap("read flags of", name, err)
	}
	defer f.Close()
	// The requests are _IOR('f', 1, long) and _IOW('f', 2, long), though what is
	// passed is an int.
	const size = unsafe.Sizeof(uintptr(0)) << 16
	const get, set = 0x80006601 | size, 0x40006602 | size
	var flags int32
	if err := ioctl(f, get, &flags); err != nil {
		return 0, wrap("read flags of", name, withoutSupport(err))
	}
	if change == nil {
		return int(flags), nil
	}
	flags = int32(change(int(flags)))
	if err := ioctl(f, set, &flags); err != nil {
		return 0, wrap("write flags of", name, err)
	}
	return int(flags), nil
}

func ioctl(f *os.File, request uintptr, arg *int32) error {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(arg)))
	runtime.KeepAlive(f)
	if errno != 0 {
		return errno
	}
	return nil
}

// Unmount unmounts what is mounted at name, which is not followed if it is a
// link. A mount that is in use is an error.
func Unmount(root *os.Root, name string) error {
	const noFollow = 8 // UMOUNT_NOFOLLOW
	dir, base := splitName(name)
	h, _, err := handle(root, dir)
	if err != nil {
		return wrap("unmount", name, err)
	}
	defer h.Close()
	return wrap("unmount", name, syscall.Unmount(fmt.Sprintf("%s/%s", self(h), base), noFollow))
}
