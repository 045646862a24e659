package initramfs

import (
	"fmt"
	"io"
)

// The types of files, in the upper bits of a cpio entry's mode.
const (
	typeDir  = 0o040000
	typeFile = 0o100000
	typeChar = 0o020000
)

// entry is a file of the archive.
type entry struct {
	name         string // without a leading slash
	mode         uint32 // type and permissions
	data         []byte
	major, minor int // of a device
}

// cpioWriter writes the format newc: headers of 13 numbers in hexadecimal, and
// names and contents padded to four bytes.
type cpioWriter struct {
	w     io.Writer
	inode int
	err   error // the first
	size  int64 // bytes written
}

func (c *cpioWriter) entry(e entry) {
	c.inode++
	links := 1
	if e.mode&typeDir != 0 {
		links = 2
	}
	// inode, mode, uid, gid, links, mtime, size, device of the file (2), device
	// that it is (2), size of the name with its NUL, checksum.
	header := []int{c.inode, int(e.mode), 0, 0, links, 0, len(e.data), 0, 0, e.major, e.minor, len(e.name) + 1, 0}
	c.write([]byte("070701"))
	for _, n := range header {
		c.write(fmt.Appendf(nil, "%08x", n))
	}
	c.write(append([]byte(e.name), 0))
	c.pad()
	c.write(e.data)
	c.pad()
}

// close ends the archive.
func (c *cpioWriter) close() error {
	c.inode = -1
	c.entry(entry{name: "TRAILER!!!"})
	return c.err
}

func (c *cpioWriter) pad() {
	c.write(make([]byte, (4-c.size%4)%4))
}

func (c *cpioWriter) write(b []byte) {
	if c.err != nil {
		return
	}
	var n int
	n, c.err = c.w.Write(b)
	c.size += int64(n)
}
