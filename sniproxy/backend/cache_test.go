package backend_test

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

var client = netip.MustParseAddr("198.51.100.7")

// inBubble runs fn with a cache over a scripted resolver in a synctest bubble.
func inBubble(t *testing.T, c *backend.Cache, fn func(t *testing.T, r *sniproxytest.Resolver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := new(sniproxytest.Resolver)
		c.Resolver = r
		fn(t, r)
		require.NoError(t, c.Close())
	})
}

func found(ttl time.Duration, list ...netip.Addr) sniproxytest.Answer {
	return sniproxytest.Answer{Addrs: list, TTL: ttl}
}

var failed = sniproxytest.Answer{Err: &backend.LookupError{Name: "x", Reason: backend.ServerFailure}}

func missing(ttl time.Duration, reason backend.LookupReason) sniproxytest.Answer {
	return sniproxytest.Answer{TTL: ttl, Err: &backend.LookupError{Name: "x", Reason: reason}}
}

func TestCacheKeepsForTheTTL(t *testing.T) {
	tests := []struct {
		name      string
		ttl, kept time.Duration
	}{
		{"as answered", time.Minute, time.Minute},
		{"at least 5 s", time.Nanosecond, 5 * time.Second},
		{"at most 5 min", 24 * time.Hour, 5 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &backend.Cache{}
			inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
				r.Set("x", found(tt.ttl, good), found(tt.ttl, good2))
				_, ok, _ := c.Get("x")
				require.False(t, ok)
				got, err := c.Lookup(t.Context(), "x", client)
				require.NoError(t, err)
				require.Equal(t, []netip.Addr{good}, got)

				pass(tt.kept - 1)
				got, err = c.Lookup(t.Context(), "x", client)
				require.NoError(t, err)
				require.Equal(t, []netip.Addr{good}, got)
				synctest.Wait() // that was a hit near the end, which renewed it
				require.Equal(t, 2, r.Asked("x"))
				pass(1)
				got, ok, err = c.Get("x")
				require.True(t, ok)
				require.NoError(t, err)
				require.Equal(t, []netip.Addr{good2}, got)

				pass(tt.kept)
				_, ok, _ = c.Get("x")
				require.False(t, ok, "nobody asked meanwhile")
			})
		})
	}
}

func TestCacheKeepsThatThereIsNone(t *testing.T) {
	for _, reason := range []backend.LookupReason{backend.NoName, backend.NoAddress} {
		c := &backend.Cache{}
		inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
			r.Set("x", missing(time.Minute, reason), missing(1, reason), found(time.Minute, good))
			for range 3 {
				_, err := c.Lookup(t.Context(), "x", client)
				require.ErrorIs(t, err, fs.ErrNotExist)
				var none *backend.LookupError
				require.ErrorAs(t, err, &none)
				require.Equal(t, reason, none.Reason)
			}
			require.Equal(t, 1, r.Asked("x"))
			pass(time.Minute)
			_, err := c.Lookup(t.Context(), "x", client)
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.Equal(t, 2, r.Asked("x"))
			pass(5 * time.Second)
			got, err := c.Lookup(t.Context(), "x", client)
			require.NoError(t, err)
			require.Equal(t, []netip.Addr{good}, got)
		})
	}
}

func TestCacheNoAddressesIsNone(t *testing.T) {
	c := &backend.Cache{}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		r.Set("x", found(time.Minute))
		_, err := c.Lookup(t.Context(), "x", client)
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func TestCacheRemembersAFailureBriefly(t *testing.T) {
	c := &backend.Cache{}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		r.Set("x", failed, found(time.Minute, good))
		for range 10 {
			_, err := c.Lookup(t.Context(), "x", client)
			require.Error(t, err)
			require.NotErrorIs(t, err, fs.ErrNotExist)
		}
		require.Equal(t, 1, r.Asked("x"))
		pass(5 * time.Second)
		_, err := c.Lookup(t.Context(), "x", client)
		require.NoError(t, err)
	})
}

