package ra_test

import (
	"fmt"
	"net/netip"

	"github.com/mdlayher/ndp"

	"github.com/mythic-beasts/hostkit/netboot/ra"
)

// What a client that boots over IPv6 is told: to ask a DHCPv6 server.
func Example() {
	solicited, err := ndp.MarshalMessage(&ndp.RouterSolicitation{})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := ra.Solicitation{Message: solicited, From: netip.MustParseAddr("fe80::2"), HopLimit: 255}
	a, err := ra.Answer(s, nil, ra.Config{Managed: true, Other: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("default router:", a.RouterLifetime > 0)
	fmt.Println("ask DHCPv6:", a.ManagedConfiguration)
	// Output:
	// default router: false
	// ask DHCPv6: true
}
