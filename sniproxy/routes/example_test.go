package routes_test

import (
	"fmt"
	"net/netip"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

func Example() {
	set := &routes.Set{Guard: &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}}}
	err := set.Replace(routes.Document{Sites: []routes.Site{{
		Names:    []string{"example.com", "*.example.com"},
		Backends: []routes.Backend{{Addr: netip.MustParseAddr("2001:db8::10")}},
		Proxy:    proxyheader.V1,
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := set.Route(&sniproxy.Request{Proto: sniproxy.TLS, Name: "www.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	addrs, _, err := d.Backend.Ready(nil, backend.Query{Name: "www.example.com"})
	fmt.Println(d.Site, d.Proxy, addrs, err)
	// Output: example.com v1 [[2001:db8::10]:443] <nil>
}
