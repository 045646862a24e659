package kvtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

func lockExcludes(ctx context.Context, e Env) error {
	const each = 5
	var inside atomic.Int64
	err := race(e, func(_ int, s Store) error {
		for range each {
			held, unlock, err := s.Lock(ctx, "count")
			if err != nil {
				return err
			}
			if n := inside.Add(1); n != 1 {
				return fmt.Errorf("%d hold the lock", n)
			}
			val, _, err := s.Get(held, "count")
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			n, _ := strconv.Atoi(string(val)) // 0 at first
			gap(ctx)
			if _, err := s.Put(held, "count", []byte(strconv.Itoa(n+1)), -1); err != nil {
				return err
			}
			inside.Add(-1)
			if err := unlock(); err != nil {
				return err
			}
		}
		return nil
	})
	return first(err, wantValue(ctx, e.A, "count", strconv.Itoa(racers*each), true, 0))
}

type valueKey struct{}

func lockContext(ctx context.Context, e Env) error {
	ctx, cancel := context.WithCancel(context.WithValue(ctx, valueKey{}, "value"))
	defer cancel()
	held, unlock, err := e.A.Lock(ctx, "l")
	if err != nil {
		return err
	}
	if held.Err() != nil || held.Value(valueKey{}) != "value" {
		return fmt.Errorf("held is not made from the context, or has ended: %w", orNone(held.Err()))
	}
	if err := unlock(); err != nil {
		return err
	}
	if held.Err() == nil {
		return errors.New("held goes on after unlock")
	}
	if _, err := e.A.Put(held, "k", []byte("v"), -1); err == nil {
		return errors.New("put under a lock that was let go succeeded")
	}
	held, unlock2, err := e.B.Lock(ctx, "l")
	if err != nil {
		return err
	}
	if err := first(unlock(), held.Err()); err != nil {
		return fmt.Errorf("unlock twice, and someone else has the lock: %w", err)
	}
	if _, err := e.B.Put(held, "k", []byte("v"), 0); err != nil {
		return fmt.Errorf("put under another's lock after the first was unlocked twice: %w", err)
	}
	cancel()
	<-held.Done()
	return unlock2()
}

func lockGivenUp(ctx context.Context, e Env) error {
	_, unlock, err := e.A.Lock(ctx, "l")
	if err != nil {
		return err
	}
	for _, s := range []Store{e.A, e.B} {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		_, _, err = s.Lock(short, "l")
		cancel()
		if err := wantErr("wait for a lock in vain", err, context.DeadlineExceeded); err != nil {
			return err
		}
	}
	if err := unlock(); err != nil {
		return err
	}
	for range 20 { // those who gave up do not get it after all
		_, unlock, err = e.B.Lock(ctx, "l")
		if err != nil {
			return err
		}
		if err := unlock(); err != nil {
			return err
		}
	}
	return nil
}

func lockNames(ctx context.Context, e Env) error {
	var unlocks []func() error
	for _, name := range []string{"a", "A", "a/b", "a/", "..", "\xff", "a%2fb"} {
		held, unlock, err := e.A.Lock(ctx, name)
		if err != nil {
			return err
		}
		unlocks = append(unlocks, unlock)
		ctx = held // one under the other
	}
	if _, err := e.A.Put(ctx, "a", []byte("v"), 0); err != nil {
		return fmt.Errorf("put under several locks: %w", err)
	}
	if err := listed(ctx, e.B, "", map[string]string{"a": "v"}); err != nil {
		return fmt.Errorf("a lock must not be seen as a key: %w", err)
	}
	for i := len(unlocks) - 1; i >= 0; i-- {
		if err := unlocks[i](); err != nil {
			return err
		}
	}
	return nil
}

func lockLost(ctx context.Context, e Env) error {
	if e.Lose == nil {
		return nil
	}
	rev, err := e.A.Put(ctx, "k", []byte("before"), 0)
	if err != nil {
		return err
	}
	held, unlock, err := e.A.Lock(ctx, "l")
	if err != nil {
		return err
	}
	e.Lose("l")
	// Nobody has told the holder yet, perhaps, and nobody else has written.
	_, err = e.A.Put(held, "k", []byte("late"), rev)
	if err := first(wantErr("put under a lost lock", err, kv.ErrLockLost), wantErr("put under a lost lock", err, fs.ErrExist)); err != nil {
		return err
	}
	if err := wantValue(ctx, e.B, "k", "before", true, rev); err != nil {
		return err
	}
	other, unlock2, err := e.B.Lock(ctx, "l")
	if err != nil {
		return err
	}
	select {
	case <-held.Done():
	case <-ctx.Done():
		return errors.New("the lock is lost and held does not end")
	}
	if err := wantErr("cause of held", context.Cause(held), kv.ErrLockLost); err != nil {
		return err
	}
	if unlock() == nil {
		return errors.New("unlock does not say that the lock was lost")
	}
	_, err = e.B.Put(other, "k", []byte("after"), rev)
	return first(other.Err(), err, unlock2())
}
