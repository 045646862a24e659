// Package acmetest has what tests of ACME clients need: a certificate authority,
// a DNS, and the DNS API of a provider, all of them real servers on loopback
// with knobs for what goes wrong.
//
//	ca := acmetest.NewCA(t, acmetest.CAOptions{BadNonces: 30, RetryAfter: "1"})
//	client := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key, AcceptTerms: true}
//
// [CA] speaks the protocol of RFC 8555 with external accounts, profiles,
// alternate chains and ARI, and checks every signature and nonce. It validates by
// a function of the test, or by looking at the TXT records of a [DNS]. Its shapes
// are legal and unkind: identifiers come back in another order, a challenge has
// no token, the answer to finalize has no Location, Retry-After is a date every
// other time.
//
// With [CAOptions].InMemory it needs no socket, so that it works in a bubble of
// testing/synctest.
//
// # What it is not
//
// It is no authority for anything but tests: it keeps everything in memory, and
// its key signs what it is asked to.
package acmetest
