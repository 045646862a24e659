// Package answer makes the answers of an authoritative name server from a snapshot
// of a zone, with the proofs of DNSSEC when the zone is signed and the question asks
// for them.
//
//	zone := answer.Find(req.Question[0], zones.Load) // the closest, but for DS the parent
//	m := answer.Respond(zone, req, answer.Options{UDP: true})
//
// It has no state and waits for nothing. Whatever the question is, there is an
// answer, and it fits into what the client takes.
package answer
