package ganeshatest_test

import (
	"net/netip"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/ganeshatest"
	"github.com/mythic-beasts/hostkit/internal/netnstest"
)

// A server that crashes and comes back.
func Example() {
	_ = func(t *testing.T, config string) {
		ns := netnstest.New(t)
		ns.AddAddr("lo", netip.MustParsePrefix("10.77.0.1/32"))
		srv := ganeshatest.Start(t, ns, netip.MustParseAddr("10.77.0.1"), config)
		srv.Kill()
		srv.Restart()
	}
}
