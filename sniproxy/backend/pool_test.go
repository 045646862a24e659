package backend_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/stretchr/testify/require"
)

var (
	a       = netip.MustParseAddrPort("[2001:db8::a]:443")
	b       = netip.MustParseAddrPort("[2001:db8::b]:443")
	c       = netip.MustParseAddrPort("[2001:db8::c]:443")
	errBoom = errors.New("connection refused")
)

// members are given without weight, or with it behind an equals sign.
func members(addrs ...any) (list []backend.Member) {
	for _, x := range addrs {
		switch x := x.(type) {
		case netip.AddrPort:
			list = append(list, backend.Member{Addr: x})
		case int:
			list[len(list)-1].Weight = x
		}
	}
	return list
}

func ready(t *testing.T, p *backend.Pool, client ...string) []netip.AddrPort {
	t.Helper()
	q := backend.Query{Name: "site.example", Port: 443}
	for _, s := range client {
		q.Client = netip.MustParseAddr(s)
	}
	got, ok, err := p.Ready(nil, q)
	require.True(t, ok)
	require.NoError(t, err)
	return got
}

// firsts is who is tried first in n connections, by the last digit of the address.
func firsts(t *testing.T, p *backend.Pool, n int, client ...string) string {
	t.Helper()
	var s strings.Builder
	for range n {
		addr := ready(t, p, client...)[0].Addr().String()
		s.WriteByte(addr[len(addr)-1])
	}
	return s.String()
}

func states(p *backend.Pool) (out []string) {
	for _, m := range p.Status() {
		out = append(out, m.State.String())
	}
	return out
}

func fail(p *backend.Pool, addr netip.AddrPort, times int) {
	for range times {
		p.Report(addr, errBoom, 0)
	}
}

func TestPoolTakesTurnsByWeight(t *testing.T) {
	p := &backend.Pool{Members: members(a, 5, b, 1, c, 1)}
	require.Equal(t, "aabacaa", firsts(t, p, 7))
	require.Equal(t, "aabacaa", firsts(t, p, 7))
	require.Equal(t, "abcabc", firsts(t, &backend.Pool{Members: members(a, b, c)}, 6))
	require.Equal(t, []netip.AddrPort{b, c, a}, func() []netip.AddrPort {
		p := &backend.Pool{Members: members(a, b, c)}
		ready(t, p)
		return ready(t, p)
	}(), "the others follow in order")
}

func TestPoolOfNone(t *testing.T) {
	var p backend.Pool
	got, ok, err := p.Ready([]netip.AddrPort{a}, query)
	require.True(t, ok)
	require.ErrorIs(t, err, backend.ErrNoBackend)
	require.Equal(t, []netip.AddrPort{a}, got, "what was there stays")
	_, err = p.Resolve(t.Context(), nil, query)
	require.ErrorIs(t, err, backend.ErrNoBackend)
	require.Empty(t, p.Status())
}

func TestPoolPrefersTheLeastBusy(t *testing.T) {
	p := &backend.Pool{Members: members(a, b, 2), Balance: backend.LeastConnections}
	open := map[string]int{}
	for range 30 {
		first := ready(t, p)[0]
		p.Report(first, nil, time.Millisecond)
		open[first.Addr().String()]++
	}
	require.Equal(t, map[string]int{"2001:db8::a": 10, "2001:db8::b": 20}, open)
	for range 6 {
		p.Closed(a)
	}
	require.Equal(t, "aaaa", firsts(t, p, 4), "4 per weight 1 is less than 20 per 2")
	for range 20 {
		p.Closed(b)
	}
	require.Equal(t, "bbb", firsts(t, p, 3))
	p.Closed(b) // more often than it was opened
	require.Zero(t, p.Status()[1].Active)
	require.Equal(t, 4, p.Status()[0].Active)

	idle := &backend.Pool{Members: members(a, b, c), Balance: backend.LeastConnections}
	require.Equal(t, "abcabc", firsts(t, idle, 6), "turns among equals")
}

