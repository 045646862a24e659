package kvtest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/kv"
	"github.com/mythic-beasts/hostkit/internal/kvtest"
	"github.com/mythic-beasts/hostkit/internal/memkv"
	"github.com/stretchr/testify/require"
)

// faulty is a store that breaks a promise: each function, if there is one, takes the
// place of the method.
type faulty struct {
	*memkv.Store
	get   func(ctx context.Context, key string) ([]byte, int64, error)
	put   func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error)
	list  func(ctx context.Context, prefix string, fn func(string, []byte, int64) error) error
	lock  func(ctx context.Context, name string) (context.Context, func() error, error)
	watch func(ctx context.Context, prefix string, fn func(string, []byte, int64)) error
}

func (f *faulty) Get(ctx context.Context, key string) ([]byte, int64, error) {
	if f.get != nil {
		return f.get(ctx, key)
	}
	return f.Store.Get(ctx, key)
}

func (f *faulty) Put(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
	if f.put != nil {
		return f.put(ctx, key, val, ifRev)
	}
	return f.Store.Put(ctx, key, val, ifRev)
}

func (f *faulty) List(ctx context.Context, prefix string, fn func(string, []byte, int64) error) error {
	if f.list != nil {
		return f.list(ctx, prefix, fn)
	}
	return f.Store.List(ctx, prefix, fn)
}

func (f *faulty) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	if f.lock != nil {
		return f.lock(ctx, name)
	}
	return f.Store.Lock(ctx, name)
}

func (f *faulty) Watch(ctx context.Context, prefix string, fn func(string, []byte, int64)) error {
	if f.watch != nil {
		return f.watch(ctx, prefix, fn)
	}
	return f.Store.Watch(ctx, prefix, fn)
}

