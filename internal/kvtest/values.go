package kvtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

func missing(ctx context.Context, e Env) error {
	_, err := e.A.Put(ctx, "k", []byte("v"), 7)
	return first(
		wantValue(ctx, e.A, "k", "", false, 0),
		wantErr("replace a missing key", err, fs.ErrExist),
		wantValue(ctx, e.B, "k", "", false, 0),
	)
}

func swap(ctx context.Context, e Env) error {
	r1, err := e.A.Put(ctx, "k", []byte("one"), 0)
	if err != nil {
		return err
	}
	if r1 <= 0 {
		return fmt.Errorf("create returned revision %d", r1)
	}
	_, err = e.B.Put(ctx, "k", []byte("no"), 0)
	if err := first(wantErr("create what is there", err, fs.ErrExist), wantValue(ctx, e.B, "k", "one", true, r1)); err != nil {
		return err
	}
	r2, err := e.B.Put(ctx, "k", []byte("two"), r1)
	if err != nil {
		return err
	}
	_, err = e.A.Put(ctx, "k", []byte("no"), r1)
	if err := first(wantErr("replace an old revision", err, fs.ErrExist), wantValue(ctx, e.A, "k", "two", true, r2)); err != nil {
		return err
	}
	_, err = e.A.Put(ctx, "k", []byte("no"), r2+1)
	if err := wantErr("replace a revision to come", err, fs.ErrExist); err != nil {
		return err
	}
	r3, err := e.A.Put(ctx, "k", []byte("three"), -1)
	if err != nil {
		return err
	}
	r4, err := e.B.Put(ctx, "k", []byte("three"), r3) // the same value is a change too
	if err != nil {
		return err
	}
	if r1 >= r2 || r2 >= r3 || r3 >= r4 {
		return fmt.Errorf("revisions are %d, %d, %d, %d: they must grow", r1, r2, r3, r4)
	}
	_, err = e.A.Put(ctx, "new", []byte("x"), -1)
	return first(err, wantValue(ctx, e.B, "new", "x", true, 0), wantValue(ctx, e.B, "k", "three", true, r4))
}

func copies(ctx context.Context, e Env) error {
	val := []byte("value")
	if _, err := e.A.Put(ctx, "k", val, 0); err != nil {
		return err
	}
	val[0] = 'X'
	got, _, err := e.A.Get(ctx, "k")
	if err != nil {
		return err
	}
	if string(got) != "value" {
		return errors.New("the store kept the caller's memory")
	}
	got[0] = 'Y'
	err = e.A.List(ctx, "", func(_ string, val []byte, _ int64) error {
		val[1] = 'Z'
		return nil
	})
	return first(err, wantValue(ctx, e.A, "k", "value", true, 0))
}

func remove(ctx context.Context, e Env) error {
	for _, ifRev := range []int64{-1, 0} {
		rev, err := e.A.Put(ctx, "k", nil, ifRev)
		if err != nil || rev != 0 {
			return fmt.Errorf("delete a missing key, ifRev %d: revision %d, error %w; want 0 and none", ifRev, rev, orNone(err))
		}
	}
	_, err := e.A.Put(ctx, "k", nil, 9)
	if err := wantErr("delete a revision of a missing key", err, fs.ErrExist); err != nil {
		return err
	}
	r1, err := e.A.Put(ctx, "k", []byte("v"), 0)
	if err != nil {
		return err
	}
	_, err = e.B.Put(ctx, "k", nil, 0)
	_, err2 := e.B.Put(ctx, "k", nil, r1+1)
	if err := first(wantErr("delete with ifRev 0", err, fs.ErrExist), wantErr("delete another revision", err2, fs.ErrExist)); err != nil {
		return err
	}
	r2, err := e.B.Put(ctx, "k", nil, r1)
	if err != nil {
		return err
	}
	if r2 <= r1 {
		return fmt.Errorf("the deletion has revision %d, the value had %d", r2, r1)
	}
	if err := wantValue(ctx, e.A, "k", "", false, 0); err != nil {
		return err
	}
	return e.A.List(ctx, "", func(key string, _ []byte, _ int64) error {
		return fmt.Errorf("key %q is listed after it was deleted", key)
	})
}

