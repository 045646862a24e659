package etcdkv_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/etcdkv"
	"github.com/stretchr/testify/require"
)

const patience = time.Minute

func open(t *testing.T, o etcdkv.Options) *etcdkv.Store {
	t.Helper()
	s, err := etcdkv.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// watched is what a Watch has told.
type watched struct {
	mu    sync.Mutex // guards all below
	vals  map[string]string
	gone  int
	syncs int
}

func follow(t *testing.T, s *etcdkv.Store, prefix string) *watched {
	t.Helper()
	w := &watched{vals: make(map[string]string)}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Watch(ctx, prefix, w.note) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	require.Eventually(t, func() bool { return w.state(func() bool { return w.syncs == 1 }) }, patience, 10*time.Millisecond)
	return w
}

func (w *watched) note(key string, val []byte, _ int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case key == "":
		w.syncs++
	case val == nil:
		w.gone++
		delete(w.vals, key)
	default:
		w.vals[key] = string(val)
	}
}

func (w *watched) state(is func() bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return is()
}

// becomes waits until the watch has told exactly these.
func (w *watched) becomes(t *testing.T, want map[string]string) {
	t.Helper()
	require.Eventually(t, func() bool { return w.state(func() bool { return maps.Equal(w.vals, want) }) }, patience, 10*time.Millisecond)
	require.True(t, w.state(func() bool { return w.syncs == 1 }), "in sync once")
}

// put writes, again if etcd is between two leaders.
func put(t *testing.T, s *etcdkv.Store, key, val string) int64 {
	t.Helper()
	var rev int64
	require.Eventually(t, func() bool {
		var err error
		data := []byte(val)
		if val == "" {
			data = nil
		}
		rev, err = s.Put(t.Context(), key, data, -1)
		return err == nil
	}, patience, 50*time.Millisecond)
	return rev
}
