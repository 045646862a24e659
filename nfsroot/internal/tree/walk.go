package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// MaxDepth is how many directories deep a walk goes. Debian's own roots stay
// below 20.
const MaxDepth = 200

// batch is how many names of a directory are held at once: a Pi may have made
// millions.
const batch = 1024

// An Entry is something that a walk came by.
type Entry struct {
	Path string      // from the root, with slashes; "." is the root itself
	Info fs.FileInfo // of itself, if it is a link
	Dir  *os.Root    // the directory it is in; closed when the call is over
	Name string      // its name there
}

// Walk calls fn for the root and for all below it, in no order, a directory
// before what is in it. It follows no link and does not descend into another
// filesystem. What vanishes meanwhile is passed over. A directory that cannot
// be read, or is deeper than [MaxDepth], does not end the walk: it is in the
// error that comes back in the end. An error of fn ends it, but for
// [fs.SkipDir], which passes over what is in a directory.
func Walk(ctx context.Context, root *os.Root, fn func(Entry) error) error {
	fi, err := root.Lstat(".")
	if err != nil {
		return err
	}
	if err := fn(Entry{Path: ".", Info: fi, Dir: root, Name: "."}); err != nil {
		return err
	}
	w := walk{ctx: ctx, fn: fn, device: device(fi)}
	if err := w.dir(root, ".", 0); err != nil {
		return err
	}
	return errors.Join(w.unread...)
}

type walk struct {
	ctx    context.Context
	fn     func(Entry) error
	device uint64
	unread []error
}

const maxUnread = 20

func (w *walk) skip(name string, err error) {
	if len(w.unread) < maxUnread && !errors.Is(err, fs.ErrNotExist) {
		w.unread = append(w.unread, fmt.Errorf("walk %q: %w", name, cause(err)))
	}
}

func (w *walk) dir(dir *os.Root, at string, depth int) error {
	f, err := dir.Open(".")
	if err != nil {
		w.skip(at, err)
		return nil
	}
	defer f.Close()
	for {
		names, err := f.Readdirnames(batch)
		for _, name := range names {
			if err := w.entry(dir, at, name, depth); err != nil {
				return err
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				w.skip(at, err)
			}
			return nil
		}
	}
}

func (w *walk) entry(dir *os.Root, at, name string, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	full := path.Join(at, name)
	fi, err := dir.Lstat(name)
	if err != nil {
		w.skip(full, err)
		return nil
	}
	err = w.fn(Entry{Path: full, Info: fi, Dir: dir, Name: name})
	if err != nil && !errors.Is(err, fs.SkipDir) {
		return err
	}
	if err != nil || !fi.IsDir() || device(fi) != w.device {
		return nil
	}
	if depth == MaxDepth {
		w.skip(full, fmt.Errorf("deeper than %d directories", MaxDepth))
		return nil
	}
	sub, err := dir.OpenRoot(name)
	if err != nil {
		w.skip(full, err)
		return nil
	}
	defer sub.Close()
	if now, err := sub.Lstat("."); err != nil || !os.SameFile(now, fi) {
		return nil // swapped for another since
	}
	return w.dir(sub, full, depth+1)
}

func splitName(name string) (dir, base string) { return path.Dir(name), path.Base(name) }
