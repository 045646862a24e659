package limit_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/limit"
)

var (
	alice = netip.MustParseAddr("192.0.2.1")
	bob   = netip.MustParseAddr("192.0.2.2")
)

// clock is a [limit.Limiter.Now] that stands still until it is moved.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{at: time.Unix(1_800_000_000, 0)} }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

func requireRefused(t *testing.T, err error, scope limit.Scope, kind limit.Kind) {
	t.Helper()
	e, ok := errors.AsType[*limit.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, limit.Error{Scope: scope, Kind: kind}, *e)
}

func TestZeroValue(t *testing.T) {
	var l limit.Limiter
	for range 1000 {
		_, err := l.Acquire(alice, "a.example")
		require.NoError(t, err)
	}
	require.Equal(t, limit.Stats{Conns: 1000, Refused: map[limit.Error]uint64{}}, l.Stats())
	var none limit.Lease
	none.Release()
}

func TestConns(t *testing.T) {
	l := &limit.Limiter{PerClient: limit.Limit{Conns: 2}, PerSite: limit.Limit{Conns: 3}, Total: limit.Limit{Conns: 4}}
	var leases []limit.Lease
	take := func(client netip.Addr, site string) error {
		lease, err := l.Acquire(client, site)
		if err == nil {
			leases = append(leases, lease)
		} else {
			require.Zero(t, lease)
		}
		return err
	}
	require.NoError(t, take(alice, "a"))
	require.NoError(t, take(alice, "a"))
	requireRefused(t, take(alice, "b"), limit.PerClient, limit.Conns)
	require.NoError(t, take(bob, "a"))
	requireRefused(t, take(bob, "a"), limit.PerSite, limit.Conns)
	require.NoError(t, take(bob, "b"))
	requireRefused(t, take(netip.MustParseAddr("192.0.2.3"), "b"), limit.Total, limit.Conns)

	s := l.Stats()
	require.Equal(t, 4, s.Conns)
	require.Equal(t, map[limit.Error]uint64{
		{Scope: limit.PerClient, Kind: limit.Conns}: 1,
		{Scope: limit.PerSite, Kind: limit.Conns}:   1,
		{Scope: limit.Total, Kind: limit.Conns}:     1,
	}, s.Refused)

	leases[0].Release()
	require.NoError(t, take(alice, "a"), "what was refused took nothing")
	for _, lease := range leases[1:] {
		lease.Release()
	}
	_, err := l.Client(bob)
	require.NoError(t, err)
	s = l.Stats()
	require.Equal(t, 1, s.Conns)
	require.Equal(t, 1, s.Clients, "nothing is remembered of whom nothing is counted")
	require.Zero(t, s.Sites)
}

func TestSiteOfItsOwnLimit(t *testing.T) {
	l := &limit.Limiter{PerSite: limit.Limit{Conns: 1}}
	_, err := l.Site("a", limit.Limit{})
	require.NoError(t, err)
	_, err = l.Site("a", limit.Limit{})
	requireRefused(t, err, limit.PerSite, limit.Conns)
	lease, err := l.Site("a", limit.Limit{Conns: 2})
	require.NoError(t, err)
	_, err = l.Site("a", limit.Limit{Conns: 2})
	requireRefused(t, err, limit.PerSite, limit.Conns)
	lease.Release()
	_, err = l.Site("a", limit.Limit{Conns: 2})
	require.NoError(t, err)
	require.Zero(t, l.Stats().Conns, "a site's connections are not counted twice in the whole")
}

