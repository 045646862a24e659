package kvtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// calls are all that a store can be asked, by name.
func calls(s Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"get": func(ctx context.Context) error { _, _, err := s.Get(ctx, "k"); return err },
		"put": func(ctx context.Context) error { _, err := s.Put(ctx, "k", []byte("changed"), -1); return err },
		"delete": func(ctx context.Context) error {
			_, err := s.Put(ctx, "k", nil, -1)
			return err
		},
		"list": func(ctx context.Context) error {
			return s.List(ctx, "", func(string, []byte, int64) error { return nil })
		},
		"lock":  func(ctx context.Context) error { _, _, err := s.Lock(ctx, "l"); return err },
		"watch": func(ctx context.Context) error { return s.Watch(ctx, "", func(string, []byte, int64) {}) },
	}
}

func cancelled(ctx context.Context, e Env) error {
	rev, err := e.A.Put(ctx, "k", []byte("v"), 0)
	if err != nil {
		return err
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	for name, call := range calls(e.A) {
		if err := wantErr(name+" with a cancelled context", call(done), context.Canceled); err != nil {
			return err
		}
	}
	return wantValue(ctx, e.A, "k", "v", true, rev)
}

func closed(ctx context.Context, e Env) error {
	if _, err := e.A.Put(ctx, "k", []byte("v"), 0); err != nil {
		return err
	}
	w := follow(ctx, e.A, "")
	if err := w.wait(ctx, func(s seen) bool { return s.synced == 1 }); err != nil {
		return err
	}
	held, _, err := e.A.Lock(ctx, "held")
	if err != nil {
		return err
	}
	waiting := make(chan error, 1)
	go func() {
		_, _, err := e.A.Lock(ctx, "held")
		waiting <- err
	}()
	if err := first(e.A.Close(), e.A.Close()); err != nil {
		return fmt.Errorf("close, twice: %w", err)
	}
	select {
	case <-held.Done():
	case <-ctx.Done():
		return errors.New("the store is closed and held goes on")
	}
	select {
	case err := <-waiting:
		if err := wantErr("wait for a lock of a store that is closed", err, fs.ErrClosed); err != nil {
			return err
		}
	case <-ctx.Done():
		return errors.New("the store is closed and still waits for a lock")
	}
	select {
	case <-w.ended:
		if err := wantErr("watch of a store that is closed", w.result, fs.ErrClosed); err != nil {
			return err
		}
	case <-ctx.Done():
		return errors.New("the store is closed and still watches")
	}
	for name, call := range calls(e.A) {
		if err := wantErr(name+" of a closed store", call(ctx), fs.ErrClosed); err != nil {
			return err
		}
	}
	if e.Shared {
		return nil
	}
	return wantValue(ctx, e.B, "k", "v", true, 0)
}

func closedLock(ctx context.Context, e Env) error {
	if e.Shared {
		return nil
	}
	if _, _, err := e.A.Lock(ctx, "l"); err != nil {
		return err
	}
	if err := e.A.Close(); err != nil {
		return err
	}
	_, unlock, err := e.B.Lock(ctx, "l")
	if err != nil {
		return err
	}
	return unlock()
}

// kept closes everything and opens it again.
func kept(ctx context.Context, e Env) error {
	if e.Shared {
		return nil
	}
	r1, err1 := e.A.Put(ctx, "stays", []byte("v"), 0)
	r2, err2 := e.A.Put(ctx, "goes", []byte("v"), 0)
	r3, err3 := e.B.Put(ctx, "goes", nil, r2)
	if err := first(err1, err2, err3, e.A.Close(), e.B.Close()); err != nil {
		return err
	}
	s, err := e.Open()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := first(wantValue(ctx, s, "stays", "v", true, r1), wantValue(ctx, s, "goes", "", false, 0)); err != nil {
		return err
	}
	r4, err := s.Put(ctx, "goes", []byte("v"), 0)
	if err == nil && r4 <= r3 {
		err = fmt.Errorf("revision %d after %d, once the store was opened again", r4, r3)
	}
	return err
}
