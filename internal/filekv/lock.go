package filekv

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

// lockCheck is how often is looked whether a lock is still ours.
const lockCheck = time.Second

// lock is one that this store holds.
type lock struct {
	s     *Store
	name  string
	path  string
	file  *os.File
	lose  context.CancelCauseFunc
	ended chan struct{}
	once  sync.Once
	err   error // of end
}

// Lock implements [kv.Store].
func (s *Store) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	l, err := s.waitLock(ctx, name)
	if err != nil {
		return nil, nil, kv.Wrap(ctx, "filekv", "lock", name, err)
	}
	held, lose := context.WithCancelCause(kv.WithFence(ctx, s, l))
	l.lose = lose
	s.mu.Lock()
	if s.locks == nil {
		s.mu.Unlock()
		l.end(fs.ErrClosed)
		return nil, nil, kv.Wrap(ctx, "filekv", "lock", name, fs.ErrClosed)
	}
	s.locks[l] = struct{}{}
	s.mu.Unlock()
	go l.watch()
	return held, l.unlock, nil
}

func (s *Store) waitLock(ctx context.Context, name string) (*lock, error) {
	if err := kv.CheckKey(name); err != nil {
		return nil, err
	}
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	l := &lock{s: s, name: name, path: path.Join(lockDir, fileName(name)), ended: make(chan struct{})}
	if err := s.makeFolders(path.Dir(l.path)); err != nil {
		return nil, err
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		ok, err := l.try()
		if ok {
			return l, nil
		}
		if err == nil {
			err = s.pause(ctx, wait)
		}
		if err != nil {
			return nil, err
		}
	}
}

// try takes the lock unless someone has it, or has removed the file meanwhile.
func (l *lock) try() (bool, error) {
	f, err := l.s.root.OpenFile(l.path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return false, err
	}
	l.file = f
	ok, err := tryFlock(f)
	if ok && l.ours() {
		return true, nil
	}
	return false, errors.Join(err, f.Close())
}

// ours reports whether the file at the lock's path is the one that we have locked.
func (l *lock) ours() bool {
	mine, err1 := l.file.Stat()
	there, err2 := l.s.root.Stat(l.path)
	return err1 == nil && err2 == nil && os.SameFile(mine, there)
}

// watch looks after the lock until it ends.
func (l *lock) watch() {
	tick := time.NewTicker(lockCheck)
	defer tick.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
			if !l.ours() {
				l.end(kv.ErrLockLost)
			}
		}
	}
}

func (l *lock) unlock() error {
	if !l.ours() {
		l.end(kv.ErrLockLost)
	}
	l.end(nil)
	l.s.mu.Lock()
	delete(l.s.locks, l)
	l.s.mu.Unlock()
	return kv.Wrap(context.Background(), "filekv", "unlock", l.name, l.err)
}

// end lets the lock go, for a reason other than unlock if why is not nil. What is
// called first counts.
func (l *lock) end(why error) {
	l.once.Do(func() {
		l.err = why
		l.lose(why)
		close(l.ended)
		if err := l.file.Close(); err != nil && l.err == nil {
			l.err = err
		}
	})
}

// fences is an error if a lock is lost under which ctx's work is done.
func (s *Store) fences(ctx context.Context) error {
	for _, fence := range kv.Fences(ctx, s) {
		l := fence.(*lock)
		select {
		case <-l.ended:
			return kv.ErrLockLost
		default:
		}
		if !l.ours() {
			l.end(kv.ErrLockLost)
			return kv.ErrLockLost
		}
	}
	return nil
}
