package nfsd

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// readLink is procedure 5.
func (k *call) readLink() {
	k.about(func(n *node) error {
		var target [4096]byte
		size, err := unix.Readlinkat(n.fd, "", target[:])
		if err != nil {
			if err == unix.ENOENT { // what the kernel says of other files
				err = unix.EINVAL
			}
			return err
		}
		k.begin(statusOK)
		k.postAttr(n)
		k.out.opaque(target[:size])
		return nil
	})
}

// read is procedure 6.
func (k *call) read() {
	fh, offset, count := k.in.opaque(maxHandle), k.in.uint64(), k.in.uint32()
	n := k.file(fh, 1)
	if n == nil {
		return
	}
	defer k.done(n)
	if err := k.readFrom(n, offset, min(count, maxCallData)); err != nil {
		k.out.b = k.out.b[:replyHeader]
		k.begin(k.statusOf(err))
		k.postAttr(n)
	}
}

// Where the data of a READ begins in its reply: status, attributes, count, end
// of file, length.
const (
	readAttr = replyHeader + 4
	readData = readAttr + 4 + sizeOfAttr + 12
)

// readFrom reads into the reply, and puts what goes before the data there later.
func (k *call) readFrom(n *node, offset uint64, count uint32) error {
	st, err := n.stat()
	if err != nil {
		return err
	}
	if err := k.mayRead(n, &st); err != nil {
		return err
	}
	fd, err := n.forReading()
	if err != nil {
		return err
	}
	if !k.room(readData + int(count) + 3) {
		return unix.EAGAIN
	}
	size := 0
	if int64(offset) >= 0 {
		size, err = preadAll(fd, k.out.b[readData:readData+int(count)], int64(offset))
		if err != nil {
			return err
		}
	}
	if st, err = n.stat(); err != nil { // after, so that it is not older than the data
		return err
	}
	k.begin(statusOK)
	k.out.bool(true)
	k.out.attr(&st, n.export.fsid)
	k.out.uint32(uint32(size))
	k.out.bool(offset+uint64(size) >= uint64(st.Size))
	k.out.uint32(uint32(size))
	k.out.b = k.out.b[:readData+size]
	k.out.pad(size)
	k.e.bytesOut.Add(uint64(size))
	return nil
}

func (k *call) mayRead(n *node, st *unix.Stat_t) error {
	switch {
	case isDirectory(st):
		return unix.EISDIR
	case !isRegular(st):
		return unix.EINVAL
	}
	return k.mayUse(n, st, unix.R_OK)
}

// preadAll reads until b is full or the file ends.
func preadAll(fd int, b []byte, offset int64) (int, error) {
	have := 0
	for have < len(b) {
		n, err := unix.Pread(fd, b[have:], offset+int64(have))
		switch {
		case err == unix.EINTR:
		case err != nil || n == 0:
			return have, unless(have > 0, err)
		default:
			have += n
		}
	}
	return have, nil
}

// How durable a WRITE is to be (RFC 1813 section 3.3.7).
const (
	unstable = iota
	dataSync
	fileSync
)

// write is procedure 7.
func (k *call) write() {
	fh, offset, count, stable := k.in.opaque(maxHandle), k.in.uint64(), k.in.uint32(), k.in.uint32()
	data := k.in.opaque(maxCallData)
	if k.in.bad || stable > fileSync || uint32(len(data)) < count {
		k.in.bad = true
		return
	}
	n := k.file(fh, 2)
	if n == nil {
		return
	}
	defer k.done(n)
	verifier := k.e.verifier.Load()
	size, err := k.writeTo(n, offset, data[:count], stable)
	k.begin(k.statusOf(err))
	k.wcc(nil, n)
	if err != nil {
		return
	}
	k.out.uint32(uint32(size))
	k.out.uint32(stable)
	k.out.uint64(verifier)
}

func (k *call) writeTo(n *node, offset uint64, data []byte, stable uint32) (int, error) {
	st, err := n.stat()
	if err != nil {
		return 0, err
	}
	switch {
	case isDirectory(&st):
		return 0, unix.EISDIR
	case !isRegular(&st):
		return 0, unix.EINVAL
	case int64(offset) < 0 || int64(offset)+int64(len(data)) < 0:
		return 0, unix.EFBIG
	}
	if err := writable(n); err != nil {
		return 0, err
	}
	if err := k.mayUse(n, &st, unix.W_OK); err != nil {
		return 0, err
	}
	fd, err := n.forWriting()
	if err != nil {
		return 0, err
	}
	size := 0
	err = k.as(n.export, func() (err error) { // so that the kernel takes setuid off
		size, err = pwriteAll(fd, data, int64(offset))
		return err
	})
	if err != nil {
		return 0, err
	}
	k.e.bytesIn.Add(uint64(size))
	switch stable {
	case dataSync:
		err = unix.Fdatasync(fd)
	case fileSync:
		err = unix.Fsync(fd)
	}
	return size, k.lost(err)
}

// unless is the error of a transfer of which nothing was done: what was done
// counts, and the next call meets the error again.
func unless(done bool, err error) error {
	if done {
		return nil
	}
	return err
}

func pwriteAll(fd int, b []byte, offset int64) (int, error) {
	have := 0
	for have < len(b) {
		n, err := unix.Pwrite(fd, b[have:], offset+int64(have))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return have, unless(have > 0, err)
		default:
			have += n
		}
	}
	return have, nil
}

// lost makes clients send again what they have not committed, as the kernel
// forgets it after it failed to write it.
func (k *call) lost(err error) error {
	if err != nil {
		k.e.newVerifier()
	}
	return err
}

// commit is procedure 21.
func (k *call) commit() {
	fh := k.in.opaque(maxHandle)
	k.in.fixed(12) // a range; all is written
	n := k.file(fh, 2)
	if n == nil {
		return
	}
	defer k.done(n)
	st, err := n.stat()
	if err == nil {
		err = k.commitOf(n, &st)
	}
	k.begin(k.statusOf(err))
	k.wcc(nil, n)
	if err == nil {
		k.out.uint64(k.e.verifier.Load()) // after: another call may have met the error
	}
}

func (k *call) commitOf(n *node, st *unix.Stat_t) error {
	if isDirectory(st) {
		return unix.EISDIR
	}
	if !isRegular(st) {
		return unix.EINVAL
	}
	fd, err := n.forReading()
	if err != nil {
		return err
	}
	return k.lost(unix.Fsync(fd))
}

// verifierTimes are the times that keep an exclusive CREATE's verifier in the
// file (RFC 1813 section 3.3.8), so that a call that comes again is known.
func verifierTimes(verifier []byte) (atime, mtime uint32) {
	const positive = 1<<31 - 1 // some file systems keep 32 bits
	return binary.BigEndian.Uint32(verifier[4:]) & positive, binary.BigEndian.Uint32(verifier) & positive
}