// faults are what stores get wrong, and a case that must find it.
var faults = []struct {
	name, found string
	plant       func(f *faulty)
}{
	{"no compare", "create, replace, overwrite", func(f *faulty) {
		f.put = func(ctx context.Context, key string, val []byte, _ int64) (int64, error) {
			return f.Store.Put(ctx, key, val, -1)
		}
	}},
	{"compare and swap in two steps", "counting by compare and swap", func(f *faulty) {
		f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
			_, rev, err := f.Store.Get(ctx, key)
			if ifRev >= 0 && rev != ifRev {
				return 0, errors.Join(err, fs.ErrExist)
			}
			wait(ctx)
			return f.Store.Put(ctx, key, val, -1)
		}
	}},
	{"create in two steps", "one of many creates", func(f *faulty) {
		f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
			if _, _, err := f.Store.Get(ctx, key); err == nil && ifRev == 0 {
				return 0, fs.ErrExist
			}
			wait(ctx)
			return f.Store.Put(ctx, key, val, -1)
		}
	}},
	{"revisions that begin anew", "revisions grow over deletion", func(f *faulty) {
		var mu sync.Mutex
		base := make(map[string]int64)
		f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
			mu.Lock()
			defer mu.Unlock()
			if ifRev > 0 {
				ifRev += base[key]
			}
			rev, err := f.Store.Put(ctx, key, val, ifRev)
			rev -= base[key]
			if val == nil && err == nil {
				base[key] += rev
			}
			return rev, err
		}
	}},
	{"empty is missing", "an empty value is a value", func(f *faulty) {
		f.get = func(ctx context.Context, key string) ([]byte, int64, error) {
			val, rev, err := f.Store.Get(ctx, key)
			return append([]byte(nil), val...), rev, err
		}
	}},
	{"empty deletes", "an empty value is a value", func(f *faulty) {
		f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
			if len(val) == 0 {
				val = nil
			}
			return f.Store.Put(ctx, key, val, ifRev)
		}
	}},
	{"keys without case", "odd keys", func(f *faulty) {
		f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
			return f.Store.Put(ctx, strings.ToLower(key), val, ifRev)
		}
	}},
	{"long keys are cut", "odd keys", func(f *faulty) {
		f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
			return f.Store.Put(ctx, key[:min(len(key), 255)], val, ifRev)
		}
	}},
	{"big values are cut", "big values", func(f *faulty) {
		f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
			return f.Store.Put(ctx, key, val[:min(len(val), 1<<19)], ifRev)
		}
	}},
	{"any size is taken", "keys and values that are refused", func(f *faulty) {
		f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
			return f.Store.Put(ctx, key, val[:min(len(val), kv.MaxValue)], ifRev)
		}
	}},
	{"a list out of order", "list by prefix", func(f *faulty) {
		f.list = func(ctx context.Context, prefix string, fn func(string, []byte, int64) error) error {
			var keys []string
			err := f.Store.List(ctx, prefix, func(key string, _ []byte, _ int64) error {
				keys = append(keys, key)
				return nil
			})
			slices.Reverse(keys)
			for _, key := range keys {
				val, rev, err := f.Store.Get(ctx, key)
				if err != nil {
					return err
				}
				if err := fn(key, val, rev); err != nil {
					return err
				}
			}
			return err
		}
	}},
	{"a list that drops errors", "list calls back", func(f *faulty) {
		f.list = func(ctx context.Context, prefix string, fn func(string, []byte, int64) error) error {
			_ = f.Store.List(ctx, prefix, fn)
			return nil
		}
	}},
	{"a list by position", "list during writes", func(f *faulty) {
		f.list = func(ctx context.Context, prefix string, fn func(string, []byte, int64) error) error {
			for n := 0; ; n++ {
				i, stop := 0, errors.New("found")
				var key string
				var val []byte
				var rev int64
				err := f.Store.List(ctx, prefix, func(k string, v []byte, r int64) error {
					if i++; i > n {
						key, val, rev = k, bytes.Clone(v), r
						return stop
					}
					return nil
				})
				if !errors.Is(err, stop) {
					return err
				}
				if err := fn(key, val, rev); err != nil {
					return err
				}
			}
		}
	}},
	{"a lock for all", "locks exclude", func(f *faulty) {
		f.lock = func(ctx context.Context, _ string) (context.Context, func() error, error) {
			held, cancel := context.WithCancel(ctx)
			return held, func() error { cancel(); return nil }, ctx.Err()
		}
	}},
	{"held goes on", "a lock and its context", func(f *faulty) {
		f.lock = func(ctx context.Context, name string) (context.Context, func() error, error) {
			_, unlock, err := f.Store.Lock(ctx, name)
			return ctx, unlock, err
		}
	}},
	{"no fence", "a lock that is lost", func(f *faulty) {
		f.put = func(_ context.Context, key string, val []byte, ifRev int64) (int64, error) {
			return f.Store.Put(context.Background(), key, val, ifRev)
		}
	}},
	{"the wait for a lock cannot end", "waiting for a lock is given up", func(f *faulty) {
		f.lock = func(ctx context.Context, name string) (context.Context, func() error, error) {
			got := make(chan struct{})
			var held context.Context
			var unlock func() error
			var err error
			go func() {
				defer close(got)
				held, unlock, err = f.Store.Lock(context.WithoutCancel(ctx), name)
			}()
			select {
			case <-got:
				return held, unlock, err
			case <-ctx.Done():
				return nil, nil, ctx.Err() // and the other goroutine gets the lock
			}
		}
	}},
	{"list, and then watch", "watch has no gaps", func(f *faulty) {
		f.watch = func(ctx context.Context, prefix string, fn func(string, []byte, int64)) error {
			err := f.Store.List(ctx, prefix, func(key string, val []byte, rev int64) error {
				fn(key, val, rev)
				return nil
			})
			if err != nil {
				return err
			}
			wait(ctx)
			old := make(map[string]int64)
			synced := false
			return f.Store.Watch(ctx, prefix, func(key string, val []byte, rev int64) {
				switch {
				case key == "":
					synced = true
					fn(key, val, rev)
				case !synced:
					old[key] = rev
				case rev > old[key]:
					fn(key, val, rev)
				}
			})
		}
	}},
	{"deletions are not told", "watch", func(f *faulty) {
		f.watch = func(ctx context.Context, prefix string, fn func(string, []byte, int64)) error {
			return f.Store.Watch(ctx, prefix, func(key string, val []byte, rev int64) {
				if val != nil || key == "" {
					fn(key, val, rev)
				}
			})
		}
	}},
	{"in sync too early", "watch", func(f *faulty) {
		f.watch = func(ctx context.Context, prefix string, fn func(string, []byte, int64)) error {
			fn("", nil, 0)
			wait(ctx)
			return f.Store.Watch(ctx, prefix, func(key string, val []byte, rev int64) {
				if key != "" {
					wait(ctx)
					fn(key, val, rev)
				}
			})
		}
	}},
	{"in sync twice", "watch", func(f *faulty) {
		f.watch = func(ctx context.Context, prefix string, fn func(string, []byte, int64)) error {
			return f.Store.Watch(ctx, prefix, func(key string, val []byte, rev int64) {
				fn(key, val, rev)
				if key == "" {
					fn("", nil, 0)
				}
			})
		}
	}},
	{"a prefix that is a folder", "list by prefix", func(f *faulty) {
		f.list = func(ctx context.Context, prefix string, fn func(string, []byte, int64) error) error {
			return f.Store.List(ctx, strings.TrimSuffix(prefix, "/")+"/", fn)
		}
	}},
	{"contexts do not matter", "a cancelled context", func(f *faulty) {
		f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
			return f.Store.Put(context.WithoutCancel(ctx), key, val, ifRev)
		}
	}},
	{"a closed store waits on", "a closed store", func(f *faulty) {
		f.watch = func(ctx context.Context, prefix string, fn func(string, []byte, int64)) error {
			err := f.Store.Watch(ctx, prefix, fn)
			<-ctx.Done()
			return err
		}
	}},
	{"the caller's memory", "values are copies", func(f *faulty) {
		var mu sync.Mutex
		kept := make(map[string][]byte)
		f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
			mu.Lock()
			kept[key] = val
			mu.Unlock()
			return f.Store.Put(ctx, key, val, ifRev)
		}
		f.get = func(ctx context.Context, key string) ([]byte, int64, error) {
			_, rev, err := f.Store.Get(ctx, key)
			mu.Lock()
			defer mu.Unlock()
			return kept[key], rev, err
		}
	}},
}

// wait makes a gap in which others get on.
func wait(ctx context.Context) {
	select {
	case <-time.After(2 * time.Millisecond):
	case <-ctx.Done():
	}
}

func TestFaultsAreFound(t *testing.T) {
	cases := make(map[string]kvtest.Case)
	for _, c := range kvtest.Cases() {
		cases[c.Name] = c
	}
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			require.Contains(t, cases, fault.found)
			t.Parallel()
			f := &faulty{Store: new(memkv.Store)}
			fault.plant(f)
			err := kvtest.RunCase(t, kvtest.Backend{
				New:      func(*testing.T) kvtest.Opener { return func() (kvtest.Store, error) { return f, nil } },
				Shared:   true,
				Lose:     func(_ *testing.T, name string) { f.Lose(name) },
				Patience: 3 * time.Second,
			}, cases[fault.found])
			require.Error(t, err)
			t.Log(err)
		})
	}
}

func Example() {
	// A store's test calls kvtest.Test; the cases are also there one by one.
	for _, c := range kvtest.Cases()[:3] {
		fmt.Println(c.Name)
	}
	// Output:
	// a missing key
	// create, replace, overwrite
	// values are copies
}
