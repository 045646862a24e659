package backend_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// A website on two servers, the first of which is twice as large.
func Example() {
	web := &backend.Pool{Members: []backend.Member{
		{Addr: netip.MustParseAddrPort("[2001:db8:1::10]:443"), Weight: 2},
		{Addr: netip.MustParseAddrPort("[2001:db8:1::11]:443")},
	}}
	for range 3 {
		addrs, _, err := web.Ready(nil, backend.Query{})
		fmt.Println(addrs, err)
		web.Report(addrs[0], nil, time.Millisecond) // connected
	}
	for range 3 {
		web.Report(web.Members[1].Addr, errors.New("connection refused"), 0)
	}
	for _, m := range web.Status() {
		fmt.Println(m.Addr, m.State, m.Active)
	}
	// Output:
	// [[2001:db8:1::10]:443 [2001:db8:1::11]:443] <nil>
	// [[2001:db8:1::11]:443 [2001:db8:1::10]:443] <nil>
	// [[2001:db8:1::10]:443 [2001:db8:1::11]:443] <nil>
	// [2001:db8:1::10]:443 up 2
	// [2001:db8:1::11]:443 cooling 1
}

// A customer's DNS may say anything; only servers inside the provider's network are
// dialled.
func ExampleLookup() {
	dns := sniproxytest.NewResolver(map[string][]netip.Addr{
		"good.example": {netip.MustParseAddr("2001:db8:1::80")},
		"evil.example": {netip.MustParseAddr("64:ff9b::a00:1")}, // 10.0.0.1 behind a NAT64
	})
	cache := &backend.Cache{Resolver: dns} // in earnest: &backend.DNSResolver{Servers: …}
	defer cache.Close()
	sites := &backend.Lookup{Cache: cache, Guard: &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}}}

	for _, name := range []string{"good.example", "evil.example"} {
		q := backend.Query{Name: name, Client: netip.MustParseAddr("198.51.100.7"), Port: 443}
		addrs, ready, err := sites.Ready(nil, q)
		if !ready {
			addrs, err = sites.Resolve(context.Background(), nil, q)
		}
		fmt.Println(addrs, err)
	}
	// Output:
	// [[2001:db8:1::80]:443] <nil>
	// [] backend: address [64:ff9b::a00:1]:443 refused: NAT64 (64:ff9b::/96, 64:ff9b:1::/48)
}

// An event loop that connects by itself asks the race what to do next.
func ExampleRace() {
	began := time.Now()
	var race backend.Race
	race.Start(3, began)
	for _, later := range []time.Duration{0, 100 * time.Millisecond, 250 * time.Millisecond} {
		start, wait := race.Next(began.Add(later))
		fmt.Println(later, start, wait)
	}
	race.Failed(1)
	fmt.Println(race.Next(began.Add(300 * time.Millisecond)))
	fmt.Println(race.Connected(2), race.Overtaken(0))
	// Output:
	// 0s 0 0s
	// 100ms -1 150ms
	// 250ms 1 0s
	// 2 0s
	// true true
}

func ExampleSource() {
	s := &backend.Source{NAT46: netip.MustParsePrefix("64:ff9b:1::/96")}
	fmt.Println(s.Validate())
	fmt.Println(s.Addr(netip.MustParseAddr("198.51.100.7")))
	// Output:
	// <nil>
	// 64:ff9b:1::c633:6407 true
}
