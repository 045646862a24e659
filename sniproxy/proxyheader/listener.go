package proxyheader

import (
	"net"
	"net/netip"
	"time"
)

// Listener takes connections that begin with a PROXY header from trusted
// proxies, for servers behind them.
type Listener struct {
	net.Listener
	// Trusted are the proxies. A connection from elsewhere is closed at once.
	Trusted []netip.Prefix
	// Direct may connect without a header and are handed on untouched.
	Direct []netip.Prefix
	// Timeout bounds the wait for the whole header. 0 is 5 seconds.
	Timeout time.Duration
	// MaxPending bounds the connections whose header has not come. 0 is 1024.
	MaxPending int
}
