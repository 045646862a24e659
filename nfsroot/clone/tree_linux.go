package clone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// maxDepth bounds the folders that are open at the same time.
const maxDepth = 100

// tree copies a tree through open folders: names are only ever looked up in a
// folder that was opened as such, so no link can lead it elsewhere.
type tree struct {
	// data gives the new file dst the content of src.
	data func(ctx context.Context, dst, src int, st *unix.Stat_t) error

	root  *os.File // of the copy
	euid  uint32
	egid  uint32
	umask uint32
	slots chan struct{} // one for each goroutine beside the first
	wg    sync.WaitGroup
	stop  context.CancelCauseFunc

	mu    sync.Mutex // held while a file with several names is made
	links map[inode]string
}

type inode struct{ dev, ino uint64 }

func newTree(workers int, data func(context.Context, int, int, *unix.Stat_t) error) *tree {
	if workers <= 0 {
		workers = max(2, runtime.GOMAXPROCS(0))
	}
	return &tree{
		data: data, slots: make(chan struct{}, workers-1), links: make(map[inode]string),
		euid: uint32(os.Geteuid()), egid: uint32(os.Getegid()), umask: umask(),
	}
}

// copy makes of the empty folder dst a copy of src.
func (t *tree) copy(ctx context.Context, dst, src *os.File) error {
	// A folder in one with the setgid bit inherits it and the group.
	if err := unix.Fchown(int(dst.Fd()), int(t.euid), int(t.egid)); err != nil {
		return fmt.Errorf("own the copy: %w", err)
	}
	if err := unix.Fchmod(int(dst.Fd()), 0o700); err != nil {
		return err
	}
	// Nor is what is made in it to inherit an ACL.
	err := unix.Fremovexattr(int(dst.Fd()), "system.posix_acl_default")
	if err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("default ACL of the copy: %w", err)
	}
	ctx, t.stop = context.WithCancelCause(ctx)
	defer t.stop(nil)
	t.root = dst
	err = t.folder(ctx, dst, src, ".", 0)
	if err != nil {
		t.stop(err)
	}
	t.wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// folder copies the entries of src and then its attributes.
func (t *tree) folder(ctx context.Context, dst, src *os.File, rel string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%q: more than %d folders deep: %w", rel, maxDepth, unix.ENAMETOOLONG)
	}
	for {
		entries, err := src.ReadDir(512)
		for _, e := range entries {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := t.entry(ctx, dst, src, e, filepath.Join(rel, e.Name()), depth); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read folder %q: %w", rel, err)
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(src.Fd()), &st); err != nil {
		return fmt.Errorf("stat %q: %w", rel, err)
	}
	if err := t.attributes(int(dst.Fd()), int(src.Fd()), &st, 0o700); err != nil {
		return fmt.Errorf("attributes of %q: %w", rel, err)
	}
	return nil
}

func (t *tree) entry(ctx context.Context, dst, src *os.File, e fs.DirEntry, rel string, depth int) error {
	var err error
	d, s, name := int(dst.Fd()), int(src.Fd()), e.Name()
	switch e.Type() {
	case fs.ModeDir:
		return t.subfolder(ctx, d, s, name, rel, depth+1)
	case 0:
		err = t.file(ctx, d, s, name, rel)
	case fs.ModeSymlink:
		err = t.symlink(d, s, name)
	default:
		err = t.node(d, s, name)
	}
	if err != nil {
		return fmt.Errorf("copy %q: %w", rel, err)
	}
	return nil
}

