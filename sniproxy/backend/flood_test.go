package backend_test

import (
	"fmt"
	"io/fs"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

func TestCacheLimitsAClient(t *testing.T) {
	c := &backend.Cache{Burst: 5, PerSecond: 0.5}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		for i := range 20 {
			r.Set(fmt.Sprint("n", i), found(time.Minute, good))
		}
		asked := 0
		lookup := func(from string) error {
			_, err := c.Lookup(t.Context(), fmt.Sprint("n", asked), netip.MustParseAddr(from))
			asked++
			return err
		}
		for range 5 {
			require.NoError(t, lookup("198.51.100.7"))
		}
		require.ErrorIs(t, lookup("198.51.100.7"), backend.ErrLimited)
		require.ErrorIs(t, lookup("::ffff:198.51.100.7"), backend.ErrLimited, "the same client")
		_, err := c.Lookup(t.Context(), "n0", client)
		require.NoError(t, err, "what is cached costs nothing")
		require.NoError(t, lookup("198.51.100.8"))
		pass(4 * time.Second)
		require.NoError(t, lookup("198.51.100.7"))
		require.NoError(t, lookup("198.51.100.7"))
		require.ErrorIs(t, lookup("198.51.100.7"), backend.ErrLimited)
		require.Equal(t, uint64(3), c.Stats().Limited)

		for i := range 5 { // one customer's network
			require.NoError(t, lookup(fmt.Sprintf("2001:db8:0:%x::1", i+1)))
		}
		require.ErrorIs(t, lookup("2001:db8:0:ff::1"), backend.ErrLimited)
		require.NoError(t, lookup("2001:db8:0:100::1"))
	})
}

func TestCacheRenewalIsNoNewName(t *testing.T) {
	c := &backend.Cache{Burst: 1, PerSecond: 0.001}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		r.Set("x", found(time.Minute, good))
		for range 10 {
			_, err := c.Lookup(t.Context(), "x", client)
			require.NoError(t, err)
			pass(2 * time.Minute)
		}
		require.Equal(t, 10, r.Asked("x"))
	})
}

func TestCacheStandsAFloodOfNames(t *testing.T) {
	c := &backend.Cache{Size: 100, Burst: -1}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		for i := range 50 {
			name := fmt.Sprint("site", i)
			r.Set(name, found(time.Hour, good))
			for range 2 {
				_, err := c.Lookup(t.Context(), name, client)
				require.NoError(t, err)
			}
		}
		for i := range 5000 {
			_, err := c.Lookup(t.Context(), fmt.Sprint("random", i), client)
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
		require.Equal(t, 100, c.Stats().Names)
		for i := range 50 {
			_, ok, err := c.Get(fmt.Sprint("site", i))
			require.True(t, ok, "site %d", i)
			require.NoError(t, err)
		}
	})
}

func TestCacheKeepsTheLastUsed(t *testing.T) {
	c := &backend.Cache{Size: 10, Burst: -1}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		for i := range 40 {
			name := fmt.Sprint("site", i)
			r.Set(name, found(time.Hour, good))
			for range 2 {
				_, err := c.Lookup(t.Context(), name, client)
				require.NoError(t, err)
			}
		}
		require.Equal(t, 10, c.Stats().Names)
		for i := 32; i < 40; i++ {
			_, ok, _ := c.Get(fmt.Sprint("site", i))
			require.True(t, ok, "site %d", i)
		}
		_, ok, _ := c.Get("site0")
		require.False(t, ok)
	})
}

func TestCacheBoundsWhatRuns(t *testing.T) {
	c := &backend.Cache{InFlight: 3}
	inBubble(t, c, func(t *testing.T, r *sniproxytest.Resolver) {
		hold := make(chan struct{})
		results := make(chan error, 3)
		for i := range 4 {
			name := fmt.Sprint("n", i)
			answer := found(time.Minute, good)
			answer.Hold = hold
			r.Set(name, answer)
			if i == 3 {
				_, err := c.Lookup(t.Context(), name, client)
				require.ErrorIs(t, err, backend.ErrLimited)
				continue
			}
			go func() {
				_, err := c.Lookup(t.Context(), name, client)
				results <- err
			}()
			synctest.Wait()
		}
		close(hold)
		for range 3 {
			require.NoError(t, <-results)
		}
		_, err := c.Lookup(t.Context(), "n3", client)
		require.NoError(t, err)
	})
}
