package tree

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// ErrNotRegular is the error for a link, a directory, a FIFO, a device or a
// socket in the place of a file.
var ErrNotRegular = errors.New("not a regular file")

// ErrTooLarge is the error for a file above the bound of its reader.
var ErrTooLarge = errors.New("file is too large")

// DefaultLimit is how much ReadFile takes when its limit is 0, in bytes: far
// above any file of configuration.
const DefaultLimit = 4 << 20

// ReadFile returns the content of a regular file of at most limit bytes; 0
// means [DefaultLimit]. The name itself must not be a link.
func ReadFile(root *os.Root, name string, limit int64) ([]byte, error) {
	if limit == 0 {
		limit = DefaultLimit
	}
	f, err := open(root, name)
	if err != nil {
		return nil, wrap("read", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = ErrTooLarge
	}
	if err != nil {
		return nil, wrap("read", name, err)
	}
	return data, nil
}

// A File is what [WriteFile] writes.
type File struct {
	Data []byte
	Mode fs.FileMode // permission bits; 0 means 0644
	// KeepOwner gives the new file the owner, group and mode of the regular file
	// that it replaces, if there is one.
	KeepOwner bool
}

// WriteFile puts a file at name, in one step: a reader sees the old file or the
// new one. Directories that lack are made, 0755. Whatever is at the name, be it
// a link, a FIFO or a socket, is replaced, except for a directory, which is an
// error. A file that is the same already is left alone. Nothing is synced to
// disk.
func WriteFile(root *os.Root, name string, f File) error {
	if f.Mode == 0 {
		f.Mode = 0o644
	}
	dir, err := openParent(root, name)
	if err != nil {
		return wrap("write", name, err)
	}
	defer dir.Close()
	base := path.Base(name)
	old, err := dir.Lstat(base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return wrap("write", name, err)
	case old.IsDir():
		return wrap("write", name, errors.New("a directory is in its place"))
	case !old.Mode().IsRegular():
		old = nil
	}
	if old != nil && f.KeepOwner {
		f.Mode = old.Mode() & modeBits
	}
	if old != nil && old.Mode()&modeBits == f.Mode && links(old) == 1 && (f.KeepOwner || ours(old)) && same(dir, base, old, f.Data) {
		return nil
	}
	if !f.KeepOwner {
		old = nil
	}
	return wrap("write", name, replace(dir, base, f, old))
}

const modeBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

func same(dir *os.Root, base string, old fs.FileInfo, data []byte) bool {
	if old.Size() != int64(len(data)) {
		return false
	}
	got, err := ReadFile(dir, base, int64(len(data))+1)
	return err == nil && string(got) == string(data)
}

// replace writes a new file beside base and renames it over that.
func replace(dir *os.Root, base string, f File, owner fs.FileInfo) (err error) {
	temp := TempName(base)
	out, err := dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, dir.Remove(temp))
		}
	}()
	_, err = out.Write(f.Data)
	if err == nil && owner != nil {
		err = chownLike(out, owner)
	}
	if err == nil {
		err = out.Chmod(f.Mode) // after chown, which clears setuid
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return dir.Rename(temp, base)
}

// Symlink puts a symbolic link at name, in one step, as [WriteFile] does with a
// file.
func Symlink(root *os.Root, target, name string) error {
	dir, err := openParent(root, name)
	if err != nil {
		return wrap("link", name, err)
	}
	defer dir.Close()
	base := path.Base(name)
	if old, err := dir.Lstat(base); err == nil {
		if old.IsDir() {
			return wrap("link", name, errors.New("a directory is in its place"))
		}
		if have, err := dir.Readlink(base); err == nil && have == target {
			return nil
		}
	}
	temp := TempName(base)
	if err := dir.Symlink(target, temp); err != nil {
		return wrap("link", name, err)
	}
	if err := dir.Rename(temp, base); err != nil {
		return wrap("link", name, errors.Join(err, dir.Remove(temp)))
	}
	return nil
}

// Mkdir makes a directory, and those above it, of the mode given. One that is
// there gets the mode. A link in its place is an error.
func Mkdir(root *os.Root, name string, mode fs.FileMode) error {
	dir, err := openParent(root, name)
	if err != nil {
		return wrap("mkdir", name, err)
	}
	defer dir.Close()
	base := path.Base(name)
	if err := dir.Mkdir(base, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return wrap("mkdir", name, err)
	}
	fi, err := dir.Lstat(base)
	switch {
	case err != nil:
		return wrap("mkdir", name, err)
	case !fi.IsDir():
		return wrap("mkdir", name, errors.New("something else is in its place"))
	case fi.Mode()&modeBits == mode:
		return nil
	}
	return wrap("mkdir", name, dir.Chmod(base, mode))
}

// openParent opens the directory that name is in, and makes it if it lacks.
func openParent(root *os.Root, name string) (*os.Root, error) {
	if !fs.ValidPath(name) || name == "." {
		return nil, fs.ErrInvalid
	}
	dir := path.Dir(name)
	parent, err := root.OpenRoot(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return parent, err
	}
	if err := mkdirAll(root, dir); err != nil {
		return nil, err
	}
	return root.OpenRoot(dir)
}

// mkdirAll is [os.Root.MkdirAll] whatever the umask is.
func mkdirAll(root *os.Root, dir string) error {
	at := ""
	for part := range strings.SplitSeq(dir, "/") {
		at = path.Join(at, part)
		err := root.Mkdir(at, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = root.Chmod(at, 0o755)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TempName returns a name in the same directory that nobody else chooses. Its dot
// keeps it from being read by programs that read all of a directory.
func TempName(base string) string {
	return "." + base[:min(len(base), 200)] + "." + rand.Text()[:12]
}

// wrap says what was done to which file, without the path of the tree: errors
// of package os name the file by its last part only.
func wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %q: %w", op, name, cause(err))
}

func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}
