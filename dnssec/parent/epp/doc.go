// Package epp is a registrar's connection to a registry, for the DS records of its
// domains: EPP (RFC 5730) over TLS (RFC 5734) with the DNSSEC extension secDNS-1.1
// (RFC 5910).
//
//	registry := &epp.Client{
//		Addr:     "epp.registry.example:700",
//		User:     "registrar",
//		Password: password, // prints as [redacted]
//		Observer: &parent.Poller{},
//	}
//	defer registry.Close()
//	err := registry.Submit(ctx, "child.example.", add, remove)
//
// A Client logs in when it is first used, keeps its session, and makes another
// when that has ended. It asks what the registry has before it changes anything,
// sends only what differs, and so does nothing the second time.
package epp
