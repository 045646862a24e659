package clone

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// place is where a clone is or will be: a name in an open folder.
type place struct {
	parent *os.File
	name   string
	path   string
}

func openPlace(path string) (*place, error) {
	if err := checkName(path); err != nil {
		return nil, err
	}
	parent, err := openFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	return &place{parent: parent, name: filepath.Base(path), path: path}, nil
}

func (p *place) close() { p.parent.Close() }

func (p *place) fd() int { return int(p.parent.Fd()) }

// vacant returns an error when there is something at the place.
func (p *place) vacant() error {
	var st unix.Stat_t
	err := unix.Fstatat(p.fd(), p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err == nil:
		err = fs.ErrExist
	}
	return &os.PathError{Op: "create", Path: p.path, Err: err}
}

// folder returns an error when there is no folder at the place.
func (p *place) folder() error {
	var st unix.Stat_t
	err := unix.Fstatat(p.fd(), p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if err != nil {
		return &os.PathError{Op: "stat", Path: p.path, Err: err}
	}
	return nil
}

func tempName(suffix string) string { return tempPrefix + rand.Text() + suffix }

// make fills a new folder, made by mkdir, and gives it the place's name. When
// that fails, nothing is left.
func (p *place) make(ctx context.Context, mkdir func(parent int, name string) error, fill func(dir *os.File) error) (err error) {
	if err := p.vacant(); err != nil {
		return err
	}
	temp, dir, err := p.temp(mkdir)
	if err != nil {
		return fmt.Errorf("make a folder beside %q: %w", p.path, err)
	}
	defer dir.Close()
	defer func() {
		if err != nil {
			err = errors.Join(err, removeEntry(context.WithoutCancel(ctx), p.fd(), temp))
		}
	}()
	if err := fill(dir); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := unix.Renameat2(p.fd(), temp, p.fd(), p.name, unix.RENAME_NOREPLACE); err != nil {
		return &os.LinkError{Op: "rename", Old: temp, New: p.path, Err: err}
	}
	return p.parent.Sync()
}

// temp makes a folder beside the place and locks it, so that Sweep leaves it
// alone. A Sweep that came before the lock has removed it, and it is made again.
func (p *place) temp(mkdir func(parent int, name string) error) (string, *os.File, error) {
	for {
		name := tempName(".part")
		if err := mkdir(p.fd(), name); err != nil {
			return "", nil, err
		}
		dir, err := openFolderAt(p.fd(), name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", nil, errors.Join(err, removeEntry(context.Background(), p.fd(), name))
		}
		var st unix.Stat_t
		err = errors.Join(unix.Flock(int(dir.Fd()), unix.LOCK_EX), unix.Fstat(int(dir.Fd()), &st))
		if err == nil && st.Nlink > 0 {
			return name, dir, nil
		}
		dir.Close()
		if err != nil {
			return "", nil, errors.Join(err, removeEntry(context.Background(), p.fd(), name))
		}
	}
}

// workFolder makes a folder in dir for a trial.
func workFolder(dir string) (path string, remove func() error, err error) {
	parent, err := openFolder(dir)
	if err != nil {
		return "", nil, err
	}
	p := &place{parent: parent, path: dir}
	name, locked, err := p.temp(mkdirPrivate)
	if err != nil {
		parent.Close()
		return "", nil, err
	}
	return filepath.Join(dir, name), func() error {
		err := removeEntry(context.Background(), p.fd(), name)
		locked.Close()
		parent.Close()
		return err
	}, nil
}

func mkdirPrivate(parent int, name string) error { return unix.Mkdirat(parent, name, 0o700) }

// openFolder opens a folder whose path is the caller's.
func openFolder(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return newDir(fd), nil
}

// openFolderAt opens a folder in another one: neither a link to one, nor one on
// which something is mounted.
func openFolderAt(parent int, name string) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC | unix.O_NOFOLLOW,
		Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV | unix.RESOLVE_BENEATH,
	}
	fd, err := unix.Openat2(parent, name, &how)
	if errors.Is(err, unix.EXDEV) {
		err = ErrMounted
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return newDir(fd), nil
}

// newDir names the file so that reading the folder works on filesystems that do
// not tell the types of entries, where package os asks for each by name.
func newDir(fd int) *os.File { return os.NewFile(uintptr(fd), fmt.Sprintf("/proc/self/fd/%d", fd)) }

// checkMounts returns an error when something is mounted below path, or at it
// when that is asked for too.
func checkMounts(path string, at bool) error {
	abs, err := resolved(path)
	if err != nil {
		return err
	}
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("look for mounts: %w", err)
	}
	if mount := mountBelow(string(info), abs, at); mount != "" {
		return fmt.Errorf("%q: %w: %q", path, ErrMounted, mount)
	}
	return nil
}

func resolved(path string) (string, error) {
	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Abs(filepath.Join(parent, filepath.Base(path)))
}

// mountBelow finds a mount in the text of proc_pid_mountinfo(5).
func mountBelow(info, path string, at bool) string {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(info) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		point := unescape.Replace(fields[4])
		if within(path, point) && (at || point != path) {
			return point
		}
	}
	return ""
}
