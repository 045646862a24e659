package main

import (
	"bytes"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/etcdtest"
)

// The test's program is that of the proxies too.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-follow") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestChangeNumbers(t *testing.T) {
	for _, c := range []int{0, 1, 255, 256, 1<<24 + 7} {
		require.Equal(t, c, change(server(c)))
		require.Equal(t, server(c), site(3, c).Backends[0].Addr)
		require.True(t, netip.MustParsePrefix("2001:db8::/32").Contains(server(c)))
	}
}

// A small measurement, of which every change arrives everywhere.
func TestRealMeasure(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{})
	var said bytes.Buffer
	o := options{
		endpoints: strings.Join(c.Endpoints(), ","), prefix: "/bench/", sites: 40, proxies: 3,
		changes: 25, warmUp: 3, every: time.Millisecond, out: &said,
	}
	require.NoError(t, measure(t.Context(), o))
	require.Contains(t, said.String(), "3 proxies have read 40 sites")
	require.Contains(t, said.String(), "25 changes of one site in 40, until the last of 3 proxies routes by it")
	for _, line := range []string{"etcd writes it", "then until it is in force", "both"} {
		require.Regexp(t, line+` +p50 +[0-9.]+  p99 +[0-9.]+  max +[0-9.]+\n`, said.String())
	}
}

func TestReport(t *testing.T) {
	r := &run{options: options{sites: 1, proxies: 2, warmUp: 1, changes: 100}, changes: make([]times, 102)}
	var said bytes.Buffer
	r.out = &said
	begin := time.Unix(1_000_000, 0)
	for c := 1; c < len(r.changes); c++ {
		r.changes[c].sent, r.changes[c].written = begin, begin.Add(2*time.Millisecond)
		r.note(c, begin.Add(time.Duration(c)*time.Millisecond))
		require.Equal(t, len(r.changes)-c, r.missing())
		r.note(c, begin.Add(time.Millisecond))
	}
	require.NoError(t, r.report())
	require.Contains(t, said.String(), "etcd writes it               p50    2.00  p99    2.00  max    2.00\n")
	require.Contains(t, said.String(), "both                         p50   51.00  p99  100.00  max  101.00\n")
}