// regrow is about the classic fault of a store that counts each key's revisions from 1:
// who read the key before it was deleted overwrites what came after.
func regrow(ctx context.Context, e Env) error {
	last := int64(0)
	for range 5 {
		var stale int64
		for i, s := range []Store{e.A, e.B, e.A} {
			ifRev := last
			if i == 0 {
				ifRev = 0
			}
			rev, err := s.Put(ctx, "k", []byte("v"), ifRev)
			if err != nil {
				return err
			}
			if rev <= last {
				return fmt.Errorf("revision %d after %d", rev, last)
			}
			last, stale = rev, last
		}
		rev, err := e.B.Put(ctx, "k", nil, -1)
		if err != nil {
			return err
		}
		if rev <= last {
			return fmt.Errorf("the deletion has revision %d after %d", rev, last)
		}
		last = rev
		_, err = e.A.Put(ctx, "k", []byte("v"), stale)
		if err := wantErr("replace a revision from before the deletion", err, fs.ErrExist); err != nil {
			return err
		}
		rev, err = e.A.Put(ctx, "other", []byte("v"), -1) // must not disturb
		if err != nil || rev <= 0 {
			return fmt.Errorf("put another key: revision %d, error %w", rev, orNone(err))
		}
	}
	return nil
}

func empty(ctx context.Context, e Env) error {
	rev, err := e.A.Put(ctx, "k", []byte{}, 0)
	if err := first(err, wantValue(ctx, e.B, "k", "", true, rev)); err != nil {
		return err
	}
	n := 0
	err = e.B.List(ctx, "", func(_ string, val []byte, _ int64) error {
		n++
		if val == nil || len(val) != 0 {
			return fmt.Errorf("list has %q for an empty value, nil: %v", val, val == nil)
		}
		return nil
	})
	if err != nil || n != 1 {
		return fmt.Errorf("list of one empty value: %d values, error %w", n, orNone(err))
	}
	w := follow(ctx, e.B, "")
	defer w.stop() //nolint:errcheck // wait tells
	return w.wait(ctx, func(s seen) bool { return s.synced == 1 && s.vals["k"] != nil && *s.vals["k"] == "" })
}

func refused(ctx context.Context, e Env) error {
	for _, key := range []string{"", "\x00", "a\x00b", strings.Repeat("x", kv.MaxKey+1)} {
		_, err1 := e.A.Put(ctx, key, []byte("v"), -1)
		_, _, err2 := e.A.Get(ctx, key)
		_, _, err3 := e.A.Lock(ctx, key)
		for i, err := range []error{err1, err2, err3} {
			if err := wantErr(fmt.Sprintf("key %.20q, call %d", key, i), err, kv.ErrInvalid); err != nil {
				return err
			}
		}
	}
	_, err := e.A.Put(ctx, "k", make([]byte, kv.MaxValue+1), -1)
	return first(wantErr("a value too long", err, kv.ErrInvalid), wantValue(ctx, e.A, "k", "", false, 0))
}

func big(ctx context.Context, e Env) error {
	val := make([]byte, kv.MaxValue)
	rand.Read(val)
	for i := range 8 {
		if _, err := e.A.Put(ctx, fmt.Sprintf("big/%d", i), append(val[:kv.MaxValue-1:kv.MaxValue-1], byte(i)), 0); err != nil {
			return err
		}
	}
	n := 0
	err := e.B.List(ctx, "big/", func(key string, got []byte, _ int64) error {
		want := append(val[:kv.MaxValue-1:kv.MaxValue-1], byte(n))
		n++
		if string(got) != string(want) {
			return fmt.Errorf("%s is not what was put", key)
		}
		return nil
	})
	if err != nil || n != 8 {
		return fmt.Errorf("list of 8 big values: %d, error %w", n, orNone(err))
	}
	w := follow(ctx, e.B, "big/")
	defer w.stop() //nolint:errcheck // wait tells
	return w.wait(ctx, func(s seen) bool {
		return s.synced == 1 && len(s.vals) == 8 && len(*s.vals["big/7"]) == kv.MaxValue
	})
}
