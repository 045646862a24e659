package manager

import (
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Policy is what the operator wants of a zone. The zero value is a KSK and a ZSK of
// algorithm 13 that never roll by themselves, NSEC, and signatures of 14 days. It may
// change at any time.
type Policy struct {
	// Policy is that of the keys. Its Manual makes each step wait for
	// [Manager.Approve]. MaxZoneTTL and NegativeTTL of zero mean those that the zone
	// has, or had in a version that may be cached.
	rotate.Policy
	// Denial is NSEC, NSEC3 or NSEC3 with opt-out.
	Denial dnssec.Denial
	// Validity is how long signatures are good for.
	Validity dnssec.Validity
	// Serial is how a publication gets its serial.
	Serial dnssec.SerialPolicy
	// ZONEMD are the hashes of the ZONEMD records (RFC 8976); none means no such record.
	ZONEMD []dnssec.ZONEMDHash
	// BatchECDSA signs by keys of algorithm 13 in memory several times as fast; see
	// [dnssec.Signer].
	BatchECDSA bool
	// Digests are those of the DS; none means SHA-256. Keys that are there keep theirs.
	Digests []dnssec.Digest
	// RSABits is the size of RSA keys; zero means 2048.
	RSABits int
}

// Check returns an error that wraps [rotate.ErrPolicy] for a policy that cannot be
// carried out.
func (p Policy) Check() error { return p.Policy.Check() }

// dnskeyTTL is the TTL of DNSKEY, CDS and CDNSKEY records, in seconds.
func (p Policy) dnskeyTTL() uint32 {
	if p.DNSKEYTTL == 0 {
		return 3600
	}
	return uint32(p.DNSKEYTTL / time.Second)
}
