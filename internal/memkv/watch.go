package memkv

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

// watcher collects changes for one Watch. Only the last of a key is kept, so that one
// that is slow needs no more memory than the store.
type watcher struct {
	prefix  string
	changed map[string]entry
	order   []string // of changed
	more    chan struct{}
}

// Watch implements [kv.Store].
func (s *Store) Watch(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64)) error {
	w := &watcher{prefix: prefix, changed: make(map[string]entry), more: make(chan struct{}, 1)}
	s.mu.Lock()
	all := s.under(prefix)
	if s.watchers == nil {
		s.watchers = make(map[*watcher]struct{})
	}
	s.watchers[w] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, w)
	}()

	err := s.report(ctx, slices.Sorted(maps.Keys(all)), all, fn)
	if err == nil {
		fn("", nil, 0)
	}
	for err == nil {
		select {
		case <-ctx.Done():
		case <-w.more:
		}
		order, changed := s.take(w)
		err = s.report(ctx, order, changed, fn)
	}
	return kv.Wrap(ctx, "memkv", "watch", prefix, err)
}

// report calls fn, without the mutex.
func (s *Store) report(ctx context.Context, order []string, of map[string]entry, fn func(string, []byte, int64)) error {
	for _, key := range order {
		if err := s.check(ctx); err != nil {
			return err
		}
		fn(key, bytes.Clone(of[key].val), of[key].rev)
	}
	return s.check(ctx)
}

func (s *Store) check(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usable(ctx)
}

func (s *Store) take(w *watcher) ([]string, map[string]entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	order, changed := w.order, w.changed
	w.order, w.changed = nil, make(map[string]entry)
	return order, changed
}

// tell notes a change. The store's mutex is held.
func (w *watcher) tell(key string, e entry) {
	if !strings.HasPrefix(key, w.prefix) {
		return
	}
	if _, noted := w.changed[key]; !noted {
		w.order = append(w.order, key)
	}
	w.changed[key] = e
	w.wake()
}

func (w *watcher) wake() {
	select {
	case w.more <- struct{}{}:
	default:
	}
}
