// Package online signs answers as they are asked for, so that an unsigned zone, or a
// database of names, is served signed. What is not there is denied by compact proofs
// (RFC 9824): one NSEC record says that the name is there, with next to nothing.
//
//	s := &online.Server{
//		Zone:   "example.org",
//		Lookup: online.FromZone(func() *dnssec.Zone { return current.Load() }),
//		Keys:   func() []dnssec.KeyUse { return uses },
//	}
//	dns.Handle("example.org.", s) // or mount s.Respond wherever messages come from
//
// Signatures are remembered by what they are of, so that another record, TTL or key
// has another signature at once, and are made anew before they expire. One is made
// once however many wait for it. New ones are rationed, since names that do not
// exist are without number: beyond [Server.SignRate] a client by UDP is sent to TCP,
// and one by TCP gets SERVFAIL. What the zone has keeps a share of its own of both
// the ration and the memory.
//
// It signs nothing but what [Lookup] returns for a name of the zone: targets of
// CNAME and DNAME records beyond the zone are left to their own servers.
package online