func TestRate(t *testing.T) {
	for _, scope := range []limit.Scope{limit.PerClient, limit.PerSite, limit.Total} {
		t.Run(scope.String(), func(t *testing.T) {
			c := newClock()
			l := &limit.Limiter{Now: c.now}
			lim := limit.Limit{Rate: 10, Burst: 3}
			switch scope {
			case limit.PerClient:
				l.PerClient = lim
			case limit.PerSite:
				l.PerSite = lim
			case limit.Total:
				l.Total = lim
			}
			open := func() error {
				lease, err := l.Acquire(alice, "a")
				lease.Release()
				return err
			}
			burst := func(n int) {
				t.Helper()
				for range n {
					require.NoError(t, open())
				}
				requireRefused(t, open(), scope, limit.Rate)
			}
			burst(3)
			c.advance(99 * time.Millisecond)
			requireRefused(t, open(), scope, limit.Rate)
			c.advance(time.Millisecond)
			burst(1)
			c.advance(200 * time.Millisecond)
			burst(2)
			c.advance(time.Hour) // no more than the burst is saved up
			burst(3)
			c.advance(-time.Minute) // a clock that is set back
			requireRefused(t, open(), scope, limit.Rate)
		})
	}
}

func TestRateDefaults(t *testing.T) {
	for _, c := range []struct {
		limit limit.Limit
		burst int
	}{
		{limit.Limit{Rate: 5}, 5},
		{limit.Limit{Rate: 4.1}, 5},
		{limit.Limit{Rate: 0.1}, 1},
		{limit.Limit{Rate: 1e-12}, 1},
		{limit.Limit{Rate: 1e12, Burst: 7}, 7},
		{limit.Limit{Rate: 1e-9, Burst: 1 << 30}, 100},
		{limit.Limit{Rate: -1}, 100},
	} {
		clock := newClock()
		l := &limit.Limiter{PerClient: c.limit, Now: clock.now}
		n := 0
		for n < 100 {
			if _, err := l.Client(alice); err != nil {
				break
			}
			n++
		}
		if c.limit.Burst <= 1<<10 {
			require.Equal(t, c.burst, n, "%+v", c.limit)
		}
	}
}

// A rate that only a site brings needs the clock as well.
func TestRateOfSiteAlone(t *testing.T) {
	c := newClock()
	l := &limit.Limiter{Now: c.now}
	lim := limit.Limit{Rate: 1, Burst: 1}
	_, err := l.Client(alice)
	require.NoError(t, err)
	for range 3 {
		lease, err := l.Site("a", lim)
		require.NoError(t, err)
		lease.Release()
		_, err = l.Site("a", lim)
		requireRefused(t, err, limit.PerSite, limit.Rate)
		c.advance(time.Second)
	}
}

// What one limit refuses costs nothing of another.
func TestNothingTaken(t *testing.T) {
	c := newClock()
	l := &limit.Limiter{
		PerClient: limit.Limit{Rate: 1, Burst: 2},
		PerSite:   limit.Limit{Conns: 1},
		Total:     limit.Limit{Rate: 1, Burst: 2},
		Now:       c.now,
	}
	first, err := l.Acquire(alice, "a")
	require.NoError(t, err)
	for range 10 {
		_, err = l.Acquire(alice, "a")
		requireRefused(t, err, limit.PerSite, limit.Conns)
	}
	first.Release()
	_, err = l.Acquire(alice, "a")
	require.NoError(t, err, "ten refusals used up no rate")
	_, err = l.Acquire(bob, "b")
	requireRefused(t, err, limit.Total, limit.Rate)
	c.advance(time.Second)
	_, err = l.Acquire(bob, "b")
	require.NoError(t, err)
}