func TestPoolSticks(t *testing.T) {
	p := &backend.Pool{Members: members(a, 2, b, c), Balance: backend.Sticky}
	clients := make([]string, 1000)
	home, share := map[string]string{}, map[string]int{}
	for i := range clients {
		clients[i] = fmt.Sprintf("198.51.%d.%d", 100+i/250, i%250)
		home[clients[i]] = firsts(t, p, 1, clients[i])
		share[home[clients[i]]]++
	}
	for _, client := range clients {
		require.Equal(t, home[client], firsts(t, p, 1, client))
	}
	// Fixed addresses and a fixed hash: these are constants, near 2:1:1.
	require.InDelta(t, 500, share["a"], 80)
	require.InDelta(t, 250, share["b"], 60)
	require.InDelta(t, 250, share["c"], 60)

	fail(p, b, 3)
	for _, client := range clients {
		now := firsts(t, p, 1, client)
		require.NotEqual(t, "b", now)
		if home[client] != "b" {
			require.Equal(t, home[client], now, "only b's clients move")
		}
	}
	p.Report(b, nil, 0)
	for _, client := range clients {
		require.Equal(t, home[client], firsts(t, p, 1, client))
	}
	require.Equal(t, firsts(t, p, 1, "2001:db8:7:7::1"), firsts(t, p, 1, "2001:db8:7:7:ffff::2"), "one /64 is one client")
	require.Equal(t, firsts(t, p, 1, "198.51.100.7"), firsts(t, p, 1, "::ffff:198.51.100.7"))
}

func TestPoolCoolsAndTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &backend.Pool{Members: members(a, b)}
		fail(p, a, 2)
		require.Equal(t, []string{"up", "up"}, states(p))
		p.Report(a, nil, 0)
		fail(p, a, 2)
		require.Equal(t, []string{"up", "up"}, states(p), "in a row")
		fail(p, a, 1)
		require.Equal(t, []string{"cooling", "up"}, states(p))
		require.Equal(t, "bbbb", firsts(t, p, 4))
		require.Equal(t, []netip.AddrPort{b, a}, ready(t, p), "last, when nothing else answers")

		pass(5 * time.Second)
		require.Equal(t, 1, strings.Count(firsts(t, p, 6), "a"), "one connection tries it")
		require.Equal(t, []string{"trial", "up"}, states(p))
		p.Report(a, errBoom, 0)
		require.Equal(t, []string{"cooling", "up"}, states(p))
		pass(5 * time.Second)
		require.Equal(t, "bbbb", firsts(t, p, 4), "the time has doubled")
		pass(5 * time.Second)
		require.Equal(t, 1, strings.Count(firsts(t, p, 6), "a"))
		p.Report(a, nil, 0)
		require.Equal(t, []string{"up", "up"}, states(p))
		require.Equal(t, 2, strings.Count(firsts(t, p, 4), "a"))
		require.Zero(t, p.Status()[0].Streak)
	})
}

func TestPoolCoolsAMinuteAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &backend.Pool{Members: members(a, b), Failures: 1, Cooling: 10 * time.Second}
		for _, seconds := range []int{10, 20, 40, 60, 60, 60} {
			want := time.Duration(seconds) * time.Second
			p.Report(a, errBoom, 0)
			require.Equal(t, want, time.Until(p.Status()[0].RetryAt))
			pass(want)
			firsts(t, p, 2)
			require.Equal(t, backend.Trial, p.Status()[0].State)
		}
	})
}

// A client may vanish before its trial has a result.
func TestPoolForgetsALostTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &backend.Pool{Members: members(a, b), Failures: 1}
		fail(p, a, 1)
		pass(5 * time.Second)
		require.Equal(t, 1, strings.Count(firsts(t, p, 6), "a"))
		p.Report(a, context.Canceled, 0)
		pass(9 * time.Second)
		require.Equal(t, 0, strings.Count(firsts(t, p, 6), "a"))
		pass(time.Second)
		require.Equal(t, 1, strings.Count(firsts(t, p, 6), "a"))
	})
}

// When all are down, nobody waits for a time to be over.
func TestPoolRecoversAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &backend.Pool{Members: members(a, b, c), Cooling: time.Hour, MaxCooling: time.Hour}
		for _, addr := range []netip.AddrPort{b, c, a} {
			fail(p, addr, 3)
			pass(time.Second)
		}
		require.Equal(t, []string{"cooling", "cooling", "cooling"}, states(p))
		require.Equal(t, []netip.AddrPort{b, c, a}, ready(t, p), "the one that waits longest first")
		fail(p, b, 20)
		require.Equal(t, []netip.AddrPort{b, c, a}, ready(t, p), "attempts without hope move nothing")
		p.Report(c, nil, 0)
		require.Equal(t, []string{"cooling", "cooling", "up"}, states(p))
		require.Equal(t, []netip.AddrPort{c, b, a}, ready(t, p))
	})
}

