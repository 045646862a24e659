package filekv

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

// watch is one call of Watch.
type watch struct {
	s       *Store
	ctx     context.Context
	prefix  string
	fn      func(key string, val []byte, rev int64)
	known   map[string]known  // by path of the file
	folders map[string]string // path to the prefix of the keys in it
	notify  *notifier         // nil: nobody tells of changes
}

// settled is how old a file must be before its times tell whether it is another: two
// within one tick of the filesystem's clock may look the same.
const settled = 2 * time.Second

// known is what was reported of a key.
type known struct {
	key  string
	rev  int64
	info os.FileInfo // only where nobody tells of changes
}

// Watch implements [kv.Store]. On Linux the kernel tells of changes, unless it has no
// watches left; else the files are looked at every second.
func (s *Store) Watch(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64)) error {
	if err := s.usable(ctx); err != nil {
		return kv.Wrap(ctx, "filekv", "watch", prefix, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &watch{s: s, ctx: ctx, prefix: prefix, fn: fn, known: make(map[string]known)}
	if s.poll == 0 {
		w.notify = newNotifier()
	}
	defer w.unnotified()
	return kv.Wrap(ctx, "filekv", "watch", prefix, w.run())
}

func (w *watch) run() error {
	if err := w.scan(); err != nil {
		return err
	}
	w.fn("", nil, 0)
	for {
		if w.notify == nil {
			if err := w.s.pause(w.ctx, w.interval()); err != nil {
				return err
			}
			if err := w.scan(); err != nil {
				return err
			}
			continue
		}
		changed, all, err := w.notify.wait(w.ctx, w.s.done)
		if err == nil {
			err = w.s.usable(w.ctx)
		}
		if err != nil {
			return err
		}
		if err := w.look(changed, all); err != nil {
			return err
		}
	}
}

func (w *watch) interval() time.Duration {
	if w.s.poll > 0 {
		return w.s.poll
	}
	return time.Second
}

// unnotified goes on without the kernel's help.
func (w *watch) unnotified() {
	if w.notify != nil {
		w.notify.close()
		w.notify = nil
	}
}

// look reads what has changed, or everything.
func (w *watch) look(changed map[string]change, all bool) error {
	if all {
		return w.scan()
	}
	for file, c := range changed {
		if c.gone && !c.isDir {
			if err := w.recheck(file); err != nil {
				return err
			}
			continue
		}
		if err := w.s.visit(w.ctx, w.folders[c.folder], file, c.isDir, w.prefix, w.visitor()); err != nil {
			return err
		}
	}
	return nil
}

// scan looks at all files, and at those that were there before.
func (w *watch) scan() error {
	w.folders = make(map[string]string)
	seen := make(map[string]bool, len(w.known))
	v := w.visitor()
	file := v.file
	v.file = func(key, path string) error {
		seen[path] = true
		return file(key, path)
	}
	if err := w.s.walk(w.ctx, "", ".", w.prefix, v); err != nil {
		return err
	}
	for path := range w.known {
		if !seen[path] {
			if err := w.recheck(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *watch) visitor() visitor {
	return visitor{folder: w.enter, file: w.check}
}

// enter asks to be told of changes in a folder, before it is read.
func (w *watch) enter(folder, prefix string) error {
	w.folders[folder] = prefix
	if w.notify == nil {
		return nil
	}
	f, err := w.s.root.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if w.notify.add(f, folder) != nil {
		w.unnotified()
	}
	return f.Close()
}

// recheck looks at a file that was there.
func (w *watch) recheck(path string) error {
	k, ok := w.known[path]
	if !ok {
		return nil
	}
	return w.check(k.key, path)
}

// check reports a file if it is another than before, or gone.
func (w *watch) check(key, path string) error {
	if err := w.s.usable(w.ctx); err != nil {
		return err
	}
	old := w.known[path]
	var info os.FileInfo
	if w.notify == nil {
		var err error
		if info, err = w.s.root.Lstat(path); err == nil && sameFile(old.info, info) {
			return nil
		}
	}
	val, rev, err := w.s.read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if old.rev > 0 {
			delete(w.known, path)
			w.fn(key, nil, old.rev+1)
		}
		return nil
	case err != nil:
		return err
	}
	if info != nil && time.Since(info.ModTime()) < settled {
		info = nil
	}
	w.known[path] = known{key: key, rev: rev, info: info}
	if rev > old.rev {
		w.fn(key, val, rev)
	}
	return nil
}

// change is what happened to a name in a folder.
type change struct {
	folder      string
	isDir, gone bool
}
