package nfsclient

import (
	"context"
	"fmt"
)

// Handle is a file handle.
type Handle []byte

// Status is an error of a procedure (RFC 1813 section 2.6).
type Status uint32

func (s Status) Error() string { return fmt.Sprintf("nfs status %d", uint32(s)) }

// Statuses that tests ask for.
const (
	ErrPerm        Status = 1
	ErrNoEnt       Status = 2
	ErrAccess      Status = 13
	ErrExist       Status = 17
	ErrXDev        Status = 18
	ErrNotDir      Status = 20
	ErrIsDir       Status = 21
	ErrInval       Status = 22
	ErrROFS        Status = 30
	ErrNameLong    Status = 63
	ErrNotEmpty    Status = 66
	ErrStale       Status = 70
	ErrBadHandle   Status = 10001
	ErrNotSync     Status = 10002
	ErrTooSmall    Status = 10005
	ErrServerFault Status = 10006
)

// Time is nfstime3.
type Time struct{ Sec, Nsec uint32 }

// Attr is fattr3.
type Attr struct {
	Type, Mode, Nlink, UID, GID uint32
	Size, Used                  uint64
	Major, Minor                uint32
	FSID, FileID                uint64
	Atime, Mtime, Ctime         Time
}

func (d *Decoder) time() Time { return Time{d.Uint32(), d.Uint32()} }

func (d *Decoder) attr() Attr {
	return Attr{
		Type: d.Uint32(), Mode: d.Uint32(), Nlink: d.Uint32(), UID: d.Uint32(), GID: d.Uint32(),
		Size: d.Uint64(), Used: d.Uint64(), Major: d.Uint32(), Minor: d.Uint32(),
		FSID: d.Uint64(), FileID: d.Uint64(), Atime: d.time(), Mtime: d.time(), Ctime: d.time(),
	}
}

func (d *Decoder) postAttr() *Attr {
	if d.Uint32() == 0 {
		return nil
	}
	a := d.attr()
	return &a
}

// Before is what wcc data say of a file before a change.
type Before struct {
	Size         uint64
	Mtime, Ctime Time
}

// WCC is wcc_data. What is not known is nil.
type WCC struct {
	Before *Before
	After  *Attr
}

func (d *Decoder) wcc() (w WCC) {
	if d.Uint32() != 0 {
		w.Before = &Before{d.Uint64(), d.time(), d.time()}
	}
	w.After = d.postAttr()
	return w
}

// Set is sattr3. Nil leaves as it is.
type Set struct {
	Mode, UID, GID *uint32
	Size           *uint64
	Atime, Mtime   *Time
	// Touch sets both times to the server's, TouchMtime one of them.
	Touch, TouchMtime bool
}

func (e *Encoder) set(s Set) {
	for _, v := range []*uint32{s.Mode, s.UID, s.GID} {
		if v == nil {
			e.Uint32(0)
			continue
		}
		e.Uint32(1)
		e.Uint32(*v)
	}
	if s.Size != nil {
		e.Uint32(1)
		e.Uint64(*s.Size)
	} else {
		e.Uint32(0)
	}
	for i, t := range []*Time{s.Atime, s.Mtime} {
		switch {
		case s.Touch || s.TouchMtime && i == 1:
			e.Uint32(1)
		case t == nil:
			e.Uint32(0)
		default:
			e.Uint32(2)
			e.Uint32(t.Sec)
			e.Uint32(t.Nsec)
		}
	}
}

// nfs makes a call and takes its status.
func (c *Conn) nfs(ctx context.Context, proc uint32, e *Encoder) (*Decoder, error) {
	d, err := c.Call(ctx, NFS, 3, proc, e.B)
	if err != nil {
		return &d, err
	}
	if st := Status(d.Uint32()); st != 0 {
		return &d, st
	}
	return &d, d.Err()
}

func at(dir Handle, name string) *Encoder {
	var e Encoder
	e.Opaque(dir)
	e.String(name)
	return &e
}

func of(h Handle) *Encoder {
	var e Encoder
	e.Opaque(h)
	return &e
}

