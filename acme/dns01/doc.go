// Package dns01 answers ACME's dns-01 challenges (RFC 8555 section 8.4) by TXT
// records: many names at once, few requests, and only what was added is deleted.
//
//	solver := &dns01.Solver{Provider: provider}
//	certificate, err := client.Obtain(ctx, acme.Request{Names: names}, solver)
//
// A [Provider] adds and deletes exact TXT values in a DNS service: acme/mythic by an
// API, acme/rfc2136 by dynamic updates. [Solver] finds the zone of each name, puts
// what is added to one zone at about the same time into one request, waits until
// every authoritative server has the records, and deletes them in the end.
//
// # Aliases
//
// A record of the DNS must not decide where our credentials write. So a CNAME at
// _acme-challenge is followed only if [Solver.FollowCNAME] names the zone that it
// leads to; [Solver.Delegation] is a map that needs no CNAME look-up.
//
// # Waiting
//
// [Authoritative] asks each address of each server of the zone, never a cache, which
// would remember for minutes that a record was not there yet. [Recursive] is for
// networks that reach no other DNS servers. A service's own check is a [Verifier] too.
//
// # Challenges
//
// [Solver] answers dns-01 and dns-account-01. For dns-persist-01, where a record stays
// in the DNS, [Persist] only looks whether it is there and good; [PersistValue] is
// what to add.
//
// # Crashes
//
// With a [Journal] each record is put on file before it is added, and what a crash
// left behind is deleted when the solver is used next.
package dns01
