package limit_test

import (
	"fmt"
	"net/netip"

	"github.com/mythic-beasts/hostkit/sniproxy/limit"
)

func ExampleLimiter() {
	l := &limit.Limiter{PerClient: limit.Limit{Conns: 2}}
	subscriber := []netip.Addr{ // one /56
		netip.MustParseAddr("2001:db8:0:4200::1"),
		netip.MustParseAddr("2001:db8:0:4201::1"),
		netip.MustParseAddr("2001:db8:0:42ff::1"),
	}
	for _, addr := range subscriber {
		lease, err := l.Client(addr)
		if err != nil {
			fmt.Println(err)
			continue
		}
		defer lease.Release()
	}
	// Output: limit: too many connections of one client
}
