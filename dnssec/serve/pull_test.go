package serve_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/stretchr/testify/require"
)

// pipes is a network of one server, which has only TCP and no cable at times. Its
// time is that of the bubble.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
	down  atomic.Bool
	dials chan time.Time // those by TCP
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), ended: make(chan struct{}), dials: make(chan time.Time, 1000)}
}

var errDown = errors.New("no cable")

func (p *pipes) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	if network == "udp" {
		return nil, errDown
	}
	p.dials <- time.Now()
	if p.down.Load() {
		return nil, errDown
	}
	here, there := memnet.Pipe(loopback.AddrPort(), loopback.AddrPort())
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept, Close and Addr make it a listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.ended:
	default:
		close(p.ended)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return loopback }

var loopback = net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:53"))

// timed is a zone with timers.
func timed(t testing.TB, serial, refresh, retry, expire uint32) *dnssec.Zone {
	z, err := dnssec.ParseZone(strings.NewReader(fmt.Sprintf("@ 60 SOA ns h %d %d %d %d 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n",
		serial, refresh, retry, expire)), origin, dnssec.Options{})
	require.NoError(t, err)
	return z
}

// bench is a primary and a puller in a bubble.
type bench struct {
	*pipes
	primary *serve.Server
	puller  *serve.Puller
	changed chan *dnssec.Zone
	expired chan time.Time
	start   func()
	refuse  atomic.Bool // what changed
}

// bubble runs a test with a primary of a zone and a puller that is not started.
func bubble(t *testing.T, z *dnssec.Zone, test func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{pipes: newPipes(), primary: &serve.Server{Default: open()}, changed: make(chan *dnssec.Zone, 100), expired: make(chan time.Time, 100)}
		require.NoError(t, b.primary.Publish(t.Context(), z))
		b.puller = &serve.Puller{
			Zone: origin, Primaries: []serve.Primary{{Addr: netip.MustParseAddrPort("127.0.0.1:53"), Dial: b.dial}},
			Changed: func(_ context.Context, z *dnssec.Zone) error {
				b.changed <- z
				if b.refuse.Load() {
					return errDown
				}
				return nil
			},
			Expired: func(context.Context) { b.expired <- time.Now() },
		}
		ctx, cancel := context.WithCancel(t.Context())
		served, pulled := make(chan error, 1), make(chan error, 1)
		go func() { served <- b.primary.Serve(ctx, serve.Listeners{TCP: []net.Listener{b.pipes}}) }()
		synctest.Wait()
		b.start = func() { go func() { pulled <- b.puller.Run(ctx) }() }
		test(t, b)
		cancel()
		require.NoError(t, <-served)
		require.NoError(t, <-pulled)
	})
}

// within says that something came between 9/10 of a time after another and that
// time itself.
func within(t *testing.T, seconds int, from, to time.Time) {
	t.Helper()
	d := time.Duration(seconds) * time.Second
	require.LessOrEqual(t, to.Sub(from), d)
	require.GreaterOrEqual(t, to.Sub(from), d-d/10)
}

// The timers of the SOA: it asks after REFRESH, after RETRY when nobody answered, and
// gives up at EXPIRE, to the second, but goes on asking.
func TestPullerTimers(t *testing.T) {
	bubble(t, timed(t, 1, 3600, 600, 7200), func(t *testing.T, b *bench) {
		b.start()
		last := <-b.dials
		require.Equal(t, uint32(1), (<-b.changed).Serial())
		for range 3 {
			now := <-b.dials
			within(t, 3600, last, now)
			last = now
		}
		synctest.Wait()
		b.down.Store(true)
		good := last
		now := <-b.dials
		within(t, 3600, last, now)
		for last = now; len(b.expired) == 0; last = now {
			now = <-b.dials
			require.LessOrEqual(t, now.Sub(last), 600*time.Second)
			synctest.Wait()
		}
		require.Equal(t, 7200*time.Second, (<-b.expired).Sub(good))
		z, expired := b.puller.Current()
		require.True(t, expired)
		require.Equal(t, uint32(1), z.Serial())
		now = <-b.dials
		within(t, 600, last, now)
		require.Empty(t, b.expired, "it says so once")
		synctest.Wait()
		b.down.Store(false)
		require.Same(t, z, <-b.changed, "it is as good as new")
		synctest.Wait()
		_, expired = b.puller.Current()
		require.False(t, expired)
		require.NoError(t, b.primary.Publish(t.Context(), timed(t, 2, 10, 10, 10)))
		began := time.Now()
		require.Equal(t, uint32(2), (<-b.changed).Serial())
		require.LessOrEqual(t, time.Since(began), time.Hour)
		require.Equal(t, uint64(1), b.primary.Stats().AXFR)
	})
}

// What it has counts as fetched when it begins; what its user does not take is
// fetched again.
func TestPullerHave(t *testing.T) {
	have := timed(t, 1, 3600, 600, 7200)
	bubble(t, next(t, have, 2, "new"), func(t *testing.T, b *bench) {
		b.puller.Have = have
		b.down.Store(true)
		began := time.Now()
		b.start()
		require.Equal(t, 7200*time.Second, (<-b.expired).Sub(began))
		b.refuse.Store(true)
		b.down.Store(false)
		<-b.changed
		again := time.Now()
		<-b.changed
		within(t, 600, again, time.Now())
		synctest.Wait()
		z, expired := b.puller.Current()
		require.True(t, expired)
		require.Same(t, have, z)
		b.refuse.Store(false)
		require.Equal(t, uint32(2), (<-b.changed).Serial())
		synctest.Wait()
		z, expired = b.puller.Current()
		require.False(t, expired)
		require.Equal(t, uint32(2), z.Serial())
	})
}

// With nothing yet it asks less and less often; a second primary helps; silly timers
// have bounds.
func TestPullerBounds(t *testing.T) {
	bubble(t, timed(t, 1, 1, 1, 999999), func(t *testing.T, b *bench) {
		b.down.Store(true)
		b.start()
		last := <-b.dials
		for _, wait := range []int{20, 40, 80, 160} {
			now := <-b.dials
			within(t, wait, last, now)
			last = now
		}
		synctest.Wait()
		b.down.Store(false)
		<-b.changed
		for len(b.dials) > 0 {
			last = <-b.dials
		}
		now := <-b.dials
		within(t, 10, last, now)
		require.NoError(t, b.primary.Publish(t.Context(), timed(t, 2, 9999999, 1, 99999999)))
		<-b.changed
		synctest.Wait()
		for len(b.dials) > 0 {
			last = <-b.dials
		}
		within(t, 86400, last, <-b.dials)
	})
	bubble(t, timed(t, 1, 3600, 600, 7200), func(t *testing.T, b *bench) {
		b.puller.Primaries = append([]serve.Primary{{
			Addr: netip.MustParseAddrPort("127.0.0.2:53"),
			Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errDown },
		}}, b.puller.Primaries...)
		b.start()
		last := <-b.dials
		<-b.changed
		within(t, 3600, last, <-b.dials)
	})
}

func TestPullerWants(t *testing.T) {
	require.Error(t, (&serve.Puller{Zone: "a..b"}).Run(t.Context()))
	require.ErrorContains(t, (&serve.Puller{Zone: origin}).Run(t.Context()), "no primary")
	weak := serve.Primary{Key: &serve.Key{Name: "k", Algorithm: serve.HMACSHA1, Secret: []byte("x")}}
	require.ErrorContains(t, (&serve.Puller{Zone: origin, Primaries: []serve.Primary{weak}}).Run(t.Context()), "refused")
}
