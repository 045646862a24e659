package netnstest_test

import (
	"net/netip"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// A server's and a client's namespace joined by a cable.
func Example() {
	_ = func(t *testing.T) {
		server, client := netnstest.New(t), netnstest.New(t)
		netnstest.Veth(t, server, "s0", client, "c0")
		server.AddAddr("s0", netip.MustParsePrefix("10.0.0.1/24"))
		peer.Start(t, client.Command("udhcpc", "-i", "c0", "-f"), peer.Options{})
	}
}