func TestCacheServesStale(t *testing.T) {
	c := &backend.Cache{}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		r.Set("x", found(time.Minute, good), failed)
		lookup := func() ([]netip.Addr, error) { return c.Lookup(t.Context(), "x", client) }
		_, err := lookup()
		require.NoError(t, err)
		pass(time.Hour)
		_, ok, _ := c.Get("x")
		require.False(t, ok, "the servers are asked first")
		got, err := lookup()
		require.NoError(t, err)
		require.Equal(t, []netip.Addr{good}, got)
		require.Equal(t, 2, r.Asked("x"))

		got, ok, err = c.Get("x")
		require.True(t, ok, "they have just failed")
		require.NoError(t, err)
		require.Equal(t, []netip.Addr{good}, got)
		require.Equal(t, 2, r.Asked("x"))
		pass(30 * time.Second)
		_, ok, _ = c.Get("x")
		require.False(t, ok, "time to ask them again")

		pass(23 * time.Hour)
		_, err = lookup()
		require.NoError(t, err)
		pass(time.Minute)
		_, err = lookup()
		require.Error(t, err, "a day after its time it is gone")

		r.Set("x", found(time.Minute, good2))
		pass(5 * time.Second)
		got, err = lookup()
		require.NoError(t, err)
		require.Equal(t, []netip.Addr{good2}, got)
	})
}

func TestCacheServesStaleWhenTheServersAreSlow(t *testing.T) {
	c := &backend.Cache{}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		hold := make(chan struct{})
		late := found(time.Minute, good2)
		late.Hold = hold
		r.Set("x", found(time.Minute, good), late)
		_, err := c.Lookup(t.Context(), "x", client)
		require.NoError(t, err)
		pass(time.Hour)
		began := time.Now()
		got, err := c.Lookup(t.Context(), "x", client)
		require.NoError(t, err)
		require.Equal(t, []netip.Addr{good}, got)
		require.Equal(t, 1800*time.Millisecond, time.Since(began))
		require.Equal(t, uint64(1), c.Stats().Stale)

		close(hold)
		synctest.Wait()
		got, ok, err := c.Get("x")
		require.True(t, ok, "the answer that came late counts")
		require.NoError(t, err)
		require.Equal(t, []netip.Addr{good2}, got)
	})
}

func TestCacheDoesNotServeStaleWhatIsDenied(t *testing.T) {
	c := &backend.Cache{}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		r.Set("x", found(time.Minute, good), missing(time.Minute, backend.NoName), failed)
		_, err := c.Lookup(t.Context(), "x", client)
		require.NoError(t, err)
		pass(time.Hour)
		_, err = c.Lookup(t.Context(), "x", client)
		require.ErrorIs(t, err, fs.ErrNotExist)
		pass(time.Hour)
		_, err = c.Lookup(t.Context(), "x", client)
		require.Error(t, err)
		require.NotErrorIs(t, err, fs.ErrNotExist, "nor is the denial used when it is over")
	})
	never := &backend.Cache{Stale: -1}
	inBubble(t, never, func(t *testing.T, r *sniproxytest.Resolver) {
		r.Set("x", found(time.Minute, good), failed)
		_, err := never.Lookup(t.Context(), "x", client)
		require.NoError(t, err)
		pass(time.Minute)
		_, err = never.Lookup(t.Context(), "x", client)
		require.Error(t, err)
	})
}

func TestCacheAsksOnceForMany(t *testing.T) {
	c := &backend.Cache{}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		hold := make(chan struct{})
		answer := found(time.Minute, good)
		answer.Hold = hold
		r.Set("x", answer)
		results := make(chan error, 100)
		first, leave := context.WithCancel(t.Context())
		go func() {
			_, err := c.Lookup(first, "x", client)
			results <- err
		}()
		synctest.Wait()
		for i := range 99 {
			go func() {
				_, err := c.Lookup(t.Context(), "x", netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
				results <- err
			}()
		}
		synctest.Wait()
		require.Equal(t, 1, r.Asked("x"))
		require.Equal(t, 1, c.Stats().Running)
		leave()
		require.ErrorIs(t, <-results, context.Canceled)
		synctest.Wait()
		require.Empty(t, results, "who came first may go: the others wait on")
		close(hold)
		for range 99 {
			require.NoError(t, <-results)
		}
		require.Equal(t, 1, r.Asked("x"))
	})
}

