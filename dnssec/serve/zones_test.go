package serve_test

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/stretchr/testify/require"
)

// Ten thousand zones and more: each is told of, answered for and may be fetched; and
// no more goes to a secondary at once than it is to get.
func TestManyZones(t *testing.T) {
	const zones = 10_500
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer c.Close()
	var mu sync.Mutex
	told := make(map[string]uint32)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			m := new(dns.Msg)
			if m.Unpack(buf[:n]) != nil || len(m.Answer) != 1 {
				continue
			}
			mu.Lock()
			told[m.Question[0].Name] = m.Answer[0].(*dns.SOA).Serial
			mu.Unlock()
			out, err := new(dns.Msg).SetReply(m).Pack()
			if err == nil {
				_, _ = c.WriteTo(out, from)
			}
		}
	}()
	rules := open()
	rules.Notify = []serve.Peer{{Addr: c.LocalAddr().(*net.UDPAddr).AddrPort()}}
	s := &serve.Server{Default: rules, Retry: serve.Retry{First: 200 * time.Millisecond, Max: time.Second, Tries: 1000}}
	addr := start(t, s)
	name := func(i int) string { return fmt.Sprintf("zone%d.test", i) }
	all := make([]*dnssec.Zone, zones)
	before := runtime.NumGoroutine()
	for i := range zones {
		all[i] = zone(t, name(i), 1)
		require.NoError(t, s.Publish(t.Context(), all[i]))
	}
	require.Less(t, runtime.NumGoroutine()-before, 200, "of zones there are more")
	for i := 0; i < zones; i += 100 {
		require.NoError(t, s.Publish(t.Context(), next(t, all[i], 2, "new")))
	}
	require.Equal(t, zones, s.Stats().Zones)
	eventually(t, "all were told", func() bool { return s.Stats().NotifyPending == 0 })
	mu.Lock()
	require.Len(t, told, zones)
	for i := range zones {
		want := uint32(1)
		if i%100 == 0 {
			want = 2
		}
		require.Equal(t, want, told[name(i)+"."], i)
	}
	mu.Unlock()
	for _, i := range []int{0, 1, 4999, zones - 1} {
		got, err := serve.Fetch(t.Context(), name(i), nil, serve.Primary{Addr: addr}, serve.FetchLimits{})
		require.NoError(t, err)
		served, err := (&serve.Secondaries{Servers: []string{addr.String()}}).Served(t.Context(), name(i))
		require.NoError(t, err)
		require.Equal(t, served[addr.String()], got.Serial())
	}
	for i := range zones {
		s.Remove(all[i].Origin())
	}
	require.Zero(t, s.Stats().Zones)
}

// Snapshots that share nothing are not kept by the dozen: no more than the zone has
// once more.
func TestHistoryOfUnrelatedZones(t *testing.T) {
	s := &serve.Server{Default: open()}
	addr := start(t, s)
	var versions []*dnssec.Zone
	for serial := range uint32(5) {
		versions = append(versions, zone(t, origin, serial+1, many(3000+int(serial))...)) // each read anew
		require.NoError(t, s.Publish(t.Context(), versions[serial]))
	}
	for i, z := range versions[:4] {
		before := s.Stats()
		got, err := serve.Fetch(t.Context(), origin, z, serve.Primary{Addr: addr}, serve.FetchLimits{})
		require.NoError(t, err)
		require.Equal(t, uint32(5), got.Serial())
		require.Equal(t, i == 3, s.Stats().IXFR > before.IXFR, "only the last one is kept")
	}
	small := &serve.Server{Default: open()}
	addr = start(t, small)
	for serial := range uint32(5) {
		versions[serial] = zone(t, origin, serial+1, many(50+int(serial))...)
		require.NoError(t, small.Publish(t.Context(), versions[serial]))
	}
	for _, z := range versions[:4] {
		_, err := serve.Fetch(t.Context(), origin, z, serve.Primary{Addr: addr}, serve.FetchLimits{})
		require.NoError(t, err)
	}
	require.Equal(t, uint64(4), small.Stats().IXFR, "of small ones all are")
}