func TestClientsByPrefix(t *testing.T) {
	for _, c := range []struct {
		name   string
		v4, v6 int
		a, b   string
		shared bool
	}{
		{"IPv4", 0, 0, "192.0.2.1", "192.0.2.0", false},
		{"IPv4 mapped", 0, 0, "192.0.2.1", "::ffff:192.0.2.1", true},
		{"IPv4 by /24", 24, 0, "192.0.2.1", "192.0.2.255", true},
		{"IPv4 by /24, another", 24, 0, "192.0.2.1", "192.0.3.1", false},
		{"IPv4 by more than it has", 99, 0, "192.0.2.1", "192.0.2.0", false},
		{"IPv6 /56", 0, 0, "2001:db8:0:aa00::1", "2001:db8:0:aaff:ffff::", true},
		{"IPv6 /56, another", 0, 0, "2001:db8:0:aa00::1", "2001:db8:0:ab00::1", false},
		{"IPv6 /64", 0, 64, "2001:db8::1", "2001:db8::ffff:0:0:1", true},
		{"IPv6 /64, another", 0, 64, "2001:db8::1", "2001:db8:0:1::1", false},
		{"IPv6 /128", 0, 128, "2001:db8::1", "2001:db8::2", false},
		{"IPv6 /72", 0, 72, "2001:db8::1:0:0:1", "2001:db8::2:0:0:1", true},
		{"IPv6 with zone", 0, 0, "fe80::1%a", "fe80::1%b", true},
		{"IPv4 and the IPv6 of zeros", 0, 0, "0.0.0.0", "::", false},
		{"no address", 0, 0, "", "192.0.2.1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &limit.Limiter{V4Bits: c.v4, V6Bits: c.v6, PerClient: limit.Limit{Conns: 1}}
			addr := func(s string) netip.Addr { a, _ := netip.ParseAddr(s); return a }
			_, err := l.Client(addr(c.a))
			require.NoError(t, err)
			_, err = l.Client(addr(c.b))
			require.Equal(t, c.shared, err != nil)
		})
	}
}

// However many goroutines ask, never is one connection more let in, nor one less.
func TestExact(t *testing.T) {
	const each, most = 500, 7
	l := &limit.Limiter{PerClient: limit.Limit{Conns: most}, PerSite: limit.Limit{Conns: most}, Total: limit.Limit{Conns: 2 * most}}
	var mu sync.Mutex
	var open, top [2]int
	var wg sync.WaitGroup
	for g := range 8 {
		client := netip.AddrFrom4([4]byte{192, 0, 2, byte(g % 2)})
		wg.Go(func() {
			for range each {
				lease, err := l.Acquire(client, fmt.Sprint(g%2))
				if err != nil {
					continue
				}
				mu.Lock()
				open[g%2]++
				top[g%2] = max(top[g%2], open[g%2])
				mu.Unlock()
				mu.Lock()
				open[g%2]--
				mu.Unlock()
				lease.Release()
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, max(top[0], top[1]), most)
	require.Zero(t, l.Stats().Conns)
	for range 2 { // all of it is free again, and no more
		var leases []limit.Lease
		for {
			lease, err := l.Acquire(alice, "0")
			if err != nil {
				break
			}
			leases = append(leases, lease)
		}
		require.Len(t, leases, most)
		for _, lease := range leases {
			lease.Release()
		}
	}
}

// As many as the limit get in when they all come at once: a rival that is refused
// by another limit takes nobody's place, not even for a moment.
func TestExactAtOnce(t *testing.T) {
	for range 100 {
		l := &limit.Limiter{PerSite: limit.Limit{Conns: 1}, Total: limit.Limit{Conns: 3}}
		_, err := l.Acquire(alice, "full")
		require.NoError(t, err)
		var good, rivals sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			good.Go(func() { _, errs[i] = l.Acquire(bob, fmt.Sprint(i)) })
		}
		for range 4 {
			rivals.Go(func() { l.Acquire(alice, "full") })
		}
		good.Wait()
		rivals.Wait()
		require.NoError(t, errors.Join(errs...))
	}
}

// A flood of addresses costs bounded memory, and nobody a place.
func TestFlood(t *testing.T) {
	c := newClock()
	l := &limit.Limiter{PerClient: limit.Limit{Conns: 1, Rate: 0.01, Burst: 1}, MaxClients: 1024, Now: c.now}
	held, err := l.Client(alice)
	require.NoError(t, err)
	for i := range 50_000 {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		lease, err := l.Client(addr)
		require.NoError(t, err)
		lease.Release()
		if i%1000 == 0 {
			require.LessOrEqual(t, l.Stats().Clients, 1024+1)
			_, err = l.Client(alice)
			requireRefused(t, err, limit.PerClient, limit.Conns)
		}
	}
	require.Equal(t, 1024+1, l.Stats().Clients, "as many as fit, and who has a connection")
	_, err = l.Client(netip.AddrFrom4([4]byte{10, 0, 195, 79})) // the last of them
	requireRefused(t, err, limit.PerClient, limit.Rate)
	held.Release()

	c.advance(time.Hour) // whom nothing is left to remember of, is forgotten by and by
	for i := range 5_000 {
		lease, err := l.Client(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}))
		require.NoError(t, err)
		lease.Release()
		c.advance(100 * time.Second)
	}
	require.Less(t, l.Stats().Clients, 200)
}

