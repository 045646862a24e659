package poe

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// MemoryStore is a [Store] that ends with its process: controllers that share
// one keep out of each other's way, but nothing is known after a crash. The zero
// value is empty and ready for use.
type MemoryStore struct {
	mu      sync.Mutex // guards all below
	rev     int64
	entries map[string]memoryEntry
	locks   map[string]chan struct{} // closed when it is let go
}

type memoryEntry struct {
	val []byte
	rev int64
}

var _ Store = (*MemoryStore)(nil)

// Get implements [Store].
func (s *MemoryStore) Get(ctx context.Context, key string) (val []byte, rev int64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[key]
	if !ok {
		return nil, 0, fmt.Errorf("poe: get %q: %w", key, fs.ErrNotExist)
	}
	return bytes.Clone(e.val), e.rev, nil
}

// Put implements [Store].
func (s *MemoryStore) Put(ctx context.Context, key string, val []byte, ifRev int64) (rev int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.entries[key].rev; ifRev >= 0 && have != ifRev {
		return 0, lostRace(key, ifRev, have)
	}
	s.rev++
	if val == nil {
		delete(s.entries, key)
		return s.rev, nil
	}
	if s.entries == nil {
		s.entries = make(map[string]memoryEntry)
	}
	s.entries[key] = memoryEntry{append([]byte{}, val...), s.rev}
	return s.rev, nil
}

func lostRace(key string, want, have int64) error {
	return fmt.Errorf("poe: put %q over revision %d, where there is %d: %w", key, want, have, fs.ErrExist)
}

// List implements [Store].
func (s *MemoryStore) List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error {
	s.mu.Lock()
	entries := maps.Clone(s.entries)
	s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(key, bytes.Clone(entries[key].val), entries[key].rev); err != nil {
			return err
		}
	}
	return nil
}

// Lock implements [Store].
func (s *MemoryStore) Lock(ctx context.Context, name string) (held context.Context, unlock func() error, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		taken, mine := s.lock(name)
		if mine {
			return ctx, s.unlocker(name, taken), nil
		}
		select {
		case <-taken:
		case <-ctx.Done():
		}
	}
}

// lock takes the name, or returns what is closed when its holder lets go.
func (s *MemoryStore) lock(name string) (released chan struct{}, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if taken, ok := s.locks[name]; ok {
		return taken, false
	}
	if s.locks == nil {
		s.locks = make(map[string]chan struct{})
	}
	released = make(chan struct{})
	s.locks[name] = released
	return released, true
}

func (s *MemoryStore) unlocker(name string, released chan struct{}) func() error {
	var once sync.Once
	return func() error {
		once.Do(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.locks, name)
			close(released)
		})
		return nil
	}
}
