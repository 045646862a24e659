package dnspeer_test

import (
	"net/netip"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/dnspeer"
)

// An unbound with DNS64 in front of a test's name server.
func Example() {
	_ = func(t *testing.T, names netip.AddrPort) netip.AddrPort {
		return dnspeer.Unbound(t, dnspeer.Config{Forward: names, Lines: []string{
			`module-config: "dns64 iterator"`, "dns64-prefix: 64:ff9b::/96",
		}})
	}
}
