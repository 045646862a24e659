package build

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

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
	defer x.leave()
	if !x.root {
		t.owners, t.modes = map[string]owner{}, map[string]fs.FileMode{}
	}
	in := tar.NewReader(bufio.NewReaderSize(r, 1<<20))
	for range maxEntries {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
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

	// The folder that the last entry was in: most have the same.
	parent     *os.Root
	parentName string
}

// in returns the folder that an entry is in, and its name there.
func (x *extractor) in(name string) (*os.Root, string, error) {
	dir, base := path.Split(name)
	if dir == "" {
		return x.tree.root, base, nil
	}
	if x.parent != nil && dir == x.parentName {
		return x.parent, base, nil
	}
	x.leave()
	parent, err := x.tree.root.OpenRoot(path.Clean(dir))
	if err != nil {
		return nil, "", err
	}
	x.parent, x.parentName = parent, dir
	return parent, base, nil
}

func (x *extractor) leave() {
	if x.parent != nil {
		x.parent.Close()
		x.parent = nil
	}
}

func (x *extractor) add(h *tar.Header, r io.Reader) error {
	name := path.Clean(strings.TrimPrefix(h.Name, "./"))
	if !fs.ValidPath(name) {
		return &fs.PathError{Op: "extract", Path: h.Name, Err: fs.ErrInvalid}
	}
	h.Name = name
	parent, base, err := x.in(name)
	if err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		x.dirs = append(x.dirs, h)
		if name != "." {
			err = parent.Mkdir(base, 0o700)
		}
	case tar.TypeSymlink:
		err = parent.Symlink(h.Linkname, base)
	case tar.TypeLink:
		return x.link(path.Clean(strings.TrimPrefix(h.Linkname, "./")), name)
	case tar.TypeReg:
		err = x.file(parent, base, h, r)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return nil // in /dev, which the kernel fills
	default:
		err = &fs.PathError{Op: "extract", Path: name, Err: fmt.Errorf("type %q", h.Typeflag)}
	}
	if err != nil || h.Typeflag == tar.TypeReg {
		return err
	}
	if x.owned(h) {
		return nil
	}
	return parent.Lchown(base, h.Uid, h.Gid)
}

// owned reports whether a new file has its owner already, and remembers whose it
// will be when that cannot be now.
func (x *extractor) owned(h *tar.Header) bool {
	if !x.root {
		x.tree.owners[h.Name] = owner{h.Uid, h.Gid}
		return true
	}
	return h.Uid == 0 && h.Gid == 0
}

// link makes another name of a file, which is then as that.
func (x *extractor) link(first, name string) error {
	if own, ok := x.tree.owners[first]; ok {
		x.tree.owners[name] = own
	}
	if mode, ok := x.tree.modes[first]; ok {
		x.tree.modes[name] = mode
	}
	return x.tree.root.Link(first, name)
}

func (x *extractor) file(parent *os.Root, base string, h *tar.Header, r io.Reader) error {
	if x.size += h.Size; x.size > maxSize {
		return fmt.Errorf("more than %d bytes", int64(maxSize))
	}
	f, err := parent.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, r, h.Size)
	if err == nil && !x.owned(h) {
		err = f.Chown(h.Uid, h.Gid)
	}
	if err == nil {
		err = f.Chmod(x.mode(h)) // after chown(2), which clears the set-id bits
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return parent.Chtimes(base, h.ModTime, h.ModTime)
}

// mode is what a file or folder gets: a plain user must be able to read all of
// it.
func (x *extractor) mode(h *tar.Header) fs.FileMode {
	mode := h.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	if h.Typeflag == tar.TypeDir {
		mode |= fs.ModeDir
	}
	if r := readable(mode); !x.root && r != mode {
		x.tree.modes[h.Name] = mode
		mode = r
	}
	return mode
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
		name, h := x.dirs[i].Name, x.dirs[i]
		if err := x.tree.root.Chmod(name, x.mode(h)); err != nil {
			return err
		}
		if err := x.tree.root.Chtimes(name, h.ModTime, h.ModTime); err != nil {
			return err
		}
	}
	return nil
}
