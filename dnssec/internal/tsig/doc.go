// Package tsig signs and checks messages by secrets that two servers share (RFC
// 8945), on their octets, so that a stream of many costs no more than its hash.
//
//	body, record, err := tsig.Split(request) // nil without a signature
//	chain := key.Chain(nil)
//	err = chain.Verify(body, record, time.Now())
//	answer = chain.Sign(answer, time.Now())  // and the messages after it
//
// MACs are never truncated.
package tsig
