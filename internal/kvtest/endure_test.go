package kvtest_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/kvtest"
	"github.com/mythic-beasts/hostkit/internal/memkv"
	"github.com/stretchr/testify/require"
)

func TestEndure(t *testing.T) {
	s := new(memkv.Store)
	kvtest.Endure(t, func() (kvtest.Store, error) { return s, nil }, func(progress func() error) error {
		for range 3 {
			if err := progress(); err != nil {
				return err
			}
		}
		return nil
	})
}

// Stores that acknowledge what they do not do are found out.
func TestEndureFinds(t *testing.T) {
	for what, plant := range map[string]func(f *faulty){
		"a write that is lost": func(f *faulty) {
			var n atomic.Int64
			f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
				if n.Add(1)%10 == 0 {
					return 1, nil
				}
				return f.Store.Put(ctx, key, val, ifRev)
			}
		},
		"no compare": func(f *faulty) {
			f.put = func(ctx context.Context, key string, val []byte, _ int64) (int64, error) {
				wait(ctx)
				return f.Store.Put(ctx, key, val, -1)
			}
		},
		"a lock that does not exclude": func(f *faulty) {
			f.lock = func(ctx context.Context, _ string) (context.Context, func() error, error) {
				return ctx, func() error { return nil }, nil
			}
			f.put = func(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
				wait(ctx)
				return f.Store.Put(ctx, key, val, ifRev)
			}
		},
	} {
		f := &faulty{Store: new(memkv.Store)}
		plant(f)
		err := kvtest.EndureError(t.Context(), func() (kvtest.Store, error) { return f, nil }, func(progress func() error) error { return progress() })
		require.Error(t, err, what)
		require.Contains(t, err.Error(), "were counted", what)
	}
}
