package limit_test

import (
	"fmt"
	"net/netip"

	"github.com/mythic-beasts/hostkit/sniproxy/limit"
)

func ExampleLimiter() {
	l := &limit.Limiter{PerClient: limit.Limit{Conns: 1}}
	_, err := l.Acquire(netip.MustParseAddr("192.0.2.1"), "example.com")
	fmt.Println(err)
	// Output: <nil>
}
