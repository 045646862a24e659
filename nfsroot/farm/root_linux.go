package farm

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/mythic-beasts/hostkit/nfsroot/clone"
	"golang.org/x/sys/unix"
)

// tempPrefix begins names of files that are not finished.
const tempPrefix = ".push-"

// rootDir is an open root of a running Pi, which has every right in it and may
// change it at any moment. So every path is resolved by the kernel at once, from
// the root, without links and mounts (openat2(2)); files are made, compared and
// replaced in the open folder that was found; and nothing is opened before it was
// seen to be a plain file.
type rootDir struct{ f *os.File }

// openRoot opens a root, which must be the one with the handle: a Pi that was
// served more than its root may have put something else there.
func openRoot(path, handle string) (*rootDir, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	got, err := handleOfFD(fd)
	if err == nil && got != handle {
		err = fmt.Errorf("%q is not the root that was put there: %w", path, ErrUnsafePath)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &rootDir{os.NewFile(uintptr(fd), path)}, nil
}

func (r *rootDir) close() { r.f.Close() }

func openBelow(dir *os.File, rel string) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	for {
		fd, err := unix.Openat2(int(dir.Fd()), rel, &how)
		if err == nil {
			return os.NewFile(uintptr(fd), rel), nil
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) { // a rename came between
			return nil, &os.PathError{Op: "open", Path: rel, Err: err}
		}
	}
}

// notFolder reports whether there is something else than a folder at a path that
// could not be opened.
func notFolder(err error) bool {
	return errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EXDEV)
}

// folder opens a folder below the root, which it makes if it is not there. Below
// target, what is no folder makes room for one.
func (r *rootDir) folder(rel, target string, s *stage, o owner) (*os.File, error) {
	dir, err := openBelow(r.f, rel)
	if err == nil || !errors.Is(err, unix.ENOENT) && !notFolder(err) {
		return dir, err
	}
	parent := r.f
	if up := path.Dir(rel); up != "." {
		if parent, err = r.folder(up, target, s, o); err != nil {
			return nil, err
		}
		defer parent.Close()
	}
	name := path.Base(rel)
	dir, err = openBelow(parent, name)
	switch {
	case err == nil || !errors.Is(err, unix.ENOENT) && !notFolder(err):
		return dir, err
	case notFolder(err) && !strings.HasPrefix(rel, target+"/"):
		return nil, fmt.Errorf("%q is no folder: %w", rel, ErrUnsafePath)
	case notFolder(err):
		if err := unix.Unlinkat(int(parent.Fd()), name, 0); err != nil {
			return nil, &os.PathError{Op: "replace", Path: rel, Err: err}
		}
	}
	if err := unix.Mkdirat(int(parent.Fd()), name, 0o700); err != nil {
		return nil, &os.PathError{Op: "mkdir", Path: rel, Err: err}
	}
	if dir, err = openBelow(parent, name); err != nil {
		return nil, err
	}
	if err := errors.Join(dir.Chown(o.uid, o.gid), dir.Chmod(s.mode)); err != nil {
		dir.Close()
		return nil, fmt.Errorf("own %q: %w", rel, err)
	}
	return dir, nil
}

type owner struct{ uid, gid int }

