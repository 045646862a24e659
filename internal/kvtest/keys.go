package kvtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

// odd are keys that confuse file names, patterns, ranges and one another.
func odd() []string {
	long := strings.Repeat("x", kv.MaxKey)
	return []string{
		"a", "A", "a/", "a//", "/a", "/", "//", "a/b", "a/B", "a/b/c", "a.b", "a\\b", "a:b", "a*", "a?", "a|b", "a b", "a ", " a",
		".", "..", "../..", "../x", "./a", "a/../b", "a/.", ".a", ".store", ".lock", ".store/a", "-", "-rf", "~", "~root",
		"%", "%%", "%41", "%2f", "a%2fb", "%+", "a%+", "a.kv", "a.kv/b", "a.kv.kv", "con", "nul.txt", "$HOME", "`id`",
		"a\nb", "a\r", "\t", "\x01", "\x7f", "\x80", "\xff", "\xff\xff", "\xffa", "a\xff", "a\xff\xff", "ü", "u\u0308", "例え", "\u202e",
		"example.com", "example.com.", "*.example.com", "\\042.example.com", "_dmarc.example.com",
		long, long[1:] + "X", long[1:] + "y", long[:255], long[:256], long[:254], long[:200], long[:200] + "/a", long[:201],
		strings.Repeat("X", kv.MaxKey), strings.Repeat("\xff", kv.MaxKey), strings.Repeat("/", 50), strings.Repeat("a/", 50),
		strings.Repeat(".", kv.MaxKey), strings.Repeat("%", kv.MaxKey),
	}
}

func oddKeys(ctx context.Context, e Env) error {
	want := make(map[string]string)
	for i, key := range odd() {
		want[key] = fmt.Sprint("value ", i)
		if _, err := e.A.Put(ctx, key, []byte(want[key]), 0); err != nil {
			return fmt.Errorf("one odd key takes the place of another, or none: %w", err)
		}
	}
	for key, val := range want {
		if err := wantValue(ctx, e.B, key, val, true, 0); err != nil {
			return err
		}
	}
	prefixes := []string{"", "a", "a/", "A", ".", "..", "/", "%", "\xff", "\xff\xff", "x", "a.kv", "ü", "none"}
	for _, long := range []int{199, 200, 201, 300, kv.MaxKey} {
		prefixes = append(prefixes, strings.Repeat("x", long), strings.Repeat("\xff", long))
	}
	for _, prefix := range prefixes {
		if err := listed(ctx, e.B, prefix, want); err != nil {
			return err
		}
	}
	w := follow(ctx, e.B, "a")
	defer w.stop() //nolint:errcheck // wait tells
	if err := w.wait(ctx, func(s seen) bool { return s.synced == 1 }); err != nil {
		return err
	}
	for key := range want {
		if _, err := e.A.Put(ctx, key, nil, -1); err != nil {
			return err
		}
	}
	return first(listed(ctx, e.B, "", nil), w.wait(ctx, func(s seen) bool { return len(s.vals) == 0 }))
}

// listed is an error unless exactly the keys with the prefix are listed, in order.
func listed(ctx context.Context, s kv.Store, prefix string, want map[string]string) error {
	var keys []string
	err := s.List(ctx, prefix, func(key string, val []byte, rev int64) error {
		keys = append(keys, key)
		if string(val) != want[key] || rev <= 0 {
			return fmt.Errorf("list %.40q: key %.40q has value %q and revision %d", prefix, key, val, rev)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var expect []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if strings.HasPrefix(key, prefix) {
			expect = append(expect, key)
		}
	}
	if !slices.Equal(keys, expect) {
		return fmt.Errorf("list %.40q: %.2000q, want %.2000q", prefix, keys, expect)
	}
	return nil
}

func listPrefix(ctx context.Context, e Env) error {
	want := make(map[string]string)
	for _, key := range []string{"z", "b/2", "b/1", "b", "ba", "a/1", "b/10"} {
		want[key] = "of " + key
		if _, err := e.A.Put(ctx, key, []byte(want[key]), 0); err != nil {
			return err
		}
	}
	for _, prefix := range []string{"", "b", "b/", "b/1", "b/10", "c", "z", "zz"} {
		if err := listed(ctx, e.B, prefix, want); err != nil {
			return err
		}
	}
	return nil
}

func listCallback(ctx context.Context, e Env) error {
	for i := range 5 {
		if _, err := e.A.Put(ctx, fmt.Sprint("k", i), []byte("v"), 0); err != nil {
			return err
		}
	}
	stop := errors.New("stop")
	n := 0
	err := e.A.List(ctx, "k", func(key string, _ []byte, rev int64) error {
		if n++; n == 3 {
			return stop
		}
		if _, err := e.A.Put(ctx, key, []byte("seen"), rev); err != nil {
			return fmt.Errorf("put from within list: %w", err)
		}
		return wantValue(ctx, e.A, key, "seen", true, 0)
	})
	if err := wantErr("list whose function stops it", err, stop); err != nil {
		return err
	}
	if n != 3 {
		return fmt.Errorf("list called its function %d times, it wanted no more after 3", n)
	}
	return nil
}

// listDuringWrites holds List to its word about keys that stay, while others come and
// go around them.
func listDuringWrites(ctx context.Context, e Env) error {
	const stay = 60
	for i := range stay {
		if _, err := e.A.Put(ctx, fmt.Sprintf("k/%03d", 2*i), []byte("stays"), 0); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	failed := make(chan error, 2)
	for n, s := range []Store{e.A, e.B} {
		wg.Go(func() {
			for i := n; ctx.Err() == nil; i++ {
				key := fmt.Sprintf("k/%03d", 2*(i%stay)+1)
				val := []byte("comes")
				if i/stay%2 == 1 {
					val = nil
				}
				if _, err := s.Put(ctx, key, val, -1); err != nil && ctx.Err() == nil {
					failed <- err
					return
				}
			}
		})
	}
	for range 15 {
		last, n := "", 0
		err := e.B.List(ctx, "k/", func(key string, val []byte, _ int64) error {
			if key <= last {
				return fmt.Errorf("list has %q after %q", key, last)
			}
			last = key
			if string(val) == "stays" {
				n++
			}
			return nil
		})
		if err != nil {
			return err
		}
		if n != stay {
			return fmt.Errorf("list has %d of %d keys that did not change", n, stay)
		}
		select {
		case err := <-failed:
			return err
		default:
		}
	}
	return nil
}
