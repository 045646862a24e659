package limit_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/limit"
)

// model counts in the plainest way what a [limit.Limiter] does with one client or
// site: connections, and tokens that a second brings.
type model struct {
	limit  limit.Limit
	conns  int
	tokens int
	last   int // second
}

func newModel(l limit.Limit) *model { return &model{limit: l, tokens: l.Burst} }

func (m *model) refuses(second int) limit.Kind {
	m.tokens = min(m.limit.Burst, m.tokens+(second-m.last)*int(m.limit.Rate))
	m.last = second
	switch {
	case m.limit.Conns > 0 && m.conns >= m.limit.Conns:
		return limit.Conns
	case m.limit.Rate > 0 && m.tokens == 0:
		return limit.Rate
	}
	return 0
}

func (m *model) take() {
	m.conns++
	m.tokens--
}

// FuzzLimiter holds a limiter against the model. Each byte is an event: a
// connection of one of four clients to one of four sites, the end of the oldest
// one, or seconds that pass.
func FuzzLimiter(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x02\x03\x40\x40\x80\x00\x83\x00\x01"), uint8(2), uint8(3), uint8(5))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\xff\x00\x00\x00\x00\x00\x00"), uint8(0), uint8(0), uint8(1))
	f.Fuzz(func(t *testing.T, events []byte, perClient, perSite, total uint8) {
		clock := newClock()
		l := &limit.Limiter{
			PerClient: limit.Limit{Conns: int(perClient % 8), Rate: 1, Burst: 3},
			PerSite:   limit.Limit{Conns: int(perSite % 8), Rate: 2, Burst: 8},
			Total:     limit.Limit{Conns: int(total % 16), Rate: 4, Burst: 9},
			Now:       clock.now,
		}
		var clients, sites [4]*model
		for i := range 4 {
			clients[i], sites[i] = newModel(l.PerClient), newModel(l.PerSite)
		}
		whole := newModel(l.Total)
		type held struct {
			lease        limit.Lease
			client, site *model
		}
		var open []held
		second := 0
		for _, e := range events {
			switch e >> 6 {
			case 0, 3:
				h := held{client: clients[e&3], site: sites[e>>2&3]}
				addr := netip.AddrFrom4([4]byte{192, 0, 2, e & 3})
				want := limit.Error{Scope: limit.PerClient, Kind: h.client.refuses(second)}
				if want.Kind == 0 {
					want = limit.Error{Scope: limit.PerSite, Kind: h.site.refuses(second)}
				}
				if want.Kind == 0 {
					want = limit.Error{Scope: limit.Total, Kind: whole.refuses(second)}
				}
				var err error
				h.lease, err = l.Acquire(addr, string('a'+rune(e>>2&3)))
				if want.Kind != 0 {
					require.Equal(t, &want, err)
					continue
				}
				require.NoError(t, err)
				h.client.take()
				h.site.take()
				whole.take()
				open = append(open, h)
			case 1:
				if len(open) > 0 {
					h := open[0]
					open = open[1:]
					h.lease.Release()
					h.client.conns--
					h.site.conns--
					whole.conns--
				}
			case 2:
				second += int(e & 7)
				clock.advance(time.Duration(e&7) * time.Second)
			}
		}
		require.Equal(t, len(open), l.Stats().Conns)
		for _, h := range open {
			h.lease.Release()
		}
		clock.advance(time.Minute)
		lease, err := l.Acquire(alice, "z")
		require.NoError(t, err)
		lease.Release()
		require.Zero(t, l.Stats().Conns)
	})
}
