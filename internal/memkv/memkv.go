package memkv

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

var _ kv.Store = (*Store)(nil)

// Store keeps keys in memory. The zero value is empty and ready.
type Store struct {
	mu       sync.Mutex // guards all below
	keys     map[string]entry
	rev      int64 // the last one given
	watchers map[*watcher]struct{}
	locks    map[string]*lock
	closed   bool
}

type entry struct {
	val []byte // nil: the key was deleted
	rev int64
}

// Close ends all use of the store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for name, l := range s.locks {
		l.lose(fs.ErrClosed)
		s.free(name, l)
	}
	for w := range s.watchers {
		w.wake()
	}
	return nil
}

// usable is why nothing can be done.
func (s *Store) usable(ctx context.Context) error {
	if s.closed {
		return fs.ErrClosed
	}
	return ctx.Err()
}

// Get implements [kv.Store].
func (s *Store) Get(ctx context.Context, key string) ([]byte, int64, error) {
	val, rev, err := s.get(ctx, key)
	return val, rev, kv.Wrap(ctx, "memkv", "get", key, err)
}

func (s *Store) get(ctx context.Context, key string) ([]byte, int64, error) {
	if err := kv.CheckKey(key); err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, 0, err
	}
	e, ok := s.keys[key]
	if !ok {
		return nil, 0, fs.ErrNotExist
	}
	return bytes.Clone(e.val), e.rev, nil
}

// Put implements [kv.Store].
func (s *Store) Put(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
	rev, err := s.put(ctx, key, val, ifRev)
	return rev, kv.Wrap(ctx, "memkv", "put", key, err)
}

func (s *Store) put(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
	if err := kv.CheckKey(key); err != nil {
		return 0, err
	}
	if err := kv.CheckValue(val); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range kv.Fences(ctx, s) {
		if l := l.(*lock); s.locks[l.name] != l {
			return 0, kv.ErrLockLost
		}
	}
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	old, present := s.keys[key] // rev 0 if it is missing
	switch {
	case ifRev >= 0 && old.rev != ifRev:
		return 0, fmt.Errorf("revision %d was expected and %d found: %w", ifRev, old.rev, fs.ErrExist)
	case val == nil && !present:
		return 0, nil
	}
	s.rev++
	if s.keys == nil {
		s.keys = make(map[string]entry)
	}
	e := entry{val: bytes.Clone(val), rev: s.rev}
	if val == nil {
		delete(s.keys, key)
	} else {
		s.keys[key] = e
	}
	for w := range s.watchers {
		w.tell(key, e)
	}
	return s.rev, nil
}

// List implements [kv.Store]. It lists what there was at one moment.
func (s *Store) List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error {
	s.mu.Lock()
	err := s.usable(ctx)
	all := s.under(prefix)
	s.mu.Unlock()
	if err != nil {
		return kv.Wrap(ctx, "memkv", "list", prefix, err)
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if err := ctx.Err(); err != nil {
			return kv.Wrap(ctx, "memkv", "list", prefix, err)
		}
		if err := fn(key, bytes.Clone(all[key].val), all[key].rev); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) under(prefix string) map[string]entry {
	all := make(map[string]entry)
	for key, e := range s.keys {
		if strings.HasPrefix(key, prefix) {
			all[key] = e
		}
	}
	return all
}
