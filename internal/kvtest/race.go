package kvtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"sync/atomic"
)

const racers = 8

// race runs fn in several goroutines, half of them on A and half on B.
func race(e Env, fn func(n int, s Store) error) error {
	var wg sync.WaitGroup
	errs := make([]error, racers)
	for n := range racers {
		s := e.A
		if n%2 == 1 {
			s = e.B
		}
		wg.Go(func() { errs[n] = fn(n, s) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func createRace(ctx context.Context, e Env) error {
	for round := range 10 {
		key := fmt.Sprint("k", round)
		var won atomic.Int64
		err := race(e, func(n int, s Store) error {
			rev, err := s.Put(ctx, key, []byte(strconv.Itoa(n)), 0)
			if errors.Is(err, fs.ErrExist) {
				return nil
			}
			if err == nil {
				won.Add(1)
				err = wantValue(ctx, s, key, strconv.Itoa(n), true, rev)
			}
			return err
		})
		if err != nil {
			return err
		}
		if won.Load() != 1 {
			return fmt.Errorf("%d creates of one key succeeded", won.Load())
		}
	}
	return nil
}

// countRace counts up and down, deleting the key at 0, so that replacing, creating and
// deleting all race.
func countRace(ctx context.Context, e Env) error {
	const each = 12
	var mu sync.Mutex
	revs := make(map[int64]bool)
	note := func(rev int64) error {
		mu.Lock()
		defer mu.Unlock()
		if rev <= 0 || revs[rev] {
			return fmt.Errorf("revision %d was given twice", rev)
		}
		revs[rev] = true
		return nil
	}
	err := race(e, func(_ int, s Store) error {
		for i := range 2 * each {
			rev, err := add(ctx, s, 1-2*(i%2))
			if err == nil {
				err = note(rev)
			}
			if err != nil {
				return err
			}
		}
		_, err := add(ctx, s, 1)
		return err
	})
	return first(err, wantValue(ctx, e.A, "count", strconv.Itoa(racers), true, 0))
}

// add changes the counter by compare and swap, trying until it wins.
func add(ctx context.Context, s Store, by int) (int64, error) {
	for {
		val, rev, err := s.Get(ctx, "count")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		n, _ := strconv.Atoi(string(val)) // 0 if it is missing
		next := []byte(strconv.Itoa(n + by))
		if n+by == 0 {
			next = nil
		}
		if rev, err = s.Put(ctx, "count", next, rev); !errors.Is(err, fs.ErrExist) {
			return rev, err
		}
	}
}
