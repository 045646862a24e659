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

func TestLookupIsReadyAtOnceWhenCached(t *testing.T) {
	r := sniproxytest.NewResolver(map[string][]netip.Addr{"site.example": {good}})
	l := lookupOf(t, r)
	_, ok, err := l.Ready(nil, query)
	require.NoError(t, err)
	require.False(t, ok)
	require.Zero(t, r.Questions())
	got, err := l.Resolve(t.Context(), []netip.AddrPort{a}, query)
	require.NoError(t, err)
	require.Equal(t, []netip.AddrPort{a, netip.AddrPortFrom(good, 443)}, got)
	got, ok, err = l.Ready([]netip.AddrPort{b}, query)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []netip.AddrPort{b, netip.AddrPortFrom(good, 443)}, got)

	unknown := query
	unknown.Name = "other.example"
	_, err = l.Resolve(t.Context(), nil, unknown)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, ok, err = l.Ready(nil, unknown)
	require.True(t, ok)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestLookupOfAnotherHostAndPort(t *testing.T) {
	l := lookupOf(t, sniproxytest.NewResolver(map[string][]netip.Addr{"origin.example": {good}}))
	l.Host, l.Port = "origin.example", 80
	got, err := l.Resolve(t.Context(), nil, query)
	require.NoError(t, err)
	require.Equal(t, ports(80, good), got)
}

func TestLookupNeedsItsParts(t *testing.T) {
	l := lookupOf(t, &sniproxytest.Resolver{})
	_, ok, err := l.Ready(nil, backend.Query{Port: 443})
	require.True(t, ok)
	require.ErrorIs(t, err, backend.ErrNoBackend, "no name")
	_, err = l.Resolve(t.Context(), nil, backend.Query{Port: 443})
	require.ErrorIs(t, err, backend.ErrNoBackend)
	for _, l := range []*backend.Lookup{{}, {Cache: l.Cache}, {Guard: l.Guard}} {
		_, ok, err := l.Ready(nil, query)
		require.True(t, ok)
		require.Error(t, err)
	}
}

func TestLookupTakesTurnsAndPutsTheSlowLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		third := netip.MustParseAddr("2001:db8:1000::82")
		list := ports(443, good, good2, third)
		l := lookupOf(t, sniproxytest.NewResolver(map[string][]netip.Addr{"site.example": {good, good2, third}}))
		ask := func() []netip.AddrPort {
			got, err := l.Resolve(t.Context(), nil, query)
			require.NoError(t, err)
			require.ElementsMatch(t, list, got)
			return got
		}
		seen := map[netip.AddrPort]int{}
		for range 9 {
			seen[ask()[0]]++
		}
		require.Equal(t, map[netip.AddrPort]int{list[0]: 3, list[1]: 3, list[2]: 3}, seen)

		l.Report(list[1], errBoom, 0)
		pass(time.Second)
		l.Report(list[0], backend.ErrOvertaken, 0)
		for range 6 {
			require.Equal(t, []netip.AddrPort{list[2], list[1], list[0]}, ask(), "the one that failed last comes last")
		}
		l.Report(list[0], nil, 0)
		for range 6 {
			require.Equal(t, list[1], ask()[2])
		}
		pass(29 * time.Second)
		seen = map[netip.AddrPort]int{}
		for range 9 {
			seen[ask()[0]]++
		}
		require.Equal(t, 3, seen[list[1]], "the penalty is over")
		l.Closed(list[1])
		require.NoError(t, l.Cache.Close())
	})
}

// Who fails is remembered within bounds: the penalties are not a way to fill memory.
func TestLookupRemembersWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &backend.Lookup{}
		addr := func(i int) netip.AddrPort {
			return netip.MustParseAddrPort(fmt.Sprintf("[2001:db8:1000::%x]:443", i))
		}
		for i := range 5000 {
			l.Report(addr(i), errBoom, 0)
		}
		require.Equal(t, 1024, l.Remembered())
		pass(30 * time.Second)
		l.Report(addr(1), errBoom, 0)
		require.Equal(t, 1, l.Remembered(), "room is made by what is over")
		l.Report(addr(1), nil, 0)
		require.Zero(t, l.Remembered())
	})
}