// Whoever was refused is forgotten as well, and not while he has a connection.
func TestForgotten(t *testing.T) {
	c := newClock()
	l := &limit.Limiter{PerClient: limit.Limit{Conns: 5, Rate: 1, Burst: 2}, Now: c.now}
	var held []limit.Lease
	for i := range 200 {
		addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
		for range 2 {
			lease, err := l.Client(addr)
			require.NoError(t, err)
			if i < 10 {
				held = append(held, lease)
			} else {
				lease.Release()
			}
		}
		for range 3 {
			_, err := l.Client(addr)
			requireRefused(t, err, limit.PerClient, limit.Rate)
		}
	}
	require.Equal(t, 200, l.Stats().Clients)
	c.advance(time.Hour)
	for i := range 5000 { // each shard sees enough of them to clear up
		lease, err := l.Client(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
		require.NoError(t, err)
		lease.Release()
		c.advance(time.Second)
	}
	const last = 64 // of each shard, the last one stays until the next comes
	require.LessOrEqual(t, l.Stats().Clients, len(held)/2+last)
	for i, lease := range held {
		require.Equal(t, len(held)-i, l.Stats().Conns)
		lease.Release()
	}
	require.LessOrEqual(t, l.Stats().Clients, last)
}

// Against a plain model, in any order of events.
func TestModel(t *testing.T) {
	type held struct {
		lease        limit.Lease
		client, site string
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	l := &limit.Limiter{PerClient: limit.Limit{Conns: 3}, PerSite: limit.Limit{Conns: 5}, Total: limit.Limit{Conns: 12}}
	clients, sites := map[string]int{}, map[string]int{}
	var open []held
	for range 10_000 {
		if len(open) > 0 && rnd.IntN(2) == 0 {
			i := rnd.IntN(len(open))
			h := open[i]
			h.lease.Release()
			clients[h.client]--
			sites[h.site]--
			open[i] = open[len(open)-1]
			open = open[:len(open)-1]
			continue
		}
		addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(rnd.IntN(8))})
		h := held{client: addr.String(), site: fmt.Sprint(rnd.IntN(4))}
		var err error
		h.lease, err = l.Acquire(addr, h.site)
		switch {
		case clients[h.client] == 3:
			requireRefused(t, err, limit.PerClient, limit.Conns)
		case sites[h.site] == 5:
			requireRefused(t, err, limit.PerSite, limit.Conns)
		case len(open) == 12:
			requireRefused(t, err, limit.Total, limit.Conns)
		default:
			require.NoError(t, err)
			clients[h.client]++
			sites[h.site]++
			open = append(open, h)
		}
		require.Equal(t, len(open), l.Stats().Conns)
	}
}

func TestErrorText(t *testing.T) {
	require.EqualError(t, &limit.Error{Scope: limit.PerClient, Kind: limit.Conns}, "limit: too many connections of one client")
	require.EqualError(t, &limit.Error{Scope: limit.PerSite, Kind: limit.Rate}, "limit: too many new connections to one site")
	require.EqualError(t, &limit.Error{Scope: limit.Total, Kind: limit.Conns}, "limit: too many connections in all")
	require.Equal(t, "unknown", limit.Scope(9).String())
	require.Equal(t, "unknown", limit.Kind(9).String())
}