// Mount asks for the handle of an exported directory.
func (c *Conn) Mount(ctx context.Context, path string) (Handle, error) {
	var e Encoder
	e.String(path)
	d, err := c.Call(ctx, Mount, 3, 1, e.B)
	if err != nil {
		return nil, err
	}
	if st := Status(d.Uint32()); st != 0 {
		return nil, fmt.Errorf("mount %s: %w", path, st)
	}
	return Handle(d.Opaque()), d.Err()
}

// GetAttr is procedure 1.
func (c *Conn) GetAttr(ctx context.Context, h Handle) (Attr, error) {
	d, err := c.nfs(ctx, 1, of(h))
	if err != nil {
		return Attr{}, err
	}
	return d.attr(), d.Err()
}

// SetAttr is procedure 2. Guard is the ctime that the file must have, or nil.
func (c *Conn) SetAttr(ctx context.Context, h Handle, s Set, guard *Time) (WCC, error) {
	e := of(h)
	e.set(s)
	if guard != nil {
		e.Uint32(1)
		e.Uint32(guard.Sec)
		e.Uint32(guard.Nsec)
	} else {
		e.Uint32(0)
	}
	d, err := c.nfs(ctx, 2, e)
	return d.wcc(), err
}

// Lookup is procedure 3.
func (c *Conn) Lookup(ctx context.Context, dir Handle, name string) (Handle, *Attr, error) {
	d, err := c.nfs(ctx, 3, at(dir, name))
	if err != nil {
		return nil, nil, err
	}
	return Handle(d.Opaque()), d.postAttr(), d.Err()
}

// Access is procedure 4.
func (c *Conn) Access(ctx context.Context, h Handle, mask uint32) (uint32, error) {
	e := of(h)
	e.Uint32(mask)
	d, err := c.nfs(ctx, 4, e)
	d.postAttr()
	return d.Uint32(), err
}

// ReadLink is procedure 5.
func (c *Conn) ReadLink(ctx context.Context, h Handle) (string, error) {
	d, err := c.nfs(ctx, 5, of(h))
	d.postAttr()
	return string(d.Opaque()), err
}

// Read is procedure 6.
func (c *Conn) Read(ctx context.Context, h Handle, offset uint64, count uint32) (data []byte, eof bool, err error) {
	e := of(h)
	e.Uint64(offset)
	e.Uint32(count)
	d, err := c.nfs(ctx, 6, e)
	if err != nil {
		return nil, false, err
	}
	d.postAttr()
	d.Uint32()
	eof = d.Uint32() != 0
	return d.Opaque(), eof, d.Err()
}

// Write is procedure 7.
func (c *Conn) Write(ctx context.Context, h Handle, offset uint64, data []byte, stable uint32) (n uint32, verifier uint64, err error) {
	e := of(h)
	e.Uint64(offset)
	e.Uint32(uint32(len(data)))
	e.Uint32(stable)
	e.Opaque(data)
	d, err := c.nfs(ctx, 7, e)
	d.wcc()
	if err != nil {
		return 0, 0, err
	}
	n = d.Uint32()
	d.Uint32()
	return n, d.Uint64(), d.Err()
}

// How [Conn.Create] goes about a name that is there.
const (
	Unchecked = iota
	Guarded
	Exclusive
)

// Create is procedure 8.
func (c *Conn) Create(ctx context.Context, dir Handle, name string, how uint32, s Set, verifier uint64) (Handle, *Attr, error) {
	e := at(dir, name)
	e.Uint32(how)
	if how == Exclusive {
		e.Uint64(verifier)
	} else {
		e.set(s)
	}
	return c.made(ctx, 8, e)
}

func (c *Conn) made(ctx context.Context, proc uint32, e *Encoder) (h Handle, a *Attr, err error) {
	d, err := c.nfs(ctx, proc, e)
	if err != nil {
		return nil, nil, err
	}
	if d.Uint32() != 0 {
		h = Handle(d.Opaque())
	}
	return h, d.postAttr(), d.Err()
}

