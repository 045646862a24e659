package nfsd

import (
	"strings"

	"golang.org/x/sys/unix"
)

const maxName = 255

// diropargs3: a directory and a name in it.
type dirName struct {
	fh   []byte
	name string
}

func (k *call) dirName() dirName {
	fh := k.in.opaque(maxHandle)
	return dirName{fh: fh, name: k.in.string(4096)}
}

// checkName refuses what is no name of a file in a directory.
func checkName(name string) error {
	switch {
	case name == "" || strings.ContainsAny(name, "/\x00"):
		return unix.EACCES
	case len(name) > maxName:
		return unix.ENAMETOOLONG
	}
	return nil
}

// checkNewName is for names that are made, changed or removed.
func checkNewName(name string) error {
	if name == "." || name == ".." {
		return unix.EEXIST
	}
	return checkName(name)
}

// lookup is procedure 3.
func (k *call) lookup() {
	d := k.dirName()
	dir := k.file(d.fh, 1)
	if dir == nil {
		return
	}
	defer k.done(dir)
	n, err := k.find(dir, d.name)
	if err != nil {
		k.begin(k.statusOf(err))
		k.postAttr(dir)
		return
	}
	defer k.done(n)
	st, err := n.stat()
	if err != nil {
		k.begin(k.statusOf(err))
		k.postAttr(dir)
		return
	}
	k.begin(statusOK)
	k.out.opaque(n.wire(make([]byte, 0, maxHandle)))
	k.out.uint32(1)
	k.out.attr(&st, n.export.fsid)
	k.postAttr(dir)
}

// find is the file of a name, "." and ".." among them.
func (k *call) find(dir *node, name string) (*node, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	switch name {
	case ".":
		return k.again(dir)
	case "..":
		if dir.isRoot(k.e.seal) { // a root is its own parent
			return k.again(dir)
		}
		return k.parent(dir)
	}
	return k.child(dir, name)
}

// again is one more use of a directory.
func (k *call) again(dir *node) (*node, error) {
	st, err := dir.stat()
	if err != nil {
		return nil, err
	}
	if !isDirectory(&st) {
		return nil, unix.ENOTDIR
	}
	return k.e.nodeOf(dir, rawOf(dir.handle))
}

func rawOf(h handle) *rawHandle {
	raw := &rawHandle{size: uint32(len(h.file)), kind: int32(h.kind)}
	copy(raw.data[:], h.file)
	return raw
}

// maxDepth is more than any path that a client can name has.
const maxDepth = 2048

// parent is the directory above, if it is below the root that dir was found in:
// whoever moves a directory out of an export must not take its client along.
func (k *call) parent(dir *node) (*node, error) {
	var first rawHandle
	err := k.as(dir.export, func() error { return climb(dir, k.e.seal, &first) })
	if err != nil {
		return nil, err
	}
	return k.e.nodeOf(dir, &first)
}