// subfolder copies a folder, in a goroutine of its own if there is a slot.
func (t *tree) subfolder(ctx context.Context, d, s int, name, rel string, depth int) error {
	from, err := openFolderAt(s, name)
	if err != nil {
		return fmt.Errorf("copy %q: %w", rel, err)
	}
	if err := unix.Mkdirat(d, name, 0o700); err != nil {
		from.Close()
		return fmt.Errorf("make folder %q: %w", rel, err)
	}
	to, err := openFolderAt(d, name)
	if err != nil {
		from.Close()
		return fmt.Errorf("copy %q: %w", rel, err)
	}
	work := func() error {
		defer from.Close()
		defer to.Close()
		return t.folder(ctx, to, from, rel, depth)
	}
	select {
	case t.slots <- struct{}{}:
		t.wg.Go(func() {
			defer func() { <-t.slots }()
			if err := work(); err != nil {
				t.stop(err)
			}
		})
		return nil
	default:
		return work()
	}
}

func (t *tree) file(ctx context.Context, d, s int, name, rel string) error {
	in, err := unix.Openat(s, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	var st unix.Stat_t
	if err := unix.Fstat(in, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("it changed from a file to something else: %w", fs.ErrInvalid)
	}
	if st.Nlink > 1 {
		t.mu.Lock()
		defer t.mu.Unlock()
		id := inode{dev: uint64(st.Dev), ino: st.Ino} //nolint:unconvert // Dev is 32 bits wide on some
		if first, ok := t.links[id]; ok {
			return unix.Linkat(int(t.root.Fd()), first, d, name, 0)
		}
		t.links[id] = rel
	}
	out, err := unix.Openat(d, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, st.Mode&0o777)
	if err != nil {
		return err
	}
	err = t.content(ctx, out, in, &st)
	return errors.Join(err, unix.Close(out))
}

func (t *tree) content(ctx context.Context, out, in int, st *unix.Stat_t) error {
	if st.Size > 0 {
		if err := t.data(ctx, out, in, st); err != nil {
			return err
		}
	}
	return t.attributes(out, in, st, st.Mode&0o777&^t.umask)
}

// umask is the process's. Reading it by umask(2) would change it for a moment.
func umask() uint32 {
	const none = 0o777 // as if no bit could be relied on
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return none
	}
	_, rest, found := strings.Cut(string(status), "\nUmask:")
	line, _, _ := strings.Cut(rest, "\n")
	mask, err := strconv.ParseUint(strings.TrimSpace(line), 8, 32)
	if !found || err != nil {
		return none
	}
	return uint32(mask)
}

// attributes sets owner, extended attributes, mode and times. The order matters:
// a change of owner takes away the setuid bit and capabilities. made is the mode
// that out has: it costs a transaction to set what is there.
func (t *tree) attributes(out, in int, st *unix.Stat_t, made uint32) error {
	if st.Uid != t.euid || st.Gid != t.egid {
		if err := unix.Fchown(out, int(st.Uid), int(st.Gid)); err != nil {
			return fmt.Errorf("set owner: %w", err)
		}
	}
	if st.Mode&0o7777 != made {
		if err := unix.Fchmod(out, st.Mode&0o7777); err != nil {
			return fmt.Errorf("set mode: %w", err)
		}
	}
	if err := copyXattrs(out, in); err != nil {
		return err
	}
	if err := unix.UtimesNanoAt(out, "", []unix.Timespec{st.Atim, st.Mtim}, unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}

func (t *tree) symlink(d, s int, name string) error {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(s, name, buf)
	if err != nil {
		return err
	}
	if err := unix.Symlinkat(string(buf[:n]), d, name); err != nil {
		return err
	}
	return t.nodeAttributes(d, s, name)
}

// node copies a device, a FIFO or a socket.
func (t *tree) node(d, s int, name string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(s, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if err := unix.Mknodat(d, name, st.Mode, int(st.Rdev)); err != nil {
		return fmt.Errorf("make the node: %w", err)
	}
	return t.nodeAttributes(d, s, name)
}

func (t *tree) nodeAttributes(d, s int, name string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(s, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if err := unix.Fchownat(d, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set owner: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Fchmodat(d, name, st.Mode&0o7777, 0); err != nil {
			return fmt.Errorf("set mode: %w", err)
		}
	}
	return unix.UtimesNanoAt(d, name, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}
