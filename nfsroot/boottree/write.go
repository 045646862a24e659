package boottree

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// kernel copies the kernel, compressed where that helps.
func (a *assembly) kernel(context.Context) error {
	path := filepath.Join(a.unpacked, "boot", "vmlinuz-"+a.version)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	a.report.RawImage = int64(len(data))
	from := a.report.Kernel.Name + ": boot/vmlinuz-" + a.version
	if a.arm64() && !a.RawKernel && !bytes.HasPrefix(data, []byte("\x1f\x8b")) {
		if data, err = compress(data); err != nil {
			return err
		}
		from += ", gzip"
	}
	return a.write(KernelFile, data, from)
}

// compress makes the same of the same: no name and no time go in.
func compress(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// copy takes a file out of an unpacked package. What is there in place of a
// plain file is refused.
func (a *assembly) copy(name, from, pkg string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("package %s: %s is not a file: %w", pkg, name, fs.ErrInvalid)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	inside := strings.TrimPrefix(strings.TrimPrefix(filepath.ToSlash(from), filepath.ToSlash(a.temp)), "/")
	_, inside, _ = strings.Cut(inside, "/") // the folder of the package
	return a.write(name, data, pkg+": "+inside)
}

// write adds a file to the tree.
func (a *assembly) write(name string, data []byte, from string) error {
	path := filepath.Join(a.tree, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	a.report.Files = append(a.report.Files, File{Name: name, Size: int64(len(data)), From: from})
	return os.Chtimes(path, a.SourceDate, a.SourceDate)
}

// publish puts the tree in dst's place. What was there goes away with temp.
func (a *assembly) publish(dst string) error {
	if err := a.flush(); err != nil {
		return err
	}
	if _, err := os.Lstat(dst); errors.Is(err, fs.ErrNotExist) {
		err = os.Rename(a.tree, dst)
		return errors.Join(err, flushFile(filepath.Dir(dst)))
	}
	if err := exchange(a.tree, dst); err != nil {
		return err
	}
	return flushFile(filepath.Dir(dst))
}

// flush has the tree on the disk. The unpacked packages go first, because a
// file system may write what is theirs before it says that a file is safe.
func (a *assembly) flush() error {
	for _, dir := range []string{"kernel", "firmware"} {
		if err := os.RemoveAll(filepath.Join(a.temp, dir)); err != nil {
			return err
		}
	}
	return filepath.WalkDir(a.tree, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = errors.Join(os.Chmod(path, 0o755), os.Chtimes(path, a.SourceDate, a.SourceDate))
		}
		return errors.Join(err, flushFile(path))
	})
}

// flushFile has a file or a folder on the disk.
func flushFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
