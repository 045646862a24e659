//go:build !linux

package netboot

import (
	"io/fs"
	"os"
	"syscall"
)

// openPlain opens full, which is not to be a symbolic link. Without Linux's
// O_PATH the check and the open are two steps; a pipe that is swapped in
// between is opened without waiting, and then refused.
func openPlain(root *os.Root, full, base string) (fs.File, error) {
	fi, err := root.Lstat(full)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() && !fi.IsDir() {
		return nil, errIrregular
	}
	f, err := root.OpenFile(full, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	fi, err = f.Stat()
	if err == nil && !fi.Mode().IsRegular() && !fi.IsDir() {
		err = errIrregular
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return wrapOpen(root, f, fi, full, base)
}

// version tells two states of a file apart even when its size and modification
// time are the same, where the system can.
func version(fs.FileInfo) string { return "" }
