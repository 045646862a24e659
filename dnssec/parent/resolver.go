package parent

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Resolver asks name servers. Its zero value asks those of the system.
type Resolver struct {
	// Servers are recursive servers, asked in turn until one answers. None means
	// those of /etc/resolv.conf.
	Servers []netip.AddrPort
	// Anchors are DS records of the keys that are trusted, by zone, such as those
	// of the root under ".". With any, answers are validated, and what is not
	// signed is not believed. None means that signatures are not looked at.
	Anchors map[string][]rotate.DS
	// Timeout is that of one attempt; zero means 2 seconds.
	Timeout time.Duration
	// Attempts is how often an address is asked; zero means 3.
	Attempts int
	// Dial connects; networks are "udp" and "tcp". Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock that signatures are valid by; nil means time.Now.
	Now func() time.Time
}
