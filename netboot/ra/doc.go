// Package ra answers IPv6 router solicitations on links that boot machines, so
// that firmware does not wait for a router that is not there. iPXE solicits
// for sixteen seconds before it goes on without one.
//
//	err := (&ra.Server{}).Serve(ctx)
//
// The zero [Config] promises nothing: no default router, no prefix, no DHCPv6.
// That alone ends the wait. With Managed and Other set it sends clients to a
// DHCPv6 server, such as package dhcp6; without them firmware does not ask.
//
// [Answer] is the pure core, [Server] the shell around it: one raw socket for
// all interfaces, which may come and go. It answers and never advertises
// unasked, so an operating system that does not solicit hears nothing of it.
package ra