func climb(dir *node, seal *sealer, first *rawHandle) error {
	at := dir.fd
	defer func() {
		if at != dir.fd {
			unix.Close(at)
		}
	}()
	for depth := range maxDepth {
		up, err := unix.Openat(at, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if at != dir.fd {
			unix.Close(at)
		}
		at = up
		var raw rawHandle
		mount, err := rawHandleOf(at, "", &raw)
		if err != nil {
			return err
		}
		if mount != dir.mount {
			return unix.ESTALE
		}
		if depth == 0 {
			*first = raw
		}
		if rootID(seal, dir.handle.volume, raw.bytes()) == dir.handle.root {
			return nil
		}
	}
	return unix.ESTALE
}

// A change is a call that changes one directory.
type change struct {
	dir    *node
	before *unix.Stat_t
	unlock func()
}

// change opens a directory to be changed, and locks it. On an error it has
// replied.
func (k *call) change(d dirName) (*change, bool) {
	if k.in.bad {
		return nil, false
	}
	dir, err := k.open(d.fh)
	if err != nil {
		k.fail(err, 2)
		return nil, false
	}
	unlock := k.e.lock(dir)
	before, err := dir.stat()
	if err == nil {
		err = writable(dir)
	}
	if err == nil && !isDirectory(&before) {
		err = unix.ENOTDIR
	}
	if err == nil {
		err = checkNewName(d.name)
	}
	if err != nil {
		unlock()
		k.begin(k.statusOf(err))
		k.wcc(nil, dir)
		k.done(dir)
		return nil, false
	}
	return &change{dir: dir, before: &before, unlock: unlock}, true
}

// removed replies to the end of a change that makes nothing.
func (k *call) removed(c *change, err error) {
	c.unlock()
	if err == nil {
		err = k.durable(c.dir)
	}
	k.begin(k.statusOf(err))
	k.wcc(c.before, c.dir)
	k.done(c.dir)
}

// remove is procedure 12.
func (k *call) remove() { k.unlink(0) }

// rmdir is procedure 13.
func (k *call) rmdir() { k.unlink(unix.AT_REMOVEDIR) }

func (k *call) unlink(flags int) {
	d := k.dirName()
	c, ok := k.change(d)
	if !ok {
		return
	}
	forget := k.e.victim(c.dir, d.name)
	err := k.as(c.dir.export, func() error { return unix.Unlinkat(c.dir.fd, d.name, flags) })
	if err == nil {
		forget()
	}
	k.removed(c, err)
}

// victim prepares to forget the file of a name that is about to go: while it is
// kept open its space does not come back.
func (e *engine) victim(dir *node, name string) (forget func()) {
	var raw rawHandle
	if _, err := rawHandleOf(dir.fd, name, &raw); err != nil {
		return func() {}
	}
	h := dir.handle
	h.kind, h.file = uint8(raw.kind), raw.bytes()
	body := h.body(make([]byte, 0, maxHandle))
	return func() { e.files.drop(body) }
}

// rename is procedure 14.
func (k *call) rename() {
	from, to := k.dirName(), k.dirName()
	a := k.file(from.fh, 4)
	if a == nil {
		return
	}
	defer k.done(a)
	b, err := k.open(to.fh)
	if err != nil {
		k.begin(k.statusOf(err))
		k.wcc(nil, a)
		k.out.zeros(2)
		return
	}
	defer k.done(b)
	k.renameIn(a, b, from.name, to.name)
}

func (k *call) renameIn(a, b *node, from, to string) {
	unlock := k.e.lockBoth(a, b)
	beforeA, errA := a.stat()
	beforeB, errB := b.stat()
	err := firstError(errA, errB, writable(a), checkNewName(from), checkNewName(to))
	if err == nil && a.export != b.export {
		err = unix.EXDEV
	}
	if err == nil {
		forget := k.e.victim(b, to)
		err = k.as(a.export, func() error { return unix.Renameat(a.fd, from, b.fd, to) })
		if err == nil {
			forget()
		}
	}
	unlock()
	if err == nil {
		err = k.durable(a, b)
	}
	k.begin(k.statusOf(err))
	k.wcc(orNil(&beforeA, errA), a)
	k.wcc(orNil(&beforeB, errB), b)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func orNil(st *unix.Stat_t, err error) *unix.Stat_t {
	if err != nil {
		return nil
	}
	return st
}

// link is procedure 15.
func (k *call) link() {
	fh, d := k.in.opaque(maxHandle), k.dirName()
	n := k.file(fh, 3)
	if n == nil {
		return
	}
	defer k.done(n)
	dir, err := k.open(d.fh)
	if err != nil {
		k.begin(k.statusOf(err))
		k.postAttr(n)
		k.out.zeros(2)
		return
	}
	defer k.done(dir)
	unlock := k.e.lock(dir)
	before, errStat := dir.stat()
	_, errFile := n.stat()
	err = firstError(errStat, errFile, writable(dir), checkNewName(d.name))
	if err == nil && n.export != dir.export {
		err = unix.EXDEV
	}
	if err == nil {
		err = k.as(n.export, func() error {
			return unix.Linkat(unix.AT_FDCWD, ofDescriptor(n.fd), dir.fd, d.name, unix.AT_SYMLINK_FOLLOW)
		})
	}
	unlock()
	if err == nil {
		err = k.durable(dir)
	}
	k.begin(k.statusOf(err))
	k.postAttr(n)
	k.wcc(orNil(&before, errStat), dir)
}
