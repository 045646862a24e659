// Package backend finds, checks, chooses and dials the IPv6 servers behind
// sniproxy.
//
//	web := &backend.Pool{Members: []backend.Member{
//		{Addr: netip.MustParseAddrPort("[2001:db8:1::10]:443"), Weight: 2},
//		{Addr: netip.MustParseAddrPort("[2001:db8:1::11]:443")},
//	}}
//	guard := &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}}
//
//	addrs, ready, err := web.Ready(nil, backend.Query{Client: client})
//	conn, err := backend.Dial(ctx, addrs, backend.DialOptions{Guard: guard, Report: web.Report})
//
// The nouns: a [Guard] says which addresses may be dialled at all. A [Pool] is a
// site's fixed servers with weights, health and drain. A [Lookup] finds the
// servers of a name by its AAAA records, through a [Cache] over a [Resolver],
// such as [DNSResolver]. [Race] is happy eyeballs (RFC 8305) as a state machine,
// and [Dial] runs it on package net. A [Source] chooses the address that the
// backend sees.
//
// Pool and Lookup have the same methods. Ready answers at once, without a
// goroutine and without allocating when dst has room; only when it says that it
// cannot, Resolve is called, which may wait. Report tells how a connection
// attempt ended; one that succeeded is counted until Closed.
//
// Names come from strangers: anybody can send any name in a ClientHello. A
// Lookup therefore bounds its memory and how many uncached names one client may
// ask, and every address that the DNS answers, and again every address that is
// about to be dialled, has to pass the Guard.
package backend
