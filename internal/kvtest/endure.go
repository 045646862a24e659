package kvtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Endure holds a store to its word while trouble is made: servers die, stand still, forget
// what was. Several writers count, some by compare and swap and some under a lock, and a
// watcher looks on. Whatever was acknowledged must be there in the end, once, and the
// watcher must know it.
//
// Trouble is called once; when it returns, all is well again. Between two faults it calls
// progress, which returns once enough was counted since.
func Endure(t *testing.T, open Opener, trouble func(progress func() error) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := EndureError(ctx, open, trouble); err != nil {
		t.Error(err)
	}
}

// enough counts are progress.
const enough = 12

// tally is what was counted under one key.
type tally struct {
	acked, unknown atomic.Int64 // unknown are those of which the store said neither yes nor no
}

// ordeal is one call of [Endure].
type ordeal struct {
	swapped, locked tally
	stop            chan struct{}
	writers         sync.WaitGroup
}

// EndureError is [Endure] for tests of the suite itself: it returns what is wrong.
func EndureError(ctx context.Context, open Opener, trouble func(progress func() error) error) error {
	o := &ordeal{stop: make(chan struct{})}
	var stores []Store
	defer func() {
		for _, s := range stores {
			_ = s.Close() // it has been used up
		}
	}()
	for range 5 {
		s, err := open()
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		stores = append(stores, s)
	}
	w := follow(ctx, stores[0], "n/")
	defer w.stop() //nolint:errcheck // wait tells
	if err := w.wait(ctx, func(s seen) bool { return s.synced == 1 }); err != nil {
		return err
	}
	for i, s := range stores[1:] {
		count := o.swap
		if i%2 == 1 {
			count = o.lock
		}
		o.writers.Go(func() { o.write(ctx, func() { count(ctx, s) }) })
	}
	err := trouble(func() error { return o.progress(ctx) })
	if err == nil {
		err = o.progress(ctx)
	}
	close(o.stop)
	o.writers.Wait()
	return first(err, o.check(ctx, stores[0], w, "n/swapped", &o.swapped), o.check(ctx, stores[0], w, "n/locked", &o.locked))
}

// write counts until it is told to stop.
func (o *ordeal) write(ctx context.Context, count func()) {
	for ctx.Err() == nil {
		select {
		case <-o.stop:
			return
		default:
			count()
			gap(ctx)
		}
	}
}

// progress waits until both kinds of writers have got on.
func (o *ordeal) progress(ctx context.Context) error {
	swapped, locked := o.swapped.acked.Load(), o.locked.acked.Load()
	for o.swapped.acked.Load() < swapped+enough || o.locked.acked.Load() < locked+enough {
		gap(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("the store does not get on: %d and %d counted since the last fault",
				o.swapped.acked.Load()-swapped, o.locked.acked.Load()-locked)
		}
	}
	return nil
}

// swap counts by compare and swap.
func (o *ordeal) swap(ctx context.Context, s Store) { o.add(ctx, s, "n/swapped", &o.swapped) }

// lock counts under a lock, and by nothing but that lock: it overwrites.
func (o *ordeal) lock(ctx context.Context, s Store) {
	held, unlock, err := s.Lock(ctx, "n")
	if err != nil {
		return
	}
	defer unlock() //nolint:errcheck // what was written is what counts
	o.add(held, s, "n/locked", &o.locked)
}

func (o *ordeal) add(ctx context.Context, s Store, key string, t *tally) {
	val, rev, err := s.Get(ctx, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	n, _ := strconv.Atoi(string(val)) // 0 at first
	if key == "n/locked" {
		rev = -1
	}
	switch _, err := s.Put(ctx, key, []byte(strconv.Itoa(n+1)), rev); {
	case err == nil:
		t.acked.Add(1)
	case !errors.Is(err, fs.ErrExist):
		t.unknown.Add(1)
	}
}

// check is an error unless what is there is what was acknowledged, and what may have been
// besides.
func (o *ordeal) check(ctx context.Context, s Store, w *watcher, key string, t *tally) error {
	val, _, err := s.Get(ctx, key)
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(val), 10, 64)
	if err != nil {
		return err
	}
	if least, most := t.acked.Load(), t.acked.Load()+t.unknown.Load(); n < least || n > most {
		return fmt.Errorf("%s is %d: %d to %d were counted", key, n, least, most)
	}
	return w.wait(ctx, has(key, string(val)))
}
