// Package rfc2136 changes TXT records by dynamic updates (RFC 2136), signed by TSIG
// (RFC 8945), as BIND, Knot, PowerDNS and others take them. It is a provider for
// acme/dns01.
//
//	provider := &rfc2136.Provider{
//		Server: "ns1.example.com:53",
//		Key:    rfc2136.TSIG{Name: "acme.example.com", Secret: secret},
//	}
//	solver := &dns01.Solver{Provider: provider}
//
// Records of one zone go in one message. Only exact values are added and deleted, and
// nothing is asked of the server before: an update that adds what is there, or deletes
// what is not, is none (RFC 2136 sections 3.4.2.2 and 3.4.2.4).
package rfc2136