func TestPoolBlamesNobodyForThisMachine(t *testing.T) {
	p := &backend.Pool{Members: members(a), Failures: 1}
	for _, err := range []error{syscall.EMFILE, syscall.EADDRNOTAVAIL, context.Canceled, fmt.Errorf("dial: %w", syscall.ENOBUFS)} {
		p.Report(a, err, 0)
		require.Equal(t, []string{"up"}, states(p), "%v", err)
	}
	p.Report(a, backend.ErrOvertaken, 0)
	require.Equal(t, []string{"cooling"}, states(p))
	never := &backend.Pool{Members: members(a), Failures: -1}
	fail(never, a, 100)
	require.Equal(t, []string{"up"}, states(never))
}

func TestPoolStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		p := &backend.Pool{Members: members(a), Failures: 1, Changed: func(addr netip.AddrPort, from, to backend.State) {
			told = append(told, fmt.Sprintf("%v %v>%v", addr, from, to))
		}}
		p.Report(a, nil, 8*time.Millisecond)
		p.Report(a, nil, 16*time.Millisecond)
		s := p.Status()[0]
		require.Equal(t, backend.MemberStatus{
			Addr: a, Weight: 1, Active: 2, Total: 2, Connect: 9 * time.Millisecond, LastOK: time.Now(),
		}, s)
		pass(time.Second)
		p.Report(a, errBoom, 0)
		s = p.Status()[0]
		require.Equal(t, "connection refused", s.LastError)
		require.Equal(t, time.Now(), s.LastFail)
		require.Equal(t, uint64(1), s.Failed)
		text, err := json.Marshal(s)
		require.NoError(t, err)
		require.Contains(t, string(text), `"State":"cooling"`)

		pass(5 * time.Second)
		ready(t, p)
		p.Report(a, nil, 0)
		_, _ = p.Drain(a)
		_ = p.Resume(a)
		require.Equal(t, []string{
			"[2001:db8::a]:443 up>cooling", "[2001:db8::a]:443 cooling>trial", "[2001:db8::a]:443 trial>up",
			"[2001:db8::a]:443 up>draining", "[2001:db8::a]:443 draining>up",
		}, told)
	})
}

// Whatever many goroutines do at once, the counts come out even.
func TestPoolIsSafeForMany(t *testing.T) {
	for _, balance := range []backend.Balance{backend.RoundRobin, backend.LeastConnections, backend.Sticky} {
		t.Run(balance.String(), func(t *testing.T) {
			p := &backend.Pool{Members: members(a, b, c), Balance: balance}
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					buf := make([]netip.AddrPort, 0, 8)
					client := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
					for n := range 300 {
						got, _, err := p.Ready(buf[:0], backend.Query{Client: client})
						if err != nil || len(got) < 2 {
							t.Errorf("%v %v", got, err)
							return
						}
						if n%7 == i {
							p.Report(got[0], errBoom, 0)
							continue
						}
						p.Report(got[0], nil, time.Millisecond)
						p.Closed(got[0])
					}
				})
			}
			all.Go(func() {
				for range 100 {
					_, _ = p.Drain(c)
					p.Replace(members(a, b, c))
					_ = p.Resume(c)
					_ = p.Status()
				}
			})
			all.Wait()
			var total, failed uint64
			for _, s := range p.Status() {
				require.Zero(t, s.Active)
				total, failed = total+s.Total, failed+s.Failed
			}
			require.Equal(t, uint64(2400), total+failed)
		})
	}
}

func TestPoolReadyDoesNotAllocate(t *testing.T) {
	buf := make([]netip.AddrPort, 0, backend.MaxRace)
	for _, balance := range []backend.Balance{backend.RoundRobin, backend.LeastConnections, backend.Sticky} {
		p := &backend.Pool{Members: members(a, b, c), Balance: balance}
		require.Zero(t, testing.AllocsPerRun(100, func() {
			got, _, _ := p.Ready(buf[:0], query)
			p.Report(got[0], nil, time.Millisecond)
			p.Closed(got[0])
		}), balance)
	}
}

func TestBalanceAndStateNames(t *testing.T) {
	require.Equal(t, "roundrobin leastconnections sticky",
		fmt.Sprint(backend.RoundRobin, " ", backend.LeastConnections, " ", backend.Sticky))
	require.Equal(t, "State(9)", backend.State(9).String())
	require.True(t, slices.IsSorted([]backend.State{backend.Up, backend.Cooling, backend.Trial, backend.Down, backend.Draining}))
}
