package nfsd

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// entry is one that the kernel lists.
type entry struct {
	inode, cookie uint64
	name          string
}

// readDir is procedure 16.
func (k *call) readDir() {
	l := listing{fh: k.in.opaque(maxHandle), cookie: k.in.uint64()}
	k.in.fixed(8) // cookies are good for ever
	l.replyLimit = k.in.uint32()
	l.nameLimit = l.replyLimit
	k.list(l)
}

// readDirPlus is procedure 17.
func (k *call) readDirPlus() {
	l := listing{fh: k.in.opaque(maxHandle), cookie: k.in.uint64(), plus: true}
	k.in.fixed(8)
	l.nameLimit, l.replyLimit = k.in.uint32(), k.in.uint32()
	k.list(l)
}

// listing is what READDIR and READDIRPLUS ask.
type listing struct {
	fh                    []byte
	cookie                uint64
	nameLimit, replyLimit uint32 // bytes: of names with their cookies, and of all
	plus                  bool
}

// A directory's reply is held to what its pool lends.
const maxListing = middleBuffer - replyHeader - 128

// What the ends of a listing take: status and attributes, verifier, no more
// entries, end of directory.
const listingFrame = 4 + 4 + sizeOfAttr + 8 + 4 + 4

func (k *call) list(l listing) {
	dir := k.file(l.fh, 1)
	if dir == nil {
		return
	}
	defer k.done(dir)
	if !k.room(middleBuffer - len(k.out.b)) {
		k.fail(unix.EAGAIN, 1)
		return
	}
	st, err := dir.stat()
	if err == nil && !isDirectory(&st) {
		err = unix.ENOTDIR
	}
	if err == nil {
		k.begin(statusOK)
		k.out.bool(true)
		k.out.attr(&st, dir.export.fsid)
		k.out.uint64(0) // verifier
		err = k.as(dir.export, func() error { return k.listAs(dir, &st, l) })
	}
	if err != nil {
		k.out.b = k.out.b[:replyHeader]
		k.begin(k.statusOf(err))
		k.postAttr(dir)
	}
}

// listAs lists with the caller's rights.
func (k *call) listAs(dir *node, st *unix.Stat_t, l listing) error {
	fd, err := unix.Openat(dir.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if l.cookie != 0 {
		if _, err := unix.Seek(fd, int64(l.cookie), 0); err != nil {
			return refusal(statusBadCookie)
		}
	}
	reply := listReply{k: k, dir: dir, self: st, fd: fd, listing: l}
	reply.limit = len(k.out.b) + int(min(l.replyLimit, maxListing)) - listingFrame
	end, err := entries(fd, reply.add)
	switch {
	case err != nil:
		return err
	case reply.count == 0 && !end:
		return refusal(statusTooSmall)
	}
	k.out.bool(false)
	k.out.bool(end)
	return nil
}

// entries calls add for what a directory holds, from where fd is, until add says
// that it has enough. It reports whether that was all.
func entries(fd int, add func(entry) bool) (end bool, err error) {
	var buf [8192]byte
	for {
		n, err := unix.Getdents(fd, buf[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return err == nil, err
		}
		for b := buf[:n]; len(b) > 0; {
			e, size := parseEntry(b)
			if !add(e) {
				return false, nil
			}
			b = b[size:]
		}
	}
}

const offsetOfName = int(unsafe.Offsetof(unix.Dirent{}.Name))

// parseEntry takes struct linux_dirent64 apart.
func parseEntry(b []byte) (e entry, size int) {
	e.inode, e.cookie = binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint64(b[8:])
	size = int(binary.NativeEndian.Uint16(b[16:]))
	name := b[offsetOfName:size]
	if i := bytes.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	e.name = string(name)
	return e, size
}

// listReply is the entries of a reply.
type listReply struct {
	listing
	k     *call
	dir   *node
	self  *unix.Stat_t
	fd    int
	limit int // of the reply's length
	names int // bytes
	count int
}

// add appends an entry, unless it does not fit any more.
func (r *listReply) add(e entry) bool {
	start := len(r.k.out.b)
	if e.name == "." || e.name == ".." && r.dir.isRoot(r.k.e.seal) { // beyond the root is nothing
		e.inode = r.self.Ino
	}
	out := &r.k.out
	out.bool(true)
	out.uint64(e.inode)
	out.string(e.name)
	out.uint64(e.cookie)
	r.names += len(out.b) - start
	if r.plus {
		r.more(e.name)
	}
	if len(out.b) > r.limit || r.plus && r.count > 0 && uint32(r.names) > r.nameLimit {
		out.b = out.b[:start]
		return false
	}
	r.count++
	return true
}

// more appends the attributes and the handle of a name, if there are any.
func (r *listReply) more(name string) {
	fd := -1
	var err error
	if name != ".." {
		fd, err = unix.Openat(r.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	}
	if err != nil || fd < 0 {
		r.k.out.zeros(2)
		return
	}
	defer unix.Close(fd)
	var raw rawHandle
	st, err := fstat(fd)
	mount, errHandle := rawHandleOf(fd, "", &raw)
	if err != nil || errHandle != nil || mount != r.dir.mount {
		r.k.out.zeros(2)
		return
	}
	r.k.out.bool(true)
	r.k.out.attr(&st, r.dir.export.fsid)
	h := r.dir.handle
	h.kind, h.file = uint8(raw.kind), raw.bytes()
	wire := h.body(make([]byte, 0, maxHandle))
	mac := r.k.e.seal.mac(wire, r.dir.export.Path)
	r.k.out.bool(true)
	r.k.out.opaque(append(wire, mac[:]...))
}
