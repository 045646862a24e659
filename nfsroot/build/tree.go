package build

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

type owner struct{ uid, gid int }

// inode says which names are links of one file.
type inode struct{ dev, ino, links uint64 }

// tree is a root on its way. Where a plain user builds, all files are the
// user's, and owners says whose they will be.
type tree struct {
	dir    string
	root   *os.Root
	owners map[string]owner       // nil: as the file system says; missing: root's
	modes  map[string]fs.FileMode // of files that were not readable to the user
	date   time.Time              // nothing is newer
}

func openTree(dir string, date time.Time) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &tree{dir: dir, root: root, date: date}, nil
}

// clamp is the time of a file that is no newer than the tree, to the second.
// Folders and links have the tree's, since theirs depend on how they were made.
func (t *tree) clamp(info fs.FileInfo) time.Time {
	if when := info.ModTime(); info.Mode().IsRegular() && when.Before(t.date) {
		return when.Truncate(time.Second)
	}
	return t.date
}

// settle gives a file or folder of the tree itself the time that it has in an
// archive.
func settle(e entryAt, when time.Time) error {
	if e.info.Mode().Type() == fs.ModeSymlink || e.info.ModTime().Equal(when) {
		return nil
	}
	return e.dir.Chtimes(e.base, when, when)
}

// archive writes the tree as a tar archive that is equal for equal trees, and
// counts what is in it.
func (t *tree) archive(ctx context.Context, w io.Writer) (size int64, inodes int, err error) {
	out := tar.NewWriter(w)
	a := archiver{tree: t, tar: out, links: map[inode]string{}}
	if err := walk(ctx, t.root, a.add); err != nil {
		return 0, 0, fmt.Errorf("archive %s: %w", t.dir, err)
	}
	return a.size, a.inodes, out.Close()
}

type archiver struct {
	tree   *tree
	tar    *tar.Writer
	links  map[inode]string // first names of files that have several
	size   int64
	inodes int
}

func (a *archiver) add(e entryAt) (err error) {
	name, info := e.name, e.info
	h := &tar.Header{Name: name, ModTime: a.tree.clamp(info), Mode: tarMode(info.Mode())}
	if err := settle(e, h.ModTime); err != nil {
		return err
	}
	own, node := stat(info)
	if a.tree.owners != nil {
		own = a.tree.owners[name]
	}
	h.Uid, h.Gid = own.uid, own.gid
	if m, ok := a.tree.modes[name]; ok && readable(m) == info.Mode() {
		h.Mode = tarMode(m)
	}
	switch info.Mode().Type() {
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
	case fs.ModeSymlink:
		h.Typeflag = tar.TypeSymlink
		h.Linkname, err = e.dir.Readlink(e.base)
	case 0:
		return a.addFile(h, e, node)
	default:
		return &fs.PathError{Op: "archive", Path: name, Err: fmt.Errorf("neither a file, a folder nor a link: %v", info.Mode().Type())}
	}
	if err != nil {
		return err
	}
	a.inodes++
	return a.tar.WriteHeader(h)
}

func (a *archiver) addFile(h *tar.Header, e entryAt, node inode) error {
	if node.links > 1 {
		if first, ok := a.links[node]; ok {
			h.Typeflag, h.Linkname = tar.TypeLink, first
			return a.tar.WriteHeader(h)
		}
		a.links[node] = e.name
	}
	a.inodes++
	a.size += e.info.Size()
	h.Typeflag, h.Size = tar.TypeReg, e.info.Size()
	if err := a.tar.WriteHeader(h); err != nil {
		return err
	}
	f, err := e.dir.Open(e.base)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(a.tar, f)
	return err
}

// tarMode is a mode with the bits of chmod(2).
func tarMode(m fs.FileMode) int64 {
	bits := int64(m.Perm())
	for _, b := range []struct {
		mode fs.FileMode
		bit  int64
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&b.mode != 0 {
			bits |= b.bit
		}
	}
	return bits
}
