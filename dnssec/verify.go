package dnssec

import (
	"context"
	"errors"
	"fmt"
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
	zone  *Zone
	facts *facts
	sums  map[*chunk]*summary
}

// Zone is what was verified.
func (v *Verified) Zone() *Zone { return v.zone }

// Verify checks all of a signed zone: each signature, that what must be signed is and
// nothing else, the chain of denial records, the keys, and the records for the parent
// zone. An error is all [*Finding] errors, joined, up to a limit; [Findings] takes
// them apart. Nothing of it is the signer's code but the form that records have, and the
// arithmetic of batches where a P-256 key has made hundreds of signatures, of which
// crypto/ecdsa verifies the first and samples of the others.
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
	if o.At.IsZero() {
		o.At = time.Now()
	}
	if o.Limit <= 0 {
		o.Limit = 100
	}
	v := &verifier{zone: z, at: o.At.Unix(), until: o.At.Add(o.Remaining).Unix(), found: newFindings(o)}
	var err error
	if v.facts, err = newFacts(z, o, v.found); err != nil {
		return nil, fmt.Errorf("dnssec: verify %q: %w", z.origin, err)
	}
	if len(v.facts.algorithms) == 0 {
		return nil, v.found.err(z) // nothing could be verified
	}
	v.recall(o.Known)
	v.plan()
	if err := v.work(ctx, o.Workers); err != nil {
		return nil, fmt.Errorf("dnssec: verify %q: %w", z.origin, err)
	}
	v.checkApex(o.DS)
	v.finish()
	if err := v.found.err(z); err != nil {
		return nil, err
	}
	return &Verified{zone: z, facts: v.facts, sums: v.sums}, nil
}

// verifier is one call of VerifyNext.
type verifier struct {
	zone      *Zone
	facts     *facts
	at, until int64 // when signatures must be good
	found     *findings
	known     *Verified // nil if there is none of use
	parts     []*part
	sums      map[*chunk]*summary
	end       edge // behind the last name
}

// recall takes a verification that was by the same rules, and marks the keys whose
// signatures it has verified.
func (v *verifier) recall(known *Verified) {
	if known == nil || known.zone.origin != v.zone.origin || known.facts.allow != v.facts.allow {
		return
	}
	v.known = known
	for _, k := range v.facts.keys {
		for _, old := range known.facts.keys {
			k.known = k.known || k.rdata == old.rdata
		}
	}
}

// summaryOf is that of a chunk which both zones have, if nothing around it has
// changed and its signatures are still good.
func (v *verifier) summaryOf(c *chunk, start edge) *summary {
	if v.known == nil || v.known.facts.id != v.facts.id {
		return nil
	}
	s := v.known.sums[c]
	if s == nil || s.start != start || s.expires < v.until || s.begins > v.at {
		return nil
	}
	return s
}

// partNames is how many names a worker takes at once.
const partNames = 32

// plan finds what each name is, and cuts what is to be verified into parts.
func (v *verifier) plan() {
	v.sums = make(map[*chunk]*summary, len(v.zone.nodes))
	var e edge
	for _, c := range v.zone.nodes {
		s := v.summaryOf(c, e)
		if s == nil {
			s = &summary{start: e, tally: emptyTally()}
			for from := 0; from < len(c.nodes); from += partNames {
				p := &part{nodes: c.nodes[from:min(from+partNames, len(c.nodes))], start: e, into: s}
				for _, n := range p.nodes {
					e.pass(v.facts, n, look(n))
				}
				v.parts = append(v.parts, p)
			}
			s.end = e
		}
		v.sums[c] = s
		e = s.end
	}
	v.end = e
}

// finish checks what no part could see: where the chain ends, and what NSEC3 records
// the names want.
func (v *verifier) finish() {
	total := emptyTally()
	for _, c := range v.zone.nodes {
		total.add(&v.sums[c].tally)
	}
	if total.first == nil || v.found.full() {
		return
	}
	v.facts.checkLink(v.found, v.end.last, total.first)
	if v.facts.denial == byNSEC3 && !total.complete(v.facts) {
		v.checkHashes()
	}
}