func TestCacheRenewsWhatIsInUse(t *testing.T) {
	c := &backend.Cache{}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		r.Set("x", found(100*time.Second, good))
		_, err := c.Lookup(t.Context(), "x", client)
		require.NoError(t, err)
		for range 60 { // ten minutes of a hit every ten seconds
			pass(10 * time.Second)
			_, ok, err := c.Get("x")
			require.True(t, ok, "never does anybody wait")
			require.NoError(t, err)
		}
		require.InDelta(t, 7, r.Asked("x"), 1)
		pass(89 * time.Second)
		n := r.Asked("x")
		pass(time.Hour)
		require.Equal(t, n, r.Asked("x"), "nobody asks: it is left alone")
	})
}

// Names that nobody asks for twice take no more than their share of the memory, and
// push out none of those that are in use.
// More names in use than there is room for: the ones used last stay.
func TestCacheGivesUp(t *testing.T) {
	c := &backend.Cache{}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		r.Set("x", sniproxytest.Answer{Hold: make(chan struct{})})
		began := time.Now()
		_, err := c.Lookup(t.Context(), "x", client)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 5*time.Second, time.Since(began))
		require.Equal(t, backend.CacheStats{Failed: 1, Names: 1}, c.Stats())
	})
}

func TestCacheCloses(t *testing.T) {
	c := &backend.Cache{}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		r.Set("x", found(time.Hour, good))
		_, err := c.Lookup(t.Context(), "x", client)
		require.NoError(t, err)
		r.Set("y", sniproxytest.Answer{Hold: make(chan struct{})})
		result := make(chan error)
		go func() {
			_, err := c.Lookup(t.Context(), "y", client)
			result <- err
		}()
		synctest.Wait()
		go func() { _ = c.Close() }()
		require.ErrorContains(t, <-result, "closed")
		_, err = c.Lookup(t.Context(), "z", client)
		require.ErrorContains(t, err, "closed")
		_, err = c.Lookup(t.Context(), "x", client)
		require.NoError(t, err)
		require.Zero(t, r.Asked("z"))
	})
	var unused backend.Cache
	require.NoError(t, unused.Close())
	require.NoError(t, unused.Close())
}

func TestCacheDoesNotKeepTheCallersName(t *testing.T) {
	c := &backend.Cache{}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		r.Set("good.example", found(time.Hour, good))
		buf := []byte("good.example")
		_, err := c.Lookup(t.Context(), unsafe.String(&buf[0], len(buf)), client)
		require.NoError(t, err)
		copy(buf, "evil") // the buffer is used again
		_, ok, _ := c.Get("good.example")
		require.True(t, ok)
		_, ok, _ = c.Get("evil.example")
		require.False(t, ok)
	})
}

func TestCacheHitDoesNotAllocate(t *testing.T) {
	c := &backend.Cache{Resolver: sniproxytest.NewResolver(map[string][]netip.Addr{"x": {good, good2}})}
	defer c.Close()
	_, err := c.Lookup(t.Context(), "x", client)
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, ok, err := c.Get("x"); !ok || err != nil {
			panic(errors.Join(err, errors.New("not cached")))
		}
	}))
	l := &backend.Lookup{Cache: c, Guard: &backend.Guard{Allow: []netip.Prefix{customers}}}
	dst := make([]netip.AddrPort, 0, backend.MaxRace)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if got, ok, err := l.Ready(dst, backend.Query{Name: "x", Port: 443}); !ok || err != nil || len(got) != 2 {
			panic("not ready")
		}
	}))
}
