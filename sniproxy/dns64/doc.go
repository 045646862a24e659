// Package dns64 gives hosts that have only IPv6 the addresses of servers that have
// only IPv4: DNS64, RFC 6147.
//
//	h := &dns64.Handler{
//		Upstream: &dns64.Forwarder{Servers: []netip.AddrPort{resolver}},
//		Clients:  []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")},
//	}
//	err := (&dns.Server{Addr: "[2001:db8::64]:53", Net: "udp", Handler: h}).ListenAndServe()
//
// A question for AAAA records of a name that has none is answered with its A
// records, each inside a prefix (RFC 6052) that a NAT64 translates: [Embed] and
// [Extract] do the arithmetic. Everything else is passed to a recursive server,
// which is also what caches and validates. Addresses within the prefix have names
// again (PTR), and clients find the prefix by asking for ipv4only.arpa (RFC 7050,
// RFC 8880).
//
// Only named clients are served: an open resolver is a weapon. The NAT64 itself is
// the work of the kernel or of a program such as tayga; the README shows it.
package dns64
