package nfsd

import (
	"math"

	"golang.org/x/sys/unix"
)

// Types of files (RFC 1813 section 2.6).
const (
	typeRegular = 1 + iota
	typeDirectory
	typeBlock
	typeCharacter
	typeSymlink
	typeSocket
	typeFIFO
)

func fileType(mode uint32) uint32 {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return typeDirectory
	case unix.S_IFBLK:
		return typeBlock
	case unix.S_IFCHR:
		return typeCharacter
	case unix.S_IFLNK:
		return typeSymlink
	case unix.S_IFSOCK:
		return typeSocket
	case unix.S_IFIFO:
		return typeFIFO
	}
	return typeRegular
}

func isRegular(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFREG }

func isDirectory(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFDIR }

// sizeOfAttr is that of fattr3 in bytes.
const sizeOfAttr = 84

// attr is fattr3.
func (e *encoder) attr(st *unix.Stat_t, fsid uint64) {
	e.uint32(fileType(st.Mode))
	e.uint32(st.Mode & 0o7777)
	e.uint32(uint32(min(uint64(st.Nlink), math.MaxUint32))) //nolint:unconvert // narrower on some
	e.uint32(st.Uid)
	e.uint32(st.Gid)
	e.uint64(uint64(st.Size))
	e.uint64(uint64(st.Blocks) * 512)
	e.uint32(unix.Major(uint64(st.Rdev))) //nolint:unconvert // narrower on some
	e.uint32(unix.Minor(uint64(st.Rdev))) //nolint:unconvert // narrower on some
	e.uint64(fsid)
	e.uint64(st.Ino)
	e.time(st.Atim)
	e.time(st.Mtim)
	e.time(st.Ctim)
}

func (e *encoder) time(t unix.Timespec) {
	e.uint32(uint32(min(max(int64(t.Sec), 0), math.MaxUint32))) //nolint:unconvert // narrower on some
	e.uint32(uint32(t.Nsec))
}

// postAttr is post_op_attr: that of a file as it is now, if it is there.
func (k *call) postAttr(n *node) {
	st, err := n.stat()
	k.out.bool(err == nil)
	if err == nil {
		k.out.attr(&st, n.export.fsid)
	}
}

// wcc is what was before and what is now; before is nil if that is not known.
func (k *call) wcc(before *unix.Stat_t, n *node) {
	k.out.bool(before != nil)
	if before != nil {
		k.out.uint64(uint64(before.Size))
		k.out.time(before.Mtim)
		k.out.time(before.Ctim)
	}
	k.postAttr(n)
}

// newAttr is sattr3: what is to be set.
type newAttr struct {
	mode, uid, gid *uint32
	size           *uint64
	atime, mtime   unix.Timespec // Nsec may be UTIME_OMIT and UTIME_NOW
}

func (d *decoder) newAttr() (a newAttr) {
	for _, v := range []**uint32{&a.mode, &a.uid, &a.gid} {
		if d.bool() {
			n := d.uint32()
			*v = &n
		}
	}
	if d.bool() {
		n := d.uint64()
		a.size = &n
	}
	a.atime, a.mtime = d.newTime(), d.newTime()
	return a
}

func (d *decoder) newTime() unix.Timespec {
	switch d.uint32() {
	case 0:
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	case 1:
		return unix.Timespec{Nsec: unix.UTIME_NOW}
	case 2:
		sec, nsec := d.uint32(), d.uint32()
		if nsec >= 1e9 {
			d.bad = true
		}
		return timespec(sec, nsec)
	}
	d.bad = true
	return unix.Timespec{}
}

func timespec(sec, nsec uint32) unix.Timespec {
	t := unix.NsecToTimespec(int64(nsec))
	addSeconds(&t.Sec, sec)
	return t
}

// addSeconds is for a field that is 32 bits wide on some systems.
func addSeconds[T int32 | int64](sec *T, n uint32) { *sec += T(n) }

func (a newAttr) setsTimes() bool {
	return a.atime.Nsec != unix.UTIME_OMIT || a.mtime.Nsec != unix.UTIME_OMIT
}

// apply sets all but the size, with the rights of the thread, in an order that
// lets chown take setuid off and chmod put it on.
func (a newAttr) apply(fd int, st *unix.Stat_t) error {
	if a.uid != nil || a.gid != nil {
		if err := unix.Fchownat(fd, "", orKeep(a.uid), orKeep(a.gid), unix.AT_EMPTY_PATH); err != nil {
			return err
		}
	}
	if a.mode != nil && st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Fchmodat(unix.AT_FDCWD, ofDescriptor(fd), *a.mode&0o7777, 0); err != nil {
			return err
		}
	}
	if a.setsTimes() {
		return unix.UtimesNanoAt(fd, "", []unix.Timespec{a.atime, a.mtime}, unix.AT_EMPTY_PATH)
	}
	return nil
}

// orKeep is what chown takes: -1 leaves as it is.
func orKeep(id *uint32) int {
	if id == nil {
		return -1
	}
	return int(*id)
}
