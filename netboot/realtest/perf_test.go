package realtest

import (
	"net/netip"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
)

var (
	perfSent     = regexp.MustCompile(`sent packets: (\d+)`)
	perfReceived = regexp.MustCompile(`received packets: (\d+)`)
	perfDrops    = regexp.MustCompile(`drops: (\d+)`)
)

// Kea's load generator is a relay agent with a hundred clients behind it. At a
// rate that is no load, nothing may be lost, and no address given twice.
func TestRealPerfdhcp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	client := l.neighbor()
	client.AddAddr("c0", netip.MustParsePrefix("10.78.0.9/24"))
	s := l.serve(serverConf{
		Guests: netboot.Pool{First: netip.MustParseAddr("10.78.0.100"), Last: netip.MustParseAddr("10.78.0.199"), Bits: 24},
		Relays: []netip.Prefix{netip.MustParsePrefix("10.78.0.9/32")},
	})
	perf := peer.Start(t, client.Command(peer.Look(t, "perfdhcp"),
		"-4", "-l", "c0", "-r", "50", "-R", "100", "-p", "4", "-W", "1000000", "-u", labServer), peer.Options{})
	require.NoError(t, perf.Wait(t.Context()), perf.Output())
	for _, re := range []*regexp.Regexp{perfSent, perfReceived} {
		counts := re.FindAllStringSubmatch(perf.Output(), -1)
		require.Len(t, counts, 2, "OFFERs and ACKs: %s", perf.Output())
		for _, c := range counts {
			n, err := strconv.Atoi(c[1])
			require.NoError(t, err)
			require.Greater(t, n, 150, perf.Output())
		}
	}
	for _, c := range perfDrops.FindAllStringSubmatch(perf.Output(), -1) {
		require.Equal(t, "0", c[1], perf.Output())
	}
	owners := make(map[string]bool)
	for _, r := range s.find(netboot.Offered.String()) {
		owners[r.Addr] = true
	}
	require.Len(t, owners, 100, "each of the clients has an address of its own")
}
