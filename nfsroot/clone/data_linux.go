package clone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// reflink shares the blocks of a file (ioctl_ficlone(2)).
func reflink(_ context.Context, dst, src int, _ *unix.Stat_t) error {
	err := unix.IoctlFileClone(dst, src)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EXDEV):
		return fmt.Errorf("share blocks: base and clone are on different filesystems: %w", err)
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EINVAL):
		return fmt.Errorf("share blocks: the filesystem cannot: %w: %w", err, errors.ErrUnsupported)
	}
	return fmt.Errorf("share blocks: %w", err)
}

// reflinkOrCopy shares blocks where it can.
func reflinkOrCopy(ctx context.Context, dst, src int, st *unix.Stat_t) error {
	err := reflink(ctx, dst, src, st)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EXDEV) {
		return copyData(ctx, dst, src, st)
	}
	return err
}

// copyData copies what is not a hole.
func copyData(ctx context.Context, dst, src int, st *unix.Stat_t) error {
	if err := unix.Ftruncate(dst, st.Size); err != nil {
		return err
	}
	const blockSize = 512 // of Stat_t.Blocks, whatever the filesystem's is
	if st.Blocks*blockSize >= st.Size {
		return copyRange(ctx, dst, src, 0, st.Size)
	}
	for pos := int64(0); pos < st.Size; {
		data, err := unix.Seek(src, pos, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) { // the rest is a hole
			return nil
		}
		if err != nil {
			return copyRange(ctx, dst, src, pos, st.Size) // holes are unknown here
		}
		hole, err := unix.Seek(src, data, unix.SEEK_HOLE)
		if err != nil {
			return fmt.Errorf("find hole: %w", err)
		}
		if err := copyRange(ctx, dst, src, data, min(hole, st.Size)); err != nil {
			return err
		}
		pos = hole
	}
	return nil
}

// chunk is how much is copied between looks at the context.
const chunk = 16 << 20

func copyRange(ctx context.Context, dst, src int, from, to int64) error {
	in, out := from, from
	for in < to {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := unix.CopyFileRange(src, &in, dst, &out, int(min(chunk, to-in)), 0)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EXDEV), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return readWrite(ctx, dst, src, in, to)
		case err != nil:
			return fmt.Errorf("copy data: %w", err)
		case n == 0:
			return fmt.Errorf("copy data: the file became shorter: %w", io.ErrUnexpectedEOF)
		}
	}
	return nil
}

func readWrite(ctx context.Context, dst, src int, from, to int64) error {
	buf := make([]byte, min(1<<20, to-from))
	for from < to {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := unix.Pread(src, buf[:min(int64(len(buf)), to-from)], from)
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		for part := buf[:n]; len(part) > 0; {
			w, err := unix.Pwrite(dst, part, from)
			if err != nil {
				return fmt.Errorf("write: %w", err)
			}
			part, from = part[w:], from+int64(w)
		}
	}
	return nil
}

// copyXattrs copies extended attributes, ACLs and capabilities among them.
// Overlay's own stay behind, and so do those that mean nothing on dst's
// filesystem, unless they are about permissions.
func copyXattrs(dst, src int) error {
	var small [1024]byte
	names := small[:]
	n, err := unix.Flistxattr(src, names)
	if errors.Is(err, unix.ERANGE) {
		names = make([]byte, 64<<10) // the most there can be
		n, err = unix.Flistxattr(src, names)
	}
	if n <= 0 || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list extended attributes: %w", err)
	}
	for raw := range bytes.SplitSeq(bytes.TrimSuffix(names[:n], []byte{0}), []byte{0}) {
		name := string(raw)
		if strings.HasPrefix(name, "trusted.overlay.") {
			continue
		}
		if err := copyXattr(dst, src, name); err != nil {
			return fmt.Errorf("extended attribute %s: %w", name, err)
		}
	}
	return nil
}

func copyXattr(dst, src int, name string) error {
	value := make([]byte, 64<<10)
	n, err := unix.Fgetxattr(src, name, value)
	if err != nil {
		return err
	}
	err = unix.Fsetxattr(dst, name, value[:n], 0)
	permission := strings.HasPrefix(name, "system.posix_acl") || name == "security.capability"
	if errors.Is(err, unix.EOPNOTSUPP) && !permission {
		return nil
	}
	return err
}

// File gives the empty file dst the content of src: it shares blocks where the
// filesystem can, else it copies. shared tells which.
func File(ctx context.Context, dst, src *os.File) (shared bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(src.Fd()), &st); err != nil {
		return false, fmt.Errorf("clone: file %q: %w", src.Name(), err)
	}
	if st.Size == 0 {
		return true, nil
	}
	d, s := int(dst.Fd()), int(src.Fd())
	err = reflink(ctx, d, s, &st)
	if shared = err == nil; errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EXDEV) {
		err = copyData(ctx, d, s, &st)
	}
	if err != nil {
		return false, fmt.Errorf("clone: file %q: %w", src.Name(), err)
	}
	return shared, nil
}
