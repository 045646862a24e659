package clone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// side is the folder of a clone's own files.
func side(dst string) string {
	return filepath.Join(filepath.Dir(dst), "."+filepath.Base(dst)+".overlay")
}

// Clone implements [Cloner]. The base must not change from now on.
func (Overlay) Clone(ctx context.Context, base, dst string) error {
	return wrap("overlay", base, dst, overlay(ctx, base, dst))
}

func overlay(ctx context.Context, base, dst string) (err error) {
	p, err := openPlace(dst)
	if err != nil {
		return err
	}
	defer p.close()
	if err := errors.Join(p.vacant(), checkApart(base, dst), checkMounts(base, false)); err != nil {
		return err
	}
	lower, err := filepath.EvalSymlinks(base)
	if err == nil {
		lower, err = filepath.Abs(lower)
	}
	if err != nil {
		return err
	}
	own, err := openPlace(side(dst))
	if err != nil {
		return err
	}
	defer own.close()
	if err := own.make(ctx, mkdirPrivate, func(dir *os.File) error { return fillSide(dir, lower) }); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeEntry(context.WithoutCancel(ctx), own.fd(), own.name))
		}
	}()
	return mountAt(p)
}

// fillSide makes what the clone is mounted of. The upper folder's attributes are
// those of the clone's root.
func fillSide(dir *os.File, lower string) error {
	fd := int(dir.Fd())
	from, err := openFolder(lower)
	if err != nil {
		return err
	}
	defer from.Close()
	if err := errors.Join(unix.Mkdirat(fd, "upper", 0o700), unix.Mkdirat(fd, "work", 0o700), unix.Symlinkat(lower, fd, "base")); err != nil {
		return err
	}
	upper, err := openFolderAt(fd, "upper")
	if err != nil {
		return err
	}
	defer upper.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(from.Fd()), &st); err != nil {
		return err
	}
	if err := newTree(1, nil).attributes(int(upper.Fd()), int(from.Fd()), &st, 0o700); err != nil {
		return err
	}
	return unix.Syncfs(fd)
}

// mountAt makes the folder and mounts the clone on it.
func mountAt(p *place) error {
	mnt, err := overlayMount(side(p.path))
	if err != nil {
		return err
	}
	defer unix.Close(mnt)
	if err := unix.Mkdirat(p.fd(), p.name, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
		return &os.PathError{Op: "mkdir", Path: p.path, Err: err}
	}
	if err := unix.MoveMount(mnt, "", p.fd(), p.name, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return errors.Join(fmt.Errorf("mount at %q: %w", p.path, err), unix.Unlinkat(p.fd(), p.name, unix.AT_REMOVEDIR))
	}
	return nil
}

// overlayMount returns a mount that is not attached anywhere.
func overlayMount(own string) (int, error) {
	lower, err := os.Readlink(filepath.Join(own, "base"))
	if err != nil {
		return -1, err
	}
	if strings.ContainsAny(lower, `:\`) { // they separate layers
		return -1, fmt.Errorf("base %q: %w", lower, ErrUnsafePath)
	}
	own, err = filepath.Abs(own)
	if err != nil {
		return -1, err
	}
	fsfd, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("overlay filesystem: %w", err)
	}
	defer unix.Close(fsfd)
	for _, o := range [][2]string{
		{"source", "overlay"}, {"lowerdir", lower}, {"upperdir", filepath.Join(own, "upper")}, {"workdir", filepath.Join(own, "work")},
		{"index", "on"}, {"nfs_export", "on"},
	} {
		if err := unix.FsconfigSetString(fsfd, o[0], o[1]); err != nil {
			return -1, fmt.Errorf("overlay option %s=%s: %w", o[0], o[1], err)
		}
	}
	if err := unix.FsconfigCreate(fsfd); err != nil {
		return -1, fmt.Errorf("make overlay of %q: %w", lower, err)
	}
	mnt, err := unix.Fsmount(fsfd, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("mount overlay: %w", err)
	}
	// The kernel turns nfs_export off by itself where it cannot be.
	if _, _, err := unix.NameToHandleAt(mnt, "", unix.AT_EMPTY_PATH); err != nil {
		unix.Close(mnt)
		return -1, fmt.Errorf("overlay on this filesystem cannot be exported by NFS: %w", err)
	}
	return mnt, nil
}

// Remount mounts a clone again after a restart, unless it is mounted. Do so
// before the NFS server starts.
func (Overlay) Remount(ctx context.Context, dst string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	p, err := openPlace(dst)
	if err != nil {
		return fmt.Errorf("clone: mount %q: %w", dst, err)
	}
	defer p.close()
	if errors.Is(checkMounts(dst, true), ErrMounted) {
		return nil
	}
	if err := mountAt(p); err != nil {
		return fmt.Errorf("clone: mount %q: %w", dst, err)
	}
	return nil
}

// Remove implements [Cloner]. A clone that is in use is not removed: EBUSY.
func (Overlay) Remove(ctx context.Context, dst string) error {
	return wrapRemove(dst, removeOverlay(ctx, dst))
}

func removeOverlay(ctx context.Context, dst string) error {
	p, err := openPlace(dst)
	if err != nil {
		return err
	}
	defer p.close()
	if err := errors.Join(p.folder(), checkMounts(dst, false)); err != nil {
		return err
	}
	if _, err := os.Readlink(filepath.Join(side(dst), "base")); err != nil {
		return fmt.Errorf("not an overlay clone: %w", err)
	}
	abs, err := resolved(dst)
	if err != nil {
		return err
	}
	if errors.Is(checkMounts(dst, true), ErrMounted) {
		if err := unix.Unmount(abs, unix.UMOUNT_NOFOLLOW); err != nil {
			return &os.PathError{Op: "unmount", Path: dst, Err: err}
		}
	}
	if err := unix.Unlinkat(p.fd(), p.name, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &os.PathError{Op: "remove", Path: dst, Err: err}
	}
	return removeTree(ctx, side(dst))
}