// put makes the files of the stage be there.
func (r *rootDir) put(ctx context.Context, target string, s *stage, before *pushedTree, o PushOptions, rep *PiReport) error {
	now, own := s.merge(before), owner{o.UID, o.GID}
	for _, rel := range append([]string{"."}, s.dirs...) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		dir, err := r.folder(path.Join(target, rel), target, s, own)
		if err != nil {
			return err
		}
		err = extras(dir, rel, now, rep)
		for _, file := range s.inDir[rel] {
			if err != nil {
				break
			}
			if err = putFile(ctx, dir, file, own, before, rep); err != nil {
				err = fmt.Errorf("%q: %w", path.Join(target, file.path), err)
			}
		}
		dir.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// extras reports what others put into a folder, and removes what a push left
// there that was killed: the lock says that no other one is at work.
func extras(dir *os.File, rel string, t *pushedTree, rep *PiReport) error {
	for {
		names, err := dir.Readdirnames(512)
		for _, name := range names {
			at := path.Join(rel, name)
			_, known := t.Files[at]
			switch {
			case strings.HasPrefix(name, tempPrefix):
				if err := unix.Unlinkat(int(dir.Fd()), name, 0); err != nil && !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.ENOENT) {
					return &os.PathError{Op: "remove", Path: at, Err: err}
				}
			case known || slices.Contains(t.Dirs, at):
			case len(rep.Extra) < MaxExtra:
				rep.Extra = append(rep.Extra, at)
			default:
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read folder %q: %w", rel, err)
		}
	}
}

func putFile(ctx context.Context, dir *os.File, file stagedFile, own owner, before *pushedTree, rep *PiReport) error {
	name := path.Base(file.path)
	staged, err := os.Open(file.at)
	if err != nil {
		return err
	}
	defer staged.Close()
	is, err := lookAt(dir, name, staged, file, own)
	if err != nil {
		return err
	}
	sum, ours := before.Files[file.path]
	switch {
	case is == as:
		rep.Unchanged++
		return nil
	case is == missing && ours:
		rep.Missing = append(rep.Missing, file.path)
	case sum == file.sum:
		rep.Changed = append(rep.Changed, file.path)
	}
	if err := replace(ctx, dir, name, staged, file, own); err != nil {
		return err
	}
	rep.Written = append(rep.Written, file.path)
	return nil
}

// openPlain opens what is a plain file, and returns nil for anything else. A
// device or FIFO is not opened: that alone may do something.
func openPlain(dir *os.File, name string) (*os.File, *unix.Stat_t, error) {
	handle, err := unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer unix.Close(handle)
	var st unix.Stat_t
	if err := unix.Fstat(handle, &st); err != nil {
		return nil, nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, &st, nil
	}
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", handle))
	return f, &st, err
}

type verdict int

const (
	as verdict = iota // as it was pushed, or should be
	changed
	missing
)

const compareSize = 64 << 10

// comparing keeps the buffers of [lookAt]: a shelf of Pis would have the system
// clear tens of megabytes for one push.
var comparing = sync.Pool{New: func() any { return new([2][compareSize]byte) }}

// lookAt compares a file with the staged one. A file that has other names is not
// ours, and counts as changed.
func lookAt(dir *os.File, name string, staged *os.File, file stagedFile, own owner) (verdict, error) {
	f, st, err := openPlain(dir, name)
	switch {
	case err != nil:
		return 0, err
	case st == nil:
		return missing, nil
	case f == nil:
		return changed, nil
	}
	defer f.Close()
	if st.Size != file.size || st.Nlink != 1 || int(st.Uid) != own.uid || int(st.Gid) != own.gid ||
		fs.FileMode(st.Mode&0o7777) != file.mode {
		return changed, nil
	}
	bufs := comparing.Get().(*[2][compareSize]byte)
	defer comparing.Put(bufs)
	a, b := bufs[0][:], bufs[1][:]
	for at := int64(0); at < file.size; {
		n := int(min(compareSize, file.size-at))
		if _, err := staged.ReadAt(a[:n], at); err != nil {
			return 0, err
		}
		if _, err := f.ReadAt(b[:n], at); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if !bytes.Equal(a[:n], b[:n]) {
			return changed, nil
		}
		at += int64(n)
	}
	return as, nil
}

// ownFile sets owner and mode, if they are not so: each costs a transaction.
func ownFile(fd int, mode fs.FileMode, own owner) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if int(st.Uid) != own.uid || int(st.Gid) != own.gid {
		if err := unix.Fchown(fd, own.uid, own.gid); err != nil {
			return err
		}
	}
	if fs.FileMode(st.Mode&0o7777) != mode {
		return unix.Fchmod(fd, uint32(mode))
	}
	return nil
}

// replace makes a file beside the name and renames it.
func replace(ctx context.Context, dir *os.File, name string, staged *os.File, file stagedFile, own owner) (err error) {
	temp, d := tempPrefix+rand.Text(), int(dir.Fd())
	fd, err := unix.Openat(d, temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(file.mode))
	if err != nil {
		return fmt.Errorf("make a file: %w", err)
	}
	out := os.NewFile(uintptr(fd), name)
	defer out.Close()
	defer func() {
		if err != nil {
			unix.Unlinkat(d, temp, 0) //nolint:errcheck // the next push removes it
		}
	}()
	shared, err := clone.File(ctx, out, staged)
	if err != nil {
		return err
	}
	if err := ownFile(fd, file.mode, own); err != nil {
		return fmt.Errorf("own the file: %w", err)
	}
	if !shared { // else a crash could leave the new name without the content
		if err := out.Sync(); err != nil {
			return err
		}
	}
	if err := unix.Renameat(d, temp, d, name); err != nil {
		return fmt.Errorf("replace: %w", err)
	}
	return nil
}
