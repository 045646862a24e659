package manager

import (
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Policy is what the operator wants of a zone. The zero value is a KSK and a ZSK of
// algorithm 13 that never roll by themselves, NSEC, and signatures of 14 days. It may
// change at any time.
type Policy struct {
	// Policy is that of the keys. Its Manual makes each step wait for
	// [Manager.Approve].
	rotate.Policy
	// Denial is NSEC, NSEC3 or NSEC3 with opt-out.
	Denial dnssec.Denial
	// Validity is how long signatures are good for.
	Validity dnssec.Validity
	// Serial is how a publication gets its serial.
	Serial dnssec.SerialPolicy
	// Digests are those of the DS; none means SHA-256. Keys that are there keep theirs.
	Digests []dnssec.Digest
	// RSABits is the size of RSA keys; zero means 2048.
	RSABits int
}

// Check returns an error that wraps [rotate.ErrPolicy] for a policy that cannot be
// carried out.
func (p Policy) Check() error { return p.Policy.Check() }
