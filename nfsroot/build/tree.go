package build

import (
	"archive/tar"
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
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
func (t *tree) settle(name string, info fs.FileInfo, when time.Time) error {
	if info.Mode().Type() == fs.ModeSymlink || info.ModTime().Equal(when) {
		return nil
	}
	return t.root.Chtimes(name, when, when)
}

// archive writes the tree as a tar archive that is equal for equal trees, and
// counts what is in it.
func (t *tree) archive(ctx context.Context, w io.Writer) (size int64, inodes int, err error) {
	out := tar.NewWriter(w)
	a := archiver{tree: t, tar: out, links: map[inode]string{}}
	err = fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		return a.add(name, d)
	})
	if err != nil {
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

func (a *archiver) add(name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	h := &tar.Header{Name: name, ModTime: a.tree.clamp(info), Mode: tarMode(info.Mode())}
	if err := a.tree.settle(name, info, h.ModTime); err != nil {
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
		h.Linkname, err = a.tree.root.Readlink(name)
	case 0:
		return a.addFile(h, name, info, node)
	default:
		return &fs.PathError{Op: "archive", Path: name, Err: fmt.Errorf("neither a file, a folder nor a link: %v", info.Mode().Type())}
	}
	if err != nil {
		return err
	}
	a.inodes++
	return a.tar.WriteHeader(h)
}

func (a *archiver) addFile(h *tar.Header, name string, info fs.FileInfo, node inode) error {
	if node.links > 1 {
		if first, ok := a.links[node]; ok {
			h.Typeflag, h.Linkname = tar.TypeLink, first
			return a.tar.WriteHeader(h)
		}
		a.links[node] = name
	}
	a.inodes++
	a.size += info.Size()
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if err := a.tar.WriteHeader(h); err != nil {
		return err
	}
	f, err := a.tree.root.Open(name)
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

// maxEntries and maxSize bound what is taken from an archive: far above any
// root, below what fills a server.
const (
	maxEntries = 2_000_000
	maxSize    = 64 << 30
)

// extract fills the empty tree from an archive. As root it gives the files
// their owners, else it remembers them.
func (t *tree) extract(ctx context.Context, r io.Reader) error {
	x := extractor{tree: t, root: os.Geteuid() == 0}
	if !x.root {
		t.owners, t.modes = map[string]owner{}, map[string]fs.FileMode{}
	}
	in := tar.NewReader(bufio.NewReaderSize(r, 1<<20))
	for range maxEntries {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := in.Next()
		if err == io.EOF {
			return x.settle()
		}
		if err == nil {
			err = x.add(h, in)
		}
		if err != nil {
			return fmt.Errorf("extract to %s: %w", t.dir, err)
		}
	}
	return fmt.Errorf("extract to %s: more than %d entries", t.dir, maxEntries)
}

type extractor struct {
	tree *tree
	root bool
	size int64
	dirs []*tar.Header // whose times and modes come last
}

func (x *extractor) add(h *tar.Header, r io.Reader) error {
	name := path.Clean(strings.TrimPrefix(h.Name, "./"))
	if !fs.ValidPath(name) {
		return &fs.PathError{Op: "extract", Path: h.Name, Err: fs.ErrInvalid}
	}
	h.Name = name
	var err error
	switch h.Typeflag {
	case tar.TypeDir:
		x.dirs = append(x.dirs, h)
		if name != "." {
			err = x.tree.root.Mkdir(name, 0o700)
		}
	case tar.TypeSymlink:
		err = x.tree.root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return x.tree.root.Link(path.Clean(strings.TrimPrefix(h.Linkname, "./")), name)
	case tar.TypeReg:
		err = x.file(h, r)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return nil // in /dev, which the kernel fills
	default:
		err = &fs.PathError{Op: "extract", Path: name, Err: fmt.Errorf("type %q", h.Typeflag)}
	}
	if err != nil {
		return err
	}
	return x.own(h)
}

func (x *extractor) own(h *tar.Header) error {
	if x.root {
		if err := x.tree.root.Lchown(h.Name, h.Uid, h.Gid); err != nil {
			return err
		}
	} else {
		x.tree.owners[h.Name] = owner{h.Uid, h.Gid}
	}
	if h.Typeflag == tar.TypeReg {
		return x.finish(h) // after chown(2), which clears the set-id bits
	}
	return nil
}

func (x *extractor) file(h *tar.Header, r io.Reader) error {
	if x.size += h.Size; x.size > maxSize {
		return fmt.Errorf("more than %d bytes", int64(maxSize))
	}
	f, err := x.tree.root.OpenFile(h.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, r, h.Size)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// finish gives mode and time. A plain user must be able to read all of it.
func (x *extractor) finish(h *tar.Header) error {
	mode := h.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	if h.Typeflag == tar.TypeDir {
		mode |= fs.ModeDir
	}
	if r := readable(mode); !x.root && r != mode {
		x.tree.modes[h.Name] = mode
		mode = r
	}
	if err := x.tree.root.Chmod(h.Name, mode); err != nil {
		return err
	}
	return x.tree.root.Chtimes(h.Name, h.ModTime, h.ModTime)
}

// readable is a mode that lets the owner, who is not root, read and write.
func readable(mode fs.FileMode) fs.FileMode {
	if mode.IsDir() {
		return mode | 0o700
	}
	return mode | 0o600
}

// settle finishes the folders, the innermost first.
func (x *extractor) settle() error {
	for i := len(x.dirs) - 1; i >= 0; i-- {
		if err := x.finish(x.dirs[i]); err != nil {
			return err
		}
	}
	return nil
}
