package routes_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// greedy is where names lead by the rule: the first site by key has what it wants, or
// else is left out.
func greedy(sites map[string]routes.Site) (where map[string]string, leftOut int) {
	where = make(map[string]string)
	for _, key := range slices.Sorted(maps.Keys(sites)) {
		s := sites[key]
		names := slices.Clone(s.Names)
		if s.Default {
			names = append(names, "*")
		}
		if slices.ContainsFunc(names, func(n string) bool { return where[n] != "" }) {
			leftOut++
			continue
		}
		for _, n := range names {
			where[n] = key
		}
	}
	return where, leftOut
}

// TestFollowModel changes sites at random, many of which want the same names, loses the
// store now and then, and compares the routes with those of the rule.
func TestFollowModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		m, set := newMemory(), &routes.Set{Guard: guard}
		var updates atomic.Int64
		f := &routes.Follower{Set: set, Store: m, Prefix: "s/", Applied: func(come, gone []string) { updates.Add(1) }}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		model := make(map[string]routes.Site)
		for range 250 {
			for range 1 + r.IntN(8) {
				key := fmt.Sprintf("%02d", r.IntN(40))
				if r.IntN(4) == 0 {
					delete(model, key)
					m.set("s/"+key, "")
					continue
				}
				s := named(fmt.Sprintf("n%d.example", r.IntN(30)))
				if other := fmt.Sprintf("n%d.example", r.IntN(30)); other != s.Names[0] {
					s.Names = append(s.Names, other)
				}
				s.Default = r.IntN(15) == 0
				model[key] = s
				m.put("s/"+key, s)
			}
			if r.IntN(10) == 0 {
				m.lose()
			}
			<-time.After(1500 * time.Millisecond) // of fake time
			synctest.Wait()
			want, leftOut := greedy(model)
			for i := range 30 {
				name := fmt.Sprintf("n%d.example", i)
				got, _ := where(t, set, sniproxy.TLS, name)
				require.Equal(t, cmp.Or(want[name], want["*"], sniproxy.ErrUnknownName.Error()), got, name)
			}
			st := f.Status()
			require.NoError(t, st.Err)
			require.Equal(t, []int{len(model) - leftOut, leftOut}, []int{st.Sites, st.LeftOut})
			require.Equal(t, st.Sites, set.Len())
		}
		require.Greater(t, updates.Load(), int64(200))
		cancel()
		require.NoError(t, <-ended)
	})
}

// mute is a store whose watch says nothing when it is cut off, as etcd's.
type mute struct {
	*memory
	down atomic.Bool
}

func (m *mute) Ping(context.Context) error {
	if m.down.Load() {
		return errors.New("no majority")
	}
	return nil
}

// Ten minutes without the store: the proxy routes, says so, and says when it is over.
func TestFollowOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, set := &mute{memory: newMemory()}, &routes.Set{Guard: guard}
		m.put("s/a", named("a.example"))
		f := &routes.Follower{Set: set, Store: m, Prefix: "s/"}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		pass := func(d time.Duration) {
			<-time.After(d) // of fake time
			synctest.Wait()
		}
		pass(time.Second)
		require.Equal(t, "1 sites, 0 left out", f.Status().String())
		m.down.Store(true)
		pass(10 * time.Minute)
		st := f.Status()
		require.ErrorContains(t, st.Err, "no majority")
		require.InDelta(t, 10*time.Minute, time.Since(st.Since), float64(6*time.Second))
		require.Contains(t, st.String(), "1 sites, as they were 9m56s ago: the store does not answer: no majority")
		site, _ := where(t, set, sniproxy.TLS, "a.example")
		require.Equal(t, "a", site)
		m.down.Store(false)
		m.put("s/b", named("b.example"))
		pass(6 * time.Second)
		require.Equal(t, "2 sites, 0 left out", f.Status().String())
		cancel()
		require.NoError(t, <-ended)
	})
}
