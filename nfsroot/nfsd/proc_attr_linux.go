package nfsd

import (
	"cmp"

	"golang.org/x/sys/unix"
)

const maxHandle = 64

// getAttr is procedure 1.
func (k *call) getAttr() {
	fh := k.in.opaque(maxHandle)
	n := k.file(fh, 0)
	if n == nil {
		return
	}
	defer k.done(n)
	st, err := n.stat()
	if err != nil {
		k.fail(err, 0)
		return
	}
	k.begin(statusOK)
	k.out.attr(&st, n.export.fsid)
}

// setAttr is procedure 2.
func (k *call) setAttr() {
	fh, a := k.in.opaque(maxHandle), k.in.newAttr()
	guarded := k.in.bool()
	var guard unix.Timespec
	if guarded {
		sec, nsec := k.in.uint32(), k.in.uint32()
		guard = timespec(sec, nsec)
	}
	n := k.file(fh, 2)
	if n == nil {
		return
	}
	defer k.done(n)
	unlock := k.e.lock(n)
	before, err := n.stat()
	if err == nil && guarded && before.Ctim != guard {
		err = refusal(statusNotSync)
	}
	if err == nil {
		err = k.setAttrOf(n, &before, a)
	}
	unlock()
	if err == nil {
		err = k.durable(n)
	}
	k.begin(k.statusOf(err))
	k.wcc(&before, n)
}

func (k *call) setAttrOf(n *node, st *unix.Stat_t, a newAttr) error {
	if err := writable(n); err != nil {
		return err
	}
	if a.size != nil {
		if err := k.truncate(n, st, *a.size); err != nil {
			return err
		}
		if a.mtime.Nsec == unix.UTIME_NOW && a.atime.Nsec == unix.UTIME_OMIT {
			a.mtime.Nsec = unix.UTIME_OMIT // is so by now; by itself only the owner could ask for it
		}
	}
	return k.as(n.export, func() error { return a.apply(n.fd, st) })
}

func (k *call) truncate(n *node, st *unix.Stat_t, size uint64) error {
	switch {
	case isDirectory(st):
		return unix.EISDIR
	case !isRegular(st):
		return unix.EINVAL
	case int64(size) < 0:
		return unix.EFBIG
	}
	if err := k.mayUse(n, st, unix.W_OK); err != nil {
		return err
	}
	fd, err := n.forWriting()
	if err != nil {
		return err
	}
	return k.as(n.export, func() error { return unix.Ftruncate(fd, int64(size)) })
}

// mayUse asks whether the caller may read or write the data of a file. Its owner
// may in any case: the client checked when the file was opened, and the mode may
// have changed since.
func (k *call) mayUse(n *node, st *unix.Stat_t, right uint32) error {
	who := k.who(n.export)
	if who.uid == 0 || who.uid == st.Uid {
		return nil
	}
	return k.e.self.do(who, func() error {
		err := unix.Faccessat2(n.fd, "", right, unix.AT_EACCESS|unix.AT_EMPTY_PATH)
		if err != nil && right == unix.R_OK { // a program may be run by who may not read it
			return unix.Faccessat2(n.fd, "", unix.X_OK, unix.AT_EACCESS|unix.AT_EMPTY_PATH)
		}
		return err
	})
}

// durable keeps a change of a file or folder over a power loss.
func (k *call) durable(nodes ...*node) error {
	if k.e.async {
		return nil
	}
	for _, n := range nodes {
		st, err := fstat(n.fd)
		if err != nil || !isRegular(&st) && !isDirectory(&st) {
			continue // is kept with its folder
		}
		fd, err := n.forReading()
		if err == nil {
			err = syncFile(fd)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Rights of ACCESS (RFC 1813 section 3.3.4).
const (
	accessRead = 1 << iota
	accessLookup
	accessModify
	accessExtend
	accessDelete
	accessExecute
)

// access is procedure 4.
func (k *call) access() {
	fh, asked := k.in.opaque(maxHandle), k.in.uint32()
	n := k.file(fh, 1)
	if n == nil {
		return
	}
	defer k.done(n)
	st, err := n.stat()
	var granted uint32
	if err == nil {
		granted, err = k.granted(n, &st)
	}
	if err != nil {
		k.begin(k.statusOf(err))
		k.postAttr(n)
		return
	}
	k.begin(statusOK)
	k.out.uint32(1)
	k.out.attr(&st, n.export.fsid)
	k.out.uint32(granted & asked)
}

// granted is all that the caller may do.
func (k *call) granted(n *node, st *unix.Stat_t) (uint32, error) {
	r, w, x := true, true, st.Mode&0o111 != 0 || isDirectory(st) // root
	if who := k.who(n.export); who.uid != 0 {
		err := k.e.self.do(who, func() error {
			may := func(right uint32) bool {
				return unix.Faccessat2(n.fd, "", right, unix.AT_EACCESS|unix.AT_EMPTY_PATH) == nil
			}
			r, w, x = may(unix.R_OK), may(unix.W_OK), may(unix.X_OK)
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return rights(isDirectory(st), r, w && !n.export.ReadOnly, x), nil
}

func rights(directory, r, w, x bool) (granted uint32) {
	if r {
		granted |= accessRead
	}
	switch {
	case !directory && x:
		granted |= accessExecute
	case directory && x:
		granted |= accessLookup
	}
	switch {
	case !directory && w:
		granted |= accessModify | accessExtend
	case directory && w && x:
		granted |= accessModify | accessExtend | accessDelete
	}
	return granted
}

// fsStat is procedure 18.
func (k *call) fsStat() {
	k.about(func(n *node) error {
		var fs unix.Statfs_t
		if err := unix.Fstatfs(n.fd, &fs); err != nil {
			return err
		}
		k.begin(statusOK)
		k.postAttr(n)
		block := uint64(cmp.Or(fs.Frsize, fs.Bsize))
		for _, v := range []uint64{fs.Blocks * block, fs.Bfree * block, fs.Bavail * block, fs.Files, fs.Ffree, fs.Ffree} {
			k.out.uint64(v)
		}
		k.out.uint32(0) // it may change at any time
		return nil
	})
}

// fsInfo is procedure 19.
func (k *call) fsInfo() {
	k.about(func(n *node) error {
		k.begin(statusOK)
		k.postAttr(n)
		for _, v := range []uint32{maxCallData, maxCallData, 4096, maxCallData, maxCallData, 4096, 64 << 10} {
			k.out.uint32(v)
		}
		k.out.uint64(1<<63 - 1) // the largest file
		k.out.uint32(0)         // times are to
		k.out.uint32(1)         // the nanosecond
		k.out.uint32(0x1b)      // links, symlinks, the same everywhere, times can be set
		return nil
	})
}

// pathConf is procedure 20.
func (k *call) pathConf() {
	k.about(func(n *node) error {
		k.begin(statusOK)
		k.postAttr(n)
		k.out.uint32(32000) // links
		k.out.uint32(255)   // bytes of a name
		k.out.bool(true)    // a longer one is refused
		k.out.bool(true)    // chown is for root
		k.out.bool(false)   // case counts
		k.out.bool(true)    // and is kept
		return nil
	})
}

// about is what calls have in common that say something of the file system.
func (k *call) about(reply func(*node) error) {
	fh := k.in.opaque(maxHandle)
	n := k.file(fh, 1)
	if n == nil {
		return
	}
	defer k.done(n)
	if err := reply(n); err != nil {
		k.begin(k.statusOf(err))
		k.postAttr(n)
	}
}
