// Package serve is the name server of zones that are made elsewhere in a program: a
// hidden primary, from which secondaries fetch what they serve to the world.
//
//	server := &serve.Server{
//		Keys: []serve.Key{key},
//		Default: serve.Config{
//			Transfer: []serve.Access{{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Key: key.Name}},
//			Notify:   []serve.Peer{{Addr: netip.MustParseAddrPort("192.0.2.53:53"), Key: key.Name}},
//		},
//	}
//	err := server.Publish(ctx, signed)              // again with each change
//	err = server.ListenAndServe(ctx, "192.0.2.1:53") // until ctx ends
//
// A [Server] answers questions with every denial proof, sends whole zones (AXFR, RFC
// 5936) and what has changed since (IXFR, RFC 1995) by TCP and TLS (RFC 9103), signs
// by TSIG (RFC 8945), and tells secondaries of each change until they say that they
// heard it (NOTIFY, RFC 1996). A zone is replaced as a whole: a transfer that has
// begun goes on with the zone that it began with.
//
// [Fetch] and [Puller] are the other end: a zone of a primary, kept up to date.
// [Secondaries] asks which serial each secondary has.
//
// Without a rule nobody may transfer a zone. Answers by UDP have at most 1232 octets,
// and 512 without EDNS. Updates, other classes than IN and unknown zones are refused.
package serve
