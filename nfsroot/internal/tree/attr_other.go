//go:build !linux

package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// The flags of chattr(1) that keep a file from being changed.
const (
	Immutable  = 0x10
	AppendOnly = 0x20
)

func unsupported(what, name string) error {
	return fmt.Errorf("%s %q: %w", what, name, errors.ErrUnsupported)
}

// Xattrs needs Linux.
func Xattrs(_ *os.Root, name string) ([]string, error) {
	return nil, unsupported("list attributes of", name)
}

// Xattr needs Linux.
func Xattr(_ *os.Root, name, _ string) ([]byte, error) {
	return nil, unsupported("read attribute of", name)
}

// RemoveXattr needs Linux.
func RemoveXattr(_ *os.Root, name, _ string) error {
	return unsupported("remove attribute of", name)
}

// Chmod needs Linux.
func Chmod(_ *os.Root, name string, _ func(fs.FileInfo) (fs.FileMode, error)) error {
	return unsupported("chmod", name)
}

// Flags needs Linux.
func Flags(_ *os.Root, name string) (int, error) { return 0, unsupported("read flags of", name) }

// ClearFlags needs Linux.
func ClearFlags(_ *os.Root, name string) error { return unsupported("write flags of", name) }

// Unmount needs Linux.
func Unmount(_ *os.Root, name string) error { return unsupported("unmount", name) }
