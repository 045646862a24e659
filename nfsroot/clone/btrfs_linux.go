package clone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ioctls of linux/btrfs.h.
const (
	ioctlSnapCreate     = 0x50009417 // BTRFS_IOC_SNAP_CREATE_V2
	ioctlSubvolCreate   = 0x50009418 // BTRFS_IOC_SUBVOL_CREATE_V2
	ioctlSnapDestroy    = 0x5000943f // BTRFS_IOC_SNAP_DESTROY_V2
	ioctlSubvolGetFlags = 0x80089419
	ioctlSubvolSetFlags = 0x4008941a

	subvolReadOnly = 1 << 1
	subvolInode    = 256 // of the root of every subvolume: BTRFS_FIRST_FREE_OBJECTID
)

// volArgs is struct btrfs_ioctl_vol_args_v2.
type volArgs struct {
	fd      int64
	transid uint64
	flags   uint64
	unused  [4]uint64
	name    [4040]byte
}

func ioctl(fd int, req uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), req, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

func volIoctl(parent int, req uintptr, name string, source int) error {
	args := volArgs{fd: int64(source)}
	if len(name) >= len(args.name) {
		return unix.ENAMETOOLONG
	}
	copy(args.name[:], name)
	return ioctl(parent, req, unsafe.Pointer(&args))
}

func createSubvolume(parent int, name string) error {
	if err := onBtrfs(parent); err != nil {
		return err
	}
	return volIoctl(parent, ioctlSubvolCreate, name, 0)
}

func destroySubvolume(parent int, name string) error {
	if err := onBtrfs(parent); err != nil {
		return err
	}
	return volIoctl(parent, ioctlSnapDestroy, name, 0)
}

func onBtrfs(fd int) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return fmt.Errorf("statfs: %w", err)
	}
	if uint32(st.Type) != unix.BTRFS_SUPER_MAGIC {
		return fmt.Errorf("the filesystem is not btrfs: %w", errors.ErrUnsupported)
	}
	return nil
}

func isSubvolume(fd int) (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, fmt.Errorf("stat: %w", err)
	}
	return st.Ino == subvolInode && onBtrfs(fd) == nil, nil
}

// Clone implements [Cloner].
func (b Btrfs) Clone(ctx context.Context, base, dst string) error {
	return wrap("snapshot", base, dst, b.snapshot(ctx, base, dst))
}

func (b Btrfs) snapshot(ctx context.Context, base, dst string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	p, err := openPlace(dst)
	if err != nil {
		return err
	}
	defer p.close()
	if err := errors.Join(p.vacant(), onBtrfs(p.fd()), checkApart(base, dst)); err != nil {
		return err
	}
	from, err := b.subvolume(ctx, base)
	if err != nil {
		return err
	}
	defer from.Close()
	err = volIoctl(p.fd(), ioctlSnapCreate, p.name, int(from.Fd()))
	if errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("base and clone are on different filesystems: %w", err)
	}
	return err
}

// subvolume opens the base, which it makes a subvolume if it is none. The lock
// keeps a second one from doing so at the same time.
func (b Btrfs) subvolume(ctx context.Context, base string) (*os.File, error) {
	dir, err := openFolder(base)
	if err != nil {
		return nil, err
	}
	if is, err := isSubvolume(int(dir.Fd())); is && err == nil {
		return dir, nil
	}
	defer dir.Close()
	if err := onBtrfs(int(dir.Fd())); err != nil {
		return nil, fmt.Errorf("base %q: %w", base, err)
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock base: %w", err)
	}
	now, err := openFolder(base)
	if err != nil {
		return nil, err
	}
	if is, err := isSubvolume(int(now.Fd())); is && err == nil {
		return now, nil
	}
	now.Close()
	if err := convert(ctx, base); err != nil {
		return nil, fmt.Errorf("make base %q a subvolume: %w", base, err)
	}
	return openFolder(base)
}

// convert puts a subvolume with the same files in the place of a folder.
func convert(ctx context.Context, base string) error {
	p, err := openPlace(base)
	if err != nil {
		return err
	}
	defer p.close()
	if err := errors.Join(p.folder(), checkMounts(base, true)); err != nil {
		return err
	}
	from, err := openFolderAt(p.fd(), p.name)
	if err != nil {
		return err
	}
	defer from.Close()
	old := &place{parent: p.parent, name: tempName(".gone"), path: base}
	err = old.make(ctx, createSubvolume, func(dir *os.File) error {
		return newTree(0, reflinkOrCopy).copy(ctx, dir, from)
	})
	if err != nil {
		return err
	}
	err = unix.Renameat2(p.fd(), p.name, p.fd(), old.name, unix.RENAME_EXCHANGE)
	if err == nil {
		err = p.parent.Sync()
	}
	return errors.Join(err, removeEntry(context.WithoutCancel(ctx), p.fd(), old.name))
}

// Import implements [Importer]: dst is a read-only subvolume. Files of the same
// filesystem are reflinked into it, others are copied.
func (Btrfs) Import(ctx context.Context, src, dst string) error {
	seal := func(dir *os.File) error {
		if err := finish(false)(dir); err != nil {
			return err
		}
		return setReadOnly(int(dir.Fd()), true)
	}
	return wrap("import", src, dst, makeTree(ctx, src, dst, newTree(0, reflinkOrCopy), createSubvolume, seal))
}

func setReadOnly(fd int, on bool) error {
	var flags uint64
	if err := ioctl(fd, ioctlSubvolGetFlags, unsafe.Pointer(&flags)); err != nil {
		return fmt.Errorf("flags of subvolume: %w", err)
	}
	flags &^= subvolReadOnly
	if on {
		flags |= subvolReadOnly
	}
	if err := ioctl(fd, ioctlSubvolSetFlags, unsafe.Pointer(&flags)); err != nil {
		return fmt.Errorf("set flags of subvolume: %w", err)
	}
	return nil
}

// Remove implements [Cloner]. The space comes back in the background.
func (Btrfs) Remove(ctx context.Context, dst string) error {
	return wrapRemove(dst, removeSubvolume(ctx, dst))
}

func removeSubvolume(ctx context.Context, dst string) error {
	p, err := openPlace(dst)
	if err != nil {
		return err
	}
	defer p.close()
	if err := errors.Join(p.folder(), checkMounts(dst, true)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if destroySubvolume(p.fd(), p.name) == nil {
		return nil
	}
	return removeTree(ctx, dst) // a plain folder, or subvolumes lie in it
}
