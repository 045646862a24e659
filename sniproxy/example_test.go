package sniproxy_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// A server with one site, whose backend is told who the client is.
func Example() {
	var table sniproxy.Table
	err := table.Replace(sniproxy.Routes{Sites: []sniproxy.Site{{
		Names: []string{"www.example.com", "*.dev.example.com"},
		Decision: sniproxy.Decision{
			Backend: &backend.Pool{Members: []backend.Member{{Addr: netip.MustParseAddrPort("[2001:db8:1::10]:443")}}},
			Proxy:   proxyheader.V1,
		},
	}}})
	if err != nil {
		panic(err)
	}
	server := &sniproxy.Server{
		Router: &table,
		Guard:  &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}},
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	done := make(chan error)
	go func() { done <- server.ServeTLS(l) }()

	if err := server.Shutdown(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(errors.Is(<-done, sniproxy.ErrServerClosed))
	// Output: true
}

// Names come to a Table in any form; clients ask for A-labels.
func ExampleTable() {
	web := &backend.Pool{Members: []backend.Member{{Addr: netip.MustParseAddrPort("[2001:db8::1]:443")}}}
	var table sniproxy.Table
	err := table.Replace(sniproxy.Routes{Sites: []sniproxy.Site{
		{Names: []string{"bücher.example"}, Decision: sniproxy.Decision{Site: "books", Backend: web}},
	}})
	d := table.Lookup("xn--bcher-kva.example")
	fmt.Println(err, d.Site, table.Lookup("other.example"))
	// Output: <nil> books <nil>
}
