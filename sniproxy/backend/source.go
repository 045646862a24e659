package backend

import (
	"fmt"
	"net/netip"
)

// Source chooses the address that a connection to a backend comes from. Nil and the
// zero value leave it to the kernel. At most one of Addrs, Pool and NAT46 is set.
//
// A single address has about 28,000 free ports to each backend; Addrs and Pool
// multiply that. On Linux the port is chosen by connect and not by bind
// (IP_BIND_ADDRESS_NO_PORT), so that it need be free only towards that backend.
type Source struct {
	// Addrs are addresses of this machine; a client keeps to one of them.
	Addrs []netip.Addr
	// Pool is a prefix of this machine's addresses, at least /64 and with a local
	// route (ip -6 route add local PREFIX dev lo); a client keeps to one address
	// in it. It implies FreeBind.
	Pool netip.Prefix
	// NAT46 is a /96 into which the client's IPv4 address is mapped as RFC 6052
	// does, so that backends see clients without the PROXY protocol. The prefix
	// needs a local route here, and a route to here from the backends. Backends
	// trust it for the client's address, so nobody else may send from it. A client
	// with an IPv6 address gets the kernel's choice. It implies FreeBind.
	NAT46 netip.Prefix
	// FreeBind allows addresses that no interface has (IP_FREEBIND; only Linux).
	FreeBind bool
}

// Validate says what is wrong with a source.
func (s *Source) Validate() error {
	return fmt.Errorf("backend: source: %w", errNotBuilt)
}

// Addr returns the address to bind for a client; the zero Addr means that the
// kernel chooses. freebind says that no interface may have it.
func (s *Source) Addr(client netip.Addr) (addr netip.Addr, freebind bool) {
	return netip.Addr{}, false
}

// Bind binds a socket that is not connected yet, by the address for client, with
// the options that this needs. It does nothing when the kernel is to choose. It is
// for callers that own their descriptors; outside Linux it returns
// errors.ErrUnsupported.
func (s *Source) Bind(fd int, client netip.Addr) error { return nil }
