package memkv

import (
	"context"
	"fmt"
	"io/fs"
	"sync"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

// lock is one that someone holds.
type lock struct {
	name string
	lose context.CancelCauseFunc
	free chan struct{} // closed when it is held no more
}

// Lock implements [kv.Store].
func (s *Store) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	if err := kv.CheckKey(name); err != nil {
		return nil, nil, kv.Wrap(ctx, "memkv", "lock", name, err)
	}
	for {
		held, l, other, err := s.tryLock(ctx, name)
		if err != nil {
			return nil, nil, kv.Wrap(ctx, "memkv", "lock", name, err)
		}
		if other == nil {
			return held, sync.OnceValue(func() error { return s.unlock(l) }), nil
		}
		select {
		case <-other.free:
		case <-ctx.Done():
		}
	}
}

// tryLock takes the lock, or returns who has it.
func (s *Store) tryLock(ctx context.Context, name string) (held context.Context, mine, other *lock, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, nil, nil, err
	}
	if other := s.locks[name]; other != nil {
		return nil, nil, other, nil
	}
	l := &lock{name: name, free: make(chan struct{})}
	held, l.lose = context.WithCancelCause(kv.WithFence(ctx, s, l))
	if s.locks == nil {
		s.locks = make(map[string]*lock)
	}
	s.locks[name] = l
	return held, l, nil, nil
}

func (s *Store) unlock(l *lock) error {
	defer l.lose(context.Canceled)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return fmt.Errorf("memkv: unlock %q: %w", l.name, fs.ErrClosed)
	case s.locks[l.name] != l:
		return fmt.Errorf("memkv: unlock %q: %w", l.name, kv.ErrLockLost)
	}
	s.free(l.name, l)
	return nil
}

func (s *Store) free(name string, l *lock) {
	delete(s.locks, name)
	close(l.free)
}

// Lose takes a lock from who holds it, for tests. Others can have it from then on.
func (s *Store) Lose(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.locks[name]; l != nil {
		s.free(name, l)
		l.lose(kv.ErrLockLost)
	}
}
