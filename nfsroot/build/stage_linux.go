package build

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// swap moves stage to dst in one step. What was at dst is then at the name it
// returns, "" if nothing was.
func swap(stage, dst string) (old string, err error) {
	err = unix.Renameat2(unix.AT_FDCWD, stage, unix.AT_FDCWD, dst, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EEXIST) {
		return "", linkError(stage, dst, err)
	}
	err = unix.Renameat2(unix.AT_FDCWD, stage, unix.AT_FDCWD, dst, unix.RENAME_EXCHANGE)
	return stage, linkError(stage, dst, err)
}

func linkError(from, to string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
}

// syncTree writes the file system of dir to the disk: one wait in place of one
// for each file.
func syncTree(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		return &fs.PathError{Op: "syncfs", Path: dir, Err: err}
	}
	return nil
}

// stat is who owns a file, and which file it is.
func stat(info fs.FileInfo) (owner, inode) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return owner{}, inode{}
	}
	//nolint:unconvert // the types differ between architectures
	return owner{int(st.Uid), int(st.Gid)}, inode{uint64(st.Dev), st.Ino, uint64(st.Nlink)}
}

// changeTime is when a file's contents or attributes last changed, in
// nanoseconds.
func changeTime(info fs.FileInfo) int64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return st.Ctim.Nano()
}
