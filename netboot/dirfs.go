package netboot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links one name may lead through, as in Linux.
const maxLinks = 40

// Dir is the files below one directory of this machine, read-only, as a
// process that is chrooted there would see them: an absolute symbolic link, of
// which a Debian root has many, starts at the directory, and ".." stops there.
// Nothing outside is ever opened, whatever whoever can write the directory
// puts into it or moves about in it meanwhile. Only regular files and
// directories are opened: never a device, a pipe or a socket.
//
// The directory itself is looked up at each Open, so a tree that is built
// beside it and renamed into its place is served from the next file on. That
// trusts its path: for a directory that lies inside somebody else's tree,
// such as the /boot of an NFS root, open the tree and use [Dir.Sub].
type Dir struct{ dir, sub string }

var _ fs.SubFS = (*Dir)(nil)

// DirFS returns the files below dir. It fails when dir is not there or is not a
// directory.
func DirFS(dir string) (*Dir, error) {
	fi, err := os.Stat(dir)
	if err == nil && !fi.IsDir() {
		err = fmt.Errorf("%q: %w", dir, syscall.ENOTDIR)
	}
	if err != nil {
		return nil, fmt.Errorf("netboot: directory of files: %w", err)
	}
	return &Dir{dir: dir}, nil
}

// Sub returns the files below the directory dir of d, which need not exist
// yet. Symbolic links are still resolved in the whole of d, so /boot/vmlinuz
// may lead to /usr/lib.
func (d *Dir) Sub(dir string) (fs.FS, error) {
	if !fs.ValidPath(dir) {
		return nil, &fs.PathError{Op: "sub", Path: dir, Err: fs.ErrInvalid}
	}
	return &Dir{dir: d.dir, sub: path.Join(d.sub, dir)}, nil
}

// Open opens a regular file, which is then also an [io.ReaderAt], or a
// directory. Its errors name the file as the caller did, never as this machine
// does.
func (d *Dir) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	f, err := d.open(path.Join(d.sub, name), path.Base(name))
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: withoutPath(err)}
	}
	return f, nil
}

func (d *Dir) open(full, base string) (fs.File, error) {
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// Most names lead through no link, or none that os.Root refuses.
	f, err := openPlain(root, full, base)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	resolved, err := resolve(root, full)
	if err != nil {
		return nil, err
	}
	return openPlain(root, resolved, base)
}

// resolve returns name without any symbolic link in it, each resolved as if
// root were /. It only decides which file is meant: root itself refuses to
// leave the directory when a component is swapped for a link after this.
func resolve(root *os.Root, name string) (string, error) {
	pending := strings.Split(name, "/")
	var done []string
	for links := 0; len(pending) > 0; {
		part := pending[0]
		pending = pending[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = done[:max(0, len(done)-1)]
			continue
		}
		at := path.Join(path.Join(done...), part)
		fi, err := root.Lstat(at)
		if err != nil {
			return "", err
		}
		if fi.Mode().Type() != fs.ModeSymlink {
			done = append(done, part)
			continue
		}
		if links++; links > maxLinks {
			return "", syscall.ELOOP
		}
		target, err := root.Readlink(at)
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			done = nil
		}
		pending = append(strings.Split(target, "/"), pending...)
	}
	return path.Join(".", path.Join(done...)), nil
}

// wrapOpen wraps what openPlain has opened and found to be fi.
func wrapOpen(root *os.Root, f *os.File, fi fs.FileInfo, full, base string) (fs.File, error) {
	if !fi.IsDir() {
		return &dirFile{f: f, info: namedInfo{fi, base}}, nil
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	sortEntries(entries)
	for i, e := range entries {
		if fi, err := root.Lstat(path.Join(full, e.Name())); err == nil {
			entries[i] = fs.FileInfoToDirEntry(fi)
		}
	}
	return &openDir{info: namedInfo{fi, base}, entries: entries}, nil
}

// withoutPath returns the cause inside an error of package os, whose text has
// no path in it.
func withoutPath(err error) error {
	for {
		var p *fs.PathError
		var l *os.LinkError
		switch {
		case errors.As(err, &p):
			err = p.Err
		case errors.As(err, &l):
			err = l.Err
		default:
			return err
		}
	}
}

// dirFile is an open regular file that can only be read.
type dirFile struct {
	f    *os.File
	info fs.FileInfo
}

func (d *dirFile) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *dirFile) Close() error               { return d.f.Close() }

func (d *dirFile) Read(p []byte) (int, error) {
	n, err := d.f.Read(p)
	return n, withoutPath(err)
}

func (d *dirFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := d.f.ReadAt(p, off)
	return n, withoutPath(err)
}

// namedInfo is a file's description under the name it was asked for.
type namedInfo struct {
	fs.FileInfo
	name string
}

func (i namedInfo) Name() string { return i.name }
