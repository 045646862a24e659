package legoprovider_test

import (
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/legoprovider"
	"github.com/mythic-beasts/hostkit/acme/rfc2136"
)

// A provider for lego's SetDNS01Provider, with as much patience as the solver has.
func ExampleWrap() {
	solver := &dns01.Solver{Provider: &rfc2136.Provider{Server: "ns1.example.com"}, Timeout: 2 * time.Minute}
	fmt.Println(legoprovider.Wrap(solver).Timeout())
	// Output: 2m0s 5s
}