// Mkdir is procedure 9.
func (c *Conn) Mkdir(ctx context.Context, dir Handle, name string, s Set) (Handle, *Attr, error) {
	e := at(dir, name)
	e.set(s)
	return c.made(ctx, 9, e)
}

// Symlink is procedure 10.
func (c *Conn) Symlink(ctx context.Context, dir Handle, name, target string) (Handle, *Attr, error) {
	e := at(dir, name)
	e.set(Set{})
	e.String(target)
	return c.made(ctx, 10, e)
}

// Types of files.
const (
	Regular = 1 + iota
	Directory
	Block
	Character
	Link
	Socket
	FIFO
)

// Mknod is procedure 11.
func (c *Conn) Mknod(ctx context.Context, dir Handle, name string, kind uint32, s Set, major, minor uint32) (Handle, *Attr, error) {
	e := at(dir, name)
	e.Uint32(kind)
	if kind == Block || kind == Character || kind == Socket || kind == FIFO {
		e.set(s)
	}
	if kind == Block || kind == Character {
		e.Uint32(major)
		e.Uint32(minor)
	}
	return c.made(ctx, 11, e)
}

// Remove is procedure 12.
func (c *Conn) Remove(ctx context.Context, dir Handle, name string) (WCC, error) {
	d, err := c.nfs(ctx, 12, at(dir, name))
	return d.wcc(), err
}

// Rmdir is procedure 13.
func (c *Conn) Rmdir(ctx context.Context, dir Handle, name string) (WCC, error) {
	d, err := c.nfs(ctx, 13, at(dir, name))
	return d.wcc(), err
}

// Rename is procedure 14.
func (c *Conn) Rename(ctx context.Context, from Handle, name string, to Handle, newName string) error {
	e := at(from, name)
	e.B = append(e.B, at(to, newName).B...)
	_, err := c.nfs(ctx, 14, e)
	return err
}

// Link is procedure 15.
func (c *Conn) Link(ctx context.Context, h, dir Handle, name string) (*Attr, error) {
	e := of(h)
	e.B = append(e.B, at(dir, name).B...)
	d, err := c.nfs(ctx, 15, e)
	return d.postAttr(), err
}

// Entry is one of a directory. Attr and Handle are READDIRPLUS's.
type Entry struct {
	FileID, Cookie uint64
	Name           string
	Attr           *Attr
	Handle         Handle
}

// ReadDir is procedure 16, or 17 if plus, from one cookie on.
func (c *Conn) ReadDir(ctx context.Context, dir Handle, cookie, verifier uint64, limit uint32, plus bool) (list []Entry, newVerifier uint64, eof bool, err error) {
	e := of(dir)
	e.Uint64(cookie)
	e.Uint64(verifier)
	e.Uint32(limit)
	proc := uint32(16)
	if plus {
		proc = 17
		e.Uint32(limit)
	}
	d, err := c.nfs(ctx, proc, e)
	if err != nil {
		return nil, 0, false, err
	}
	d.postAttr()
	newVerifier = d.Uint64()
	for d.Uint32() != 0 {
		x := Entry{FileID: d.Uint64(), Name: string(d.Opaque()), Cookie: d.Uint64()}
		if plus {
			x.Attr = d.postAttr()
			if d.Uint32() != 0 {
				x.Handle = Handle(d.Opaque())
			}
		}
		list = append(list, x)
	}
	return list, newVerifier, d.Uint32() != 0, d.Err()
}

// FS makes one of the procedures FSSTAT (18), FSINFO (19) and PATHCONF (20), and
// returns what follows the attributes.
func (c *Conn) FS(ctx context.Context, proc uint32, h Handle) (*Decoder, error) {
	d, err := c.nfs(ctx, proc, of(h))
	d.postAttr()
	return d, err
}

// Commit is procedure 21.
func (c *Conn) Commit(ctx context.Context, h Handle) (verifier uint64, err error) {
	e := of(h)
	e.zeros(3)
	d, err := c.nfs(ctx, 21, e)
	d.wcc()
	return d.Uint64(), err
}
