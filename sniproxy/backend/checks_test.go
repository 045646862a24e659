package backend_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/stretchr/testify/require"
)

// checked is a pool whose members are up or down as a test says, in a bubble.
type checked struct {
	backend.Pool
	mu   sync.Mutex
	bad  map[netip.AddrPort]bool
	seen map[netip.AddrPort][]time.Duration // when each was checked
}

func newChecked(t *testing.T, list []backend.Member) *checked {
	c := &checked{bad: map[netip.AddrPort]bool{}, seen: map[netip.AddrPort][]time.Duration{}}
	c.Members = list
	began := time.Now()
	c.Check.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seen[addr] = append(c.seen[addr], time.Since(began))
		if c.bad[addr] {
			return nil, errBoom
		}
		near, far := memnet.Pipe(a, addr)
		_ = far.Close()
		return near, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { c.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		run.Wait()
	})
	return c
}

func (c *checked) set(addr netip.AddrPort, bad bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bad[addr] = bad
}

func (c *checked) checks(addr netip.AddrPort) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen[addr])
}

func TestChecksTakeAMemberDownAndUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newChecked(t, members(a, b))
		synctest.Wait()
		require.Equal(t, 1, p.checks(a), "at once")
		require.Equal(t, []string{"up", "up"}, states(&p.Pool))

		p.set(a, true)
		pass(10 * time.Second) // the first to fail; the next ones come fast
		require.Equal(t, []string{"up", "up"}, states(&p.Pool))
		require.Contains(t, p.Status()[0].LastError, "connection refused")
		pass(time.Second)
		require.Equal(t, []string{"up", "up"}, states(&p.Pool))
		pass(time.Second)
		require.Equal(t, []string{"down", "up"}, states(&p.Pool), "the third in a row")
		require.Equal(t, "bbb", firsts(t, &p.Pool, 3))
		require.Equal(t, []netip.AddrPort{b, a}, ready(t, &p.Pool), "the last resort")

		p.set(a, false)
		pass(time.Second)
		require.Equal(t, []string{"down", "up"}, states(&p.Pool))
		pass(time.Second)
		require.Equal(t, []string{"up", "up"}, states(&p.Pool), "the second in a row")
		require.Empty(t, p.Status()[0].LastError)
		n := p.checks(a)
		pass(10 * time.Second)
		require.Equal(t, n+1, p.checks(a), "slow again")
	})
}

func TestChecksOneFailureIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newChecked(t, members(a))
		synctest.Wait()
		for range 5 {
			p.set(a, true)
			pass(10 * time.Second)
			p.set(a, false)
			pass(time.Second)
			require.Equal(t, []string{"up"}, states(&p.Pool))
		}
	})
}

// When no member is up, the first success of a check is enough, and so is that of a
// connection.
func TestChecksRecoverPromptly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newChecked(t, members(a, b))
		p.set(a, true)
		p.set(b, true)
		pass(12 * time.Second)
		require.Equal(t, []string{"down", "down"}, states(&p.Pool))
		p.set(b, false)
		pass(time.Second)
		require.Equal(t, []string{"down", "up"}, states(&p.Pool))
		p.Report(a, nil, 0)
		require.Equal(t, []string{"up", "up"}, states(&p.Pool))
	})
}

// Connections fail, checks do not: a connection decides, but soon.
func TestChecksShortenCooling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newChecked(t, members(a, b))
		p.Cooling, p.MaxCooling = time.Hour, time.Hour
		synctest.Wait()
		fail(&p.Pool, a, 3)
		require.Equal(t, "bbb", firsts(t, &p.Pool, 3))
		pass(10 * time.Second)
		require.Equal(t, backend.Cooling, p.Status()[0].State)
		require.Contains(t, firsts(t, &p.Pool, 3), "a")
		require.Equal(t, backend.Trial, p.Status()[0].State)
		p.Report(a, nil, 0)
		require.Equal(t, []string{"up", "up"}, states(&p.Pool))
	})
}

func TestChecksFollowTheMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newChecked(t, members(a))
		synctest.Wait()
		p.Replace(members(b))
		synctest.Wait()
		require.Equal(t, 1, p.checks(b), "at once")
		pass(time.Minute)
		require.Equal(t, 1, p.checks(a), "not a member any more")
		require.Equal(t, 7, p.checks(b))
		_, err := p.Drain(b)
		require.NoError(t, err)
		pass(time.Minute)
		require.Equal(t, 13, p.checks(b), "drained ones are looked at too")
		require.Equal(t, time.Now(), p.Status()[0].Checked)
	})
}

// Run waits for its checks, and a check that the end cut short counts for nothing.
func TestChecksEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started, ended := make(chan struct{}), false
		p := &backend.Pool{Members: members(a)}
		p.Check.Fall = 1
		p.Check.Dial = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			close(started)
			<-ctx.Done()
			<-time.After(time.Millisecond)
			ended = true
			return nil, errBoom
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-started
			cancel()
		}()
		p.Run(ctx)
		require.True(t, ended)
		require.Equal(t, []string{"up"}, states(p))
		require.True(t, p.Status()[0].Checked.IsZero())
	})
}

func TestChecksTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		check := backend.Check{Path: "/", Dial: func(context.Context, netip.AddrPort) (net.Conn, error) {
			near, far := memnet.Pipe(a, b)
			t.Cleanup(func() { _ = far.Close() }) // it says nothing
			return near, nil
		}}
		began := time.Now()
		require.Error(t, check.Probe(t.Context(), b))
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}
