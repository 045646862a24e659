package clone

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	ioctlQuotaCtl    = 0xc0109428
	ioctlQgroupLimit = 0x8030942b
	ioctlInoLookup   = 0xd0009412
	ioctlTreeSearch  = 0xd0009411

	quotaEnable       = 1
	quotaEnableSimple = 4

	quotaTree      = 8
	qgroupInfoKey  = 242
	qgroupLimitKey = 244
	limitReferred  = 1 // BTRFS_QGROUP_LIMIT_MAX_RFER
)

// Enable turns quotas of the filesystem on, once. dir is any folder of it.
func (q BtrfsQuota) Enable(_ context.Context, dir string) error {
	f, err := openFolder(dir)
	if err != nil {
		return fmt.Errorf("clone: enable quotas: %w", err)
	}
	defer f.Close()
	args := struct{ cmd, status uint64 }{cmd: quotaEnableSimple}
	if q.Full {
		args.cmd = quotaEnable
	}
	err = onBtrfs(int(f.Fd()))
	if err == nil {
		err = ioctl(int(f.Fd()), ioctlQuotaCtl, unsafe.Pointer(&args))
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("clone: enable quotas of %q: %w", dir, err)
	}
	return nil
}

// Limit implements [Quota].
func (BtrfsQuota) Limit(_ context.Context, dir string, limit uint64) error {
	f, id, err := openQgroup(dir)
	if err != nil {
		return fmt.Errorf("clone: limit %q: %w", dir, err)
	}
	defer f.Close()
	// A clone that is at its limit has no room for the ioctl: it is the parent's.
	parent, err := openFolder(filepath.Dir(dir))
	if err != nil {
		return fmt.Errorf("clone: limit %q: %w", dir, err)
	}
	defer parent.Close()
	args := struct{ id, flags, maxReferred, maxExclusive, reserved1, reserved2 uint64 }{id: id, flags: limitReferred, maxReferred: limit}
	if limit == 0 {
		args.maxReferred = ^uint64(0) // clears it
	}
	if err := ioctl(int(parent.Fd()), ioctlQgroupLimit, unsafe.Pointer(&args)); err != nil {
		return fmt.Errorf("clone: limit %q: %w", dir, err)
	}
	return nil
}

// Usage implements [Quota].
func (BtrfsQuota) Usage(_ context.Context, dir string) (Usage, error) {
	f, id, err := openQgroup(dir)
	if err != nil {
		return Usage{}, fmt.Errorf("clone: usage of %q: %w", dir, err)
	}
	defer f.Close()
	// What was written a moment ago is counted when it is committed.
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return Usage{}, fmt.Errorf("clone: usage of %q: sync: %w", dir, err)
	}
	info, err := quotaItem(int(f.Fd()), qgroupInfoKey, id)
	if err != nil {
		return Usage{}, fmt.Errorf("clone: usage of %q: %w", dir, err)
	}
	limit, err := quotaItem(int(f.Fd()), qgroupLimitKey, id)
	if err != nil {
		return Usage{}, fmt.Errorf("clone: limit of %q: %w", dir, err)
	}
	u := Usage{Bytes: binary.LittleEndian.Uint64(info[8:])} // after the generation
	if flags := binary.LittleEndian.Uint64(limit); flags&limitReferred != 0 {
		u.Limit = binary.LittleEndian.Uint64(limit[8:])
	}
	return u, nil
}

// openQgroup opens a subvolume and returns its number, which its qgroup has too.
func openQgroup(dir string) (*os.File, uint64, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, 0, err
	}
	is, err := isSubvolume(int(f.Fd()))
	if err == nil && !is {
		err = fmt.Errorf("not a btrfs subvolume: %w", errors.ErrUnsupported)
	}
	args := struct {
		tree, object uint64
		name         [4080]byte
	}{object: subvolInode}
	if err == nil {
		err = ioctl(int(f.Fd()), ioctlInoLookup, unsafe.Pointer(&args))
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, args.tree, nil
}

// quotaItem returns an item of the quota tree. Integers on disk are little-endian.
func quotaItem(fd int, kind uint32, qgroup uint64) ([]byte, error) {
	type header struct {
		transid, object, offset uint64
		kind, length            uint32
	}
	args := struct {
		tree, minObject, maxObject, minOffset, maxOffset, minTransid, maxTransid uint64
		minKind, maxKind, items, unused                                          uint32
		reserved                                                                 [4]uint64
		buf                                                                      [3992]byte
	}{tree: quotaTree, minOffset: qgroup, maxOffset: qgroup, maxTransid: ^uint64(0), minKind: kind, maxKind: kind, items: 1}
	if err := ioctl(fd, ioctlTreeSearch, unsafe.Pointer(&args)); err != nil {
		return nil, fmt.Errorf("quotas are off: %w", err)
	}
	h := (*header)(unsafe.Pointer(&args.buf[0]))
	size := int(unsafe.Sizeof(*h))
	if args.items == 0 || h.length < 16 || size+int(h.length) > len(args.buf) {
		return nil, fmt.Errorf("no qgroup 0/%d: %w", qgroup, unix.ENOENT)
	}
	return args.buf[size : size+int(h.length)], nil
}

