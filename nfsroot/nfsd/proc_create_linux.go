package nfsd

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// How CREATE goes about a file that is there (RFC 1813 section 3.3.8).
const (
	createUnchecked = iota
	createGuarded
	createExclusive
)

// create is procedure 8.
func (k *call) create() {
	d := k.dirName()
	how := k.in.uint32()
	var a newAttr
	var verifier []byte
	switch how {
	case createUnchecked, createGuarded:
		a = k.in.newAttr()
	case createExclusive:
		verifier = k.in.fixed(8)
	default:
		k.in.bad = true
	}
	c, ok := k.change(d)
	if !ok {
		return
	}
	n, err := k.createFile(c.dir, d.name, how, a, verifier)
	k.created(c, n, err)
}

func (k *call) createFile(dir *node, name string, how uint32, a newAttr, verifier []byte) (*node, error) {
	if how == createExclusive {
		atime, mtime := verifierTimes(verifier)
		none := uint32(0) // until the client sets it
		a = newAttr{mode: &none, atime: timespec(atime, 0), mtime: timespec(mtime, 0)}
	}
	n, err := k.make(dir, name, a, func(mode uint32) error {
		fd, err := unix.Openat(dir.fd, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		if err == nil {
			unix.Close(fd)
		}
		return err
	})
	if !errors.Is(err, unix.EEXIST) || how == createGuarded {
		return n, err
	}
	return k.existing(dir, name, how, a)
}

// existing is a file that CREATE finds there.
func (k *call) existing(dir *node, name string, how uint32, a newAttr) (*node, error) {
	n, err := k.child(dir, name)
	if err != nil {
		return nil, err
	}
	st, err := n.stat()
	switch {
	case err != nil:
	case !isRegular(&st):
		err = unix.EEXIST
	case how == createExclusive:
		if st.Size != 0 || st.Atim.Sec != a.atime.Sec || st.Mtim.Sec != a.mtime.Sec {
			err = unix.EEXIST
		}
	case a.size != nil: // all else stays as it is
		err = k.truncate(n, &st, *a.size)
	}
	if err != nil {
		k.done(n)
		return nil, err
	}
	return n, nil
}

// make makes a file as the caller, and sets what it is to have. Mode is what to
// make it with; the process's umask is made up for.
func (k *call) make(dir *node, name string, a newAttr, fn func(mode uint32) error) (*node, error) {
	mode := uint32(0o644)
	if a.mode != nil {
		mode = *a.mode & 0o7777
	}
	if err := k.as(dir.export, func() error { return fn(mode) }); err != nil {
		return nil, err
	}
	n, err := k.child(dir, name)
	if err != nil {
		return nil, err
	}
	if err := k.finish(n, a); err != nil {
		k.done(n)
		return nil, err
	}
	return n, nil
}

// finish sets what the making itself did not.
func (k *call) finish(n *node, a newAttr) error {
	st, err := n.stat()
	if err != nil {
		return err
	}
	if a.mode != nil {
		mode := *a.mode&0o7777 | st.Mode&unix.S_ISGID // which a folder may hand down
		a.mode = &mode
		if st.Mode&0o7777 == mode {
			a.mode = nil
		}
	}
	if a.size != nil && *a.size != 0 && isRegular(&st) {
		if err := k.truncate(n, &st, *a.size); err != nil {
			return err
		}
	}
	if a.mode == nil && a.uid == nil && a.gid == nil && !a.setsTimes() {
		return nil
	}
	return k.as(n.export, func() error { return a.apply(n.fd, &st) })
}

// created replies to the end of a change that makes a file.
func (k *call) created(c *change, n *node, err error) {
	c.unlock()
	defer k.done(c.dir)
	if n != nil {
		defer k.done(n)
	}
	if err == nil {
		err = k.durable(n, c.dir)
	}
	k.begin(k.statusOf(err))
	if err == nil {
		k.out.bool(true)
		k.out.opaque(n.wire(make([]byte, 0, maxHandle)))
		k.postAttr(n)
	}
	k.wcc(c.before, c.dir)
}

// mkdir is procedure 9.
func (k *call) mkdir() {
	d, a := k.dirName(), k.in.newAttr()
	c, ok := k.change(d)
	if !ok {
		return
	}
	a.size = nil
	n, err := k.make(c.dir, d.name, a, func(mode uint32) error { return unix.Mkdirat(c.dir.fd, d.name, mode) })
	k.created(c, n, err)
}

// symlink is procedure 10.
func (k *call) symlink() {
	d, a := k.dirName(), k.in.newAttr()
	target := k.in.string(maxCallData)
	c, ok := k.change(d)
	if !ok {
		return
	}
	a.size, a.mode = nil, nil
	n, err := k.make(c.dir, d.name, a, func(uint32) error {
		switch {
		case len(target) >= 4096:
			return unix.ENAMETOOLONG
		case target == "" || strings.Contains(target, "\x00"):
			return unix.EINVAL
		}
		return unix.Symlinkat(target, c.dir.fd, d.name)
	})
	k.created(c, n, err)
}

// mknod is procedure 11.
func (k *call) mknod() {
	d, kind := k.dirName(), k.in.uint32()
	var a newAttr
	var major, minor uint32
	switch kind {
	case typeCharacter, typeBlock:
		a = k.in.newAttr()
		major, minor = k.in.uint32(), k.in.uint32()
	case typeSocket, typeFIFO:
		a = k.in.newAttr()
	}
	c, ok := k.change(d)
	if !ok {
		return
	}
	a.size = nil
	bits := map[uint32]uint32{typeCharacter: unix.S_IFCHR, typeBlock: unix.S_IFBLK, typeSocket: unix.S_IFSOCK, typeFIFO: unix.S_IFIFO}[kind]
	if bits == 0 {
		k.created(c, nil, refusal(statusBadType))
		return
	}
	n, err := k.make(c.dir, d.name, a, func(mode uint32) error {
		return unix.Mknodat(c.dir.fd, d.name, bits|mode, int(unix.Mkdev(major, minor)))
	})
	k.created(c, n, err)
}
