package kvtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

// seen is what a watcher knows.
type seen struct {
	vals   map[string]*string // of the keys that are there
	revs   map[string]int64   // also of those that are gone
	synced int
	atSync int   // how many keys there were then
	err    error // what is wrong
}

// watcher runs a Watch.
type watcher struct {
	mu     sync.Mutex // guards all below
	seen   seen
	more   chan struct{} // closed and replaced at each change
	cancel context.CancelFunc
	ended  chan struct{}
	result error // after ended
}

func follow(ctx context.Context, s kv.Store, prefix string) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{
		seen: seen{vals: make(map[string]*string), revs: make(map[string]int64)},
		more: make(chan struct{}), cancel: cancel, ended: make(chan struct{}),
	}
	go func() {
		defer close(w.ended)
		w.result = s.Watch(ctx, prefix, w.note)
	}()
	return w
}

func (w *watcher) note(key string, val []byte, rev int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.add(key, val, rev)
	close(w.more)
	w.more = make(chan struct{})
}

func (s *seen) add(key string, val []byte, rev int64) {
	_, known := s.revs[key]
	switch {
	case key == "":
		if s.synced++; s.synced > 1 {
			s.err = errors.New("watch says twice that it is in sync")
		}
		s.atSync = len(s.vals)
		return
	case rev <= s.revs[key]:
		s.err = fmt.Errorf("watch reports revision %d of %q after %d", rev, key, s.revs[key])
	case val == nil && s.synced == 0 && !known:
		s.err = fmt.Errorf("watch reports %q as gone, which it never had, before it is in sync", key)
	}
	s.revs[key] = rev
	if val == nil {
		delete(s.vals, key)
		return
	}
	text := string(val)
	s.vals[key] = &text
}

// wait waits until what was seen is as wanted.
func (w *watcher) wait(ctx context.Context, want func(seen) bool) error {
	for {
		w.mu.Lock()
		err, ok, more := w.seen.err, want(w.seen), w.more
		n, synced := len(w.seen.vals), w.seen.synced
		w.mu.Unlock()
		if err != nil || ok {
			return err
		}
		select {
		case <-more:
		case <-w.ended:
			return fmt.Errorf("watch ended: %w", orNone(w.result))
		case <-ctx.Done():
			return fmt.Errorf("watch has %d keys, was %d times in sync, and does not report what is waited for", n, synced)
		}
	}
}

// stop ends the watch and returns what it returned.
func (w *watcher) stop() error {
	w.cancel()
	<-w.ended
	return w.result
}

// has says that a key has a value.
func has(key, val string) func(seen) bool {
	return func(s seen) bool { return s.vals[key] != nil && *s.vals[key] == val }
}

func watch(ctx context.Context, e Env) error {
	for _, key := range []string{"w/1", "w/2", "v/1", "x/1"} {
		if _, err := e.A.Put(ctx, key, []byte("old"), 0); err != nil {
			return err
		}
	}
	w := follow(ctx, e.B, "w/")
	defer w.stop() //nolint:errcheck // looked at below
	err := w.wait(ctx, func(s seen) bool { return s.synced == 1 })
	if err != nil {
		return err
	}
	early := 0
	if err := w.wait(ctx, func(s seen) bool { early = s.atSync; return len(s.vals) == 2 && has("w/2", "old")(s) }); err != nil {
		return err
	}
	if early != 2 {
		return fmt.Errorf("watch says that it is in sync after %d of 2 keys", early)
	}
	rev, err := e.A.Put(ctx, "w/1", []byte("new"), -1)
	if err := first(err, w.wait(ctx, has("w/1", "new"))); err != nil {
		return err
	}
	_, err = e.A.Put(ctx, "w/deep/er/3", []byte("new"), 0)
	if err := first(err, w.wait(ctx, has("w/deep/er/3", "new"))); err != nil {
		return err
	}
	_, err = e.B.Put(ctx, "w/1", nil, rev)
	if err := first(err, w.wait(ctx, func(s seen) bool { return s.vals["w/1"] == nil })); err != nil {
		return err
	}
	_, err1 := e.A.Put(ctx, "w/1", []byte("again"), 0)
	_, err2 := e.A.Put(ctx, "x/1", []byte("not asked for"), -1)
	_, err3 := e.A.Put(ctx, "w/4", []byte("last"), 0)
	if err := first(err1, err2, err3, w.wait(ctx, has("w/4", "last")), w.wait(ctx, has("w/1", "again"))); err != nil {
		return err
	}
	if err := w.wait(ctx, func(s seen) bool { return s.revs["x/1"] == 0 && s.revs["v/1"] == 0 }); err != nil {
		return fmt.Errorf("keys of another prefix: %w", err)
	}
	return wantErr("watch whose context ends", w.stop(), context.Canceled)
}

func watchCallback(ctx context.Context, e Env) error {
	if _, err := e.A.Put(ctx, "in/1", []byte("1"), 0); err != nil {
		return err
	}
	w := follow(ctx, e.B, "out/")
	defer w.stop() //nolint:errcheck // wait tells
	ctx2, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- e.A.Watch(ctx2, "in/", func(key string, val []byte, _ int64) {
			if key != "" {
				e.A.Put(ctx, "out/"+key, val, -1) //nolint:errcheck // the other watch tells
			}
		})
	}()
	_, err := e.B.Put(ctx, "in/2", []byte("2"), 0)
	if err := first(err, w.wait(ctx, has("out/in/1", "1")), w.wait(ctx, has("out/in/2", "2"))); err != nil {
		return err
	}
	cancel()
	return wantErr("watch whose context ends", <-ended, context.Canceled)
}

// watchGapless starts watches while keys are changed, and compares what they know with
// what is listed afterwards.
func watchGapless(ctx context.Context, e Env) error {
	const keys, writes, watchers, each = 60, 60, 4, 15
	all := make(chan *watcher, watchers*writes/each)
	err := race(e, func(n int, s Store) error {
		for i := range writes {
			if i%each == each-5 && n < watchers {
				all <- follow(ctx, s, "g/")
			}
			if i%4 == 0 {
				gap(ctx)
			}
			val := fmt.Appendf(nil, "%d of %d", i, n)
			if (i+n)%3 == 0 {
				val = nil
			}
			if _, err := s.Put(ctx, fmt.Sprint("g/", (i*7+n*3)%keys), val, -1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := e.A.Put(ctx, "g/end", []byte("end"), 0); err != nil {
		return err
	}
	close(all)
	want := make(map[string]string)
	err = e.A.List(ctx, "g/", func(key string, val []byte, _ int64) error {
		want[key] = string(val)
		return nil
	})
	if err != nil {
		return err
	}
	for w := range all {
		defer w.stop() //nolint:errcheck // wait tells
		if err := w.wait(ctx, func(s seen) bool { return s.synced == 1 && s.equal(want) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *seen) equal(want map[string]string) bool {
	got := make(map[string]string, len(s.vals))
	for key, val := range s.vals {
		got[key] = *val
	}
	return maps.Equal(got, want)
}

// gap lets others get on.
func gap(ctx context.Context) {
	select {
	case <-time.After(time.Millisecond):
	case <-ctx.Done():
	}
}
