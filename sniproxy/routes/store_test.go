package routes_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// memory is a store that may be lost.
type memory struct {
	mu    sync.Mutex
	keys  map[string]string
	watch []chan struct{ key, val string }
	lost  chan struct{}
	rev   int64
}

func newMemory() *memory { return &memory{keys: map[string]string{}, lost: make(chan struct{})} }

func (m *memory) put(key string, site any) {
	text, err := json.Marshal(site)
	if err != nil {
		panic(err)
	}
	m.set(key, string(text))
}

// set with an empty value deletes.
func (m *memory) set(key, val string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[key] = val
	if val == "" {
		delete(m.keys, key)
	}
	for _, w := range m.watch {
		w <- struct{ key, val string }{key, val}
	}
}

// lose ends all watches; those that come after work.
func (m *memory) lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.lost)
	m.lost, m.watch = make(chan struct{}), nil
}

func (m *memory) Watch(ctx context.Context, prefix string, fn func(string, []byte, int64)) error {
	m.mu.Lock()
	now, lost := maps.Clone(m.keys), m.lost
	changes := make(chan struct{ key, val string }, 100)
	m.watch = append(m.watch, changes)
	m.mu.Unlock()
	for key, val := range now {
		if strings.HasPrefix(key, prefix) {
			fn(key, []byte(val), m.rev)
		}
	}
	fn("", nil, m.rev)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-lost:
			return errors.New("the connection is gone")
		case c := <-changes:
			if !strings.HasPrefix(c.key, prefix) {
				continue
			}
			if c.val == "" {
				fn(c.key, nil, m.rev)
			} else {
				fn(c.key, []byte(c.val), m.rev)
			}
		}
	}
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m, set := newMemory(), &routes.Set{Guard: guard}
		m.put("/sites/a", named("a.example"))
		m.put("/other/x", named("x.example"))
		var synced atomic.Int64
		f := &routes.Follower{Set: set, Store: m, Prefix: "/sites/", Synced: func() { synced.Add(1) }}
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		settle := func() {
			<-time.After(2 * time.Second) // of fake time
			synctest.Wait()
		}
		has := func(want map[string]string) {
			t.Helper()
			settle()
			for name, site := range want {
				got, _ := where(t, set, sniproxy.TLS, name)
				require.Equal(t, site, got, name)
			}
		}
		none := sniproxy.ErrUnknownName.Error()
		has(map[string]string{"a.example": "a", "x.example": none})
		require.EqualValues(t, 1, synced.Load())

		m.put("/sites/b", named("b.example"))
		has(map[string]string{"a.example": "a", "b.example": "b"})
		m.set("/sites/b", "")
		has(map[string]string{"a.example": "a", "b.example": none})

		// One customer's mistake.
		m.set("/sites/a", `{"names": ["a.example"], "backend": 7}`)
		m.put("/sites/c", named("c.example"))
		has(map[string]string{"a.example": "a", "c.example": "c"})
		m.put("/sites/d", named("d.example", "a.example")) // wants another's name
		m.put("/sites/e", named("not a name"))
		m.put("/sites/f", named("f.example"))
		has(map[string]string{"a.example": "a", "d.example": none, "f.example": "f"})

		// The store is lost: nothing changes; then it is back, with changes.
		m.lose()
		m.put("/sites/g", named("g.example"))
		m.set("/sites/f", "")
		m.set("/sites/d", "")
		has(map[string]string{"a.example": "a", "c.example": "c", "f.example": none, "g.example": "g"})
		m.put("/sites/a", named("z.example"))
		has(map[string]string{"a.example": none, "z.example": "a"})
		require.EqualValues(t, 1, synced.Load())
		cancel()
		require.NoError(t, <-ended)
	})
}

// A store that cannot be read leaves the routes as they are.
func TestFollowWithoutStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		set := &routes.Set{Guard: guard}
		require.NoError(t, set.Replace(routes.Document{Sites: []routes.Site{named("a.example")}}))
		var tries atomic.Int64
		f := &routes.Follower{Set: set, Store: storeFunc(func() error { tries.Add(1); return errors.New("refused") }), Prefix: "/"}
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		<-time.After(3500 * time.Millisecond) // of fake time
		synctest.Wait()
		require.EqualValues(t, 4, tries.Load())
		require.ErrorContains(t, f.Status().Err, "refused")
		require.Contains(t, f.Status().String(), "no sites from the store, which does not answer for 4s")
		site, _ := where(t, set, sniproxy.TLS, "a.example")
		require.Equal(t, "a.example", site)
		cancel()
		require.NoError(t, <-ended)
	})
}

type storeFunc func() error

func (f storeFunc) Watch(context.Context, string, func(string, []byte, int64)) error { return f() }
