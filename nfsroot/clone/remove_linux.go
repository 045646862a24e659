package clone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// removeTree removes a clone that is a plain folder.
func removeTree(ctx context.Context, dst string) error {
	p, err := openPlace(dst)
	if err != nil {
		return err
	}
	defer p.close()
	if err := errors.Join(p.folder(), checkMounts(dst, true)); err != nil {
		return err
	}
	gone := tempName(".gone")
	if err := unix.Renameat2(p.fd(), p.name, p.fd(), gone, unix.RENAME_NOREPLACE); err != nil {
		return &os.LinkError{Op: "rename", Old: dst, New: gone, Err: err}
	}
	dir, err := openFolderAt(p.fd(), gone)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil { // for Sweep
		return fmt.Errorf("lock %q: %w", gone, err)
	}
	return removeEntry(ctx, p.fd(), gone)
}

// Sweep removes from a folder what clones and removals left behind that were
// killed. What a living process is working on stays.
func Sweep(ctx context.Context, dir string) error {
	parent, err := openFolder(dir)
	if err != nil {
		return fmt.Errorf("clone: sweep: %w", err)
	}
	defer parent.Close()
	names, err := parent.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("clone: sweep %q: %w", dir, err)
	}
	var errs []error
	for _, name := range names {
		ext := filepath.Ext(name)
		if strings.HasPrefix(name, tempPrefix) && (ext == ".part" || ext == ".gone") {
			if err := sweep(ctx, parent, name); err != nil {
				errs = append(errs, fmt.Errorf("clone: sweep %q of %q: %w", name, dir, err))
			}
		}
	}
	return errors.Join(errs...)
}

func sweep(ctx context.Context, parent *os.File, name string) error {
	dir, err := openFolderAt(int(parent.Fd()), name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	err = unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	return removeEntry(ctx, int(parent.Fd()), name)
}

// remover empties a folder through open folders, reading names in batches.
type remover struct {
	top   int // where folders go that are too deep
	moved int
	euid  int
}

// maxRemoveDepth bounds open folders. What is deeper is moved up, so that no
// depth, which whoever wrote the tree chose, stops the removal.
const maxRemoveDepth = 64

// removeEntry removes a name and all below it. It is gone already: no error.
func removeEntry(ctx context.Context, parent int, name string) error {
	err := destroySubvolume(parent, name)
	if err != nil {
		err = unix.Unlinkat(parent, name, 0)
	}
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	top, err := openFolderAt(parent, name)
	if err != nil {
		return err
	}
	defer top.Close()
	r := &remover{top: int(top.Fd()), euid: os.Geteuid()}
	if err := r.empty(ctx, top, 0); err != nil {
		return fmt.Errorf("remove %q: %w", name, err)
	}
	if err := unix.Unlinkat(parent, name, unix.AT_REMOVEDIR); err != nil {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

// empty reads the folder until a pass finds nothing: removal may make a
// filesystem skip names.
func (r *remover) empty(ctx context.Context, dir *os.File, depth int) error {
	if r.euid != 0 {
		if err := dir.Chmod(0o700); err != nil {
			return err
		}
	}
	for {
		found := 0
		for {
			names, err := dir.Readdirnames(1024)
			for _, name := range names {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := r.entry(ctx, dir, name, depth); err != nil {
					return err
				}
			}
			found += len(names)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
		}
		if found == 0 {
			return nil
		}
		if _, err := dir.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
}

func (r *remover) entry(ctx context.Context, dir *os.File, name string, depth int) error {
	fd := int(dir.Fd())
	err := unix.Unlinkat(fd, name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	if depth >= maxRemoveDepth {
		r.moved++
		up := fmt.Sprintf("%s%d.deep", tempPrefix, r.moved)
		if err := unix.Renameat2(fd, name, r.top, up, unix.RENAME_NOREPLACE); !errors.Is(err, unix.EEXIST) {
			return err
		}
		return nil // the next pass finds it again
	}
	sub, err := openFolderAt(fd, name)
	if errors.Is(err, fs.ErrPermission) {
		if err := unix.Fchmodat(fd, name, 0o700, 0); err != nil {
			return err
		}
		sub, err = openFolderAt(fd, name)
	}
	if err != nil {
		return err
	}
	defer sub.Close()
	if err := r.empty(ctx, sub, depth+1); err != nil {
		return err
	}
	return unix.Unlinkat(fd, name, unix.AT_REMOVEDIR)
}