const (
	ioctlGetXattr = 0x801c581f // FS_IOC_FSGETXATTR
	ioctlSetXattr = 0x401c5820 // FS_IOC_FSSETXATTR

	projectInherit = 0x200 // FS_XFLAG_PROJINHERIT

	quotaSetLimit = 0x5804<<8 | projectType // Q_XSETQLIM
	quotaGet      = 0x5803<<8 | projectType // Q_XGETQUOTA
	projectType   = 2                       // PRJQUOTA
	quotaBlock    = 512
)

// fsxattr is the struct of linux/fs.h.
type fsxattr struct {
	flags, extentSize, extents, project, cowExtentSize uint32
	_                                                  [8]byte
}

// diskQuota is struct fs_disk_quota of linux/dqblk_xfs.h, which ext4 takes too.
type diskQuota struct {
	version, flags                                 int8
	fields                                         uint16
	id                                             uint32
	hard, soft, inodeHard, inodeSoft, used, inodes uint64
	_                                              [48]byte
}

func quotactl(fd int, cmd uintptr, project uint32, q *diskQuota) error {
	_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL_FD, uintptr(fd), cmd, uintptr(project), uintptr(unsafe.Pointer(q)), 0, 0)
	switch errno {
	case 0:
		return nil
	case unix.ESRCH, unix.ENOSYS, unix.EOPNOTSUPP:
		return fmt.Errorf("the filesystem is not mounted with prjquota: %w: %w", errno, errors.ErrUnsupported)
	}
	return errno
}

// Limit implements [Quota].
func (ProjectQuota) Limit(ctx context.Context, dir string, limit uint64) error {
	f, err := openFolder(dir)
	if err != nil {
		return fmt.Errorf("clone: limit: %w", err)
	}
	defer f.Close()
	fd := int(f.Fd())
	project, err := pickProject(fd)
	if err != nil {
		return fmt.Errorf("clone: limit %q: %w", dir, err)
	}
	q := diskQuota{version: 1, flags: 2, fields: 1<<2 | 1<<3, id: project, hard: limit / quotaBlock, soft: limit / quotaBlock}
	if err := quotactl(fd, quotaSetLimit, project, &q); err != nil {
		return fmt.Errorf("clone: limit %q: %w", dir, err)
	}
	if err := enrol(ctx, f, project, 0); err != nil {
		return fmt.Errorf("clone: put %q into project %d: %w", dir, project, err)
	}
	return nil
}

// Usage implements [Quota].
func (ProjectQuota) Usage(_ context.Context, dir string) (Usage, error) {
	f, err := openFolder(dir)
	if err != nil {
		return Usage{}, fmt.Errorf("clone: usage: %w", err)
	}
	defer f.Close()
	var x fsxattr
	var q diskQuota
	err = ioctl(int(f.Fd()), ioctlGetXattr, unsafe.Pointer(&x))
	if err == nil {
		err = quotactl(int(f.Fd()), quotaGet, x.project, &q)
	}
	if err != nil {
		return Usage{}, fmt.Errorf("clone: usage of %q: %w", dir, err)
	}
	if x.project == 0 {
		return Usage{}, fmt.Errorf("clone: usage of %q: it is in no project: %w", dir, unix.ENOENT)
	}
	return Usage{Bytes: q.used * quotaBlock, Limit: q.hard * quotaBlock}, nil
}

// pickProject returns the project of a folder, or a number that is free.
func pickProject(fd int) (uint32, error) {
	var x fsxattr
	if err := ioctl(fd, ioctlGetXattr, unsafe.Pointer(&x)); err != nil {
		return 0, fmt.Errorf("project of folder: %w", err)
	}
	if x.project != 0 && x.flags&projectInherit != 0 {
		return x.project, nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, err
	}
	id := uint32(st.Ino^st.Ino>>32)&0x7fffffff | 1<<30
	for {
		var q diskQuota
		err := quotactl(fd, quotaGet, id, &q)
		if errors.Is(err, unix.ENOENT) || err == nil && q.inodes == 0 {
			return id, nil
		}
		if err != nil {
			return 0, err
		}
		id++
	}
}

// enrol puts files and folders into a project. Others hold nothing.
func enrol(ctx context.Context, dir *os.File, project uint32, depth int) error {
	if depth > maxDepth {
		return unix.ENAMETOOLONG
	}
	if err := setProject(int(dir.Fd()), project, projectInherit); err != nil {
		return err
	}
	for {
		entries, err := dir.ReadDir(512)
		for _, e := range entries {
			if err := enrolEntry(ctx, int(dir.Fd()), e, project, depth); err != nil {
				return fmt.Errorf("%q: %w", e.Name(), err)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func enrolEntry(ctx context.Context, parent int, e os.DirEntry, project uint32, depth int) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case e.IsDir():
		return enrolFolder(ctx, parent, e.Name(), project, depth+1)
	case e.Type().IsRegular():
		return enrolFile(parent, e.Name(), project)
	}
	return nil
}

func enrolFolder(ctx context.Context, parent int, name string, project uint32, depth int) error {
	sub, err := openFolderAt(parent, name)
	if err != nil {
		return err
	}
	defer sub.Close()
	return enrol(ctx, sub, project, depth)
}

func enrolFile(parent int, name string, project uint32) error {
	fd, err := unix.Openat(parent, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return setProject(fd, project, 0)
}

func setProject(fd int, project, flags uint32) error {
	var x fsxattr
	if err := ioctl(fd, ioctlGetXattr, unsafe.Pointer(&x)); err != nil {
		return err
	}
	x.project, x.flags = project, x.flags|flags
	return ioctl(fd, ioctlSetXattr, unsafe.Pointer(&x))
}
