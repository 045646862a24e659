// Package mythic answers dns-01 challenges in zones that Mythic Beasts serve, by the
// company's DNS API.
//
//	provider := &mythic.V2{KeyID: "abcd1234", Secret: secret}
//	solver := &dns01.Solver{Provider: provider, Zones: provider, Verifier: provider}
//
// [V2] speaks the DNS API v2, which is for new installations: a key may be limited to
// the TXT records of _acme-challenge names. [V1] speaks the older one, with a password
// for each domain. Both are a dns01.Provider and a dns01.ZoneFinder; V2 is a
// dns01.Verifier as well, by the API's own look at the company's name servers.
//
// They add and delete exact values, and never replace what others have at a name. All
// requests may be repeated, and are where a connection breaks.
//
// Nothing is sent but by HTTPS, no redirect is followed, and secrets are in no error,
// log or %v.
package mythic
