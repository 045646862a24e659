package dnssec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// Signer makes signed zones of unsigned ones. The zero value signs by NSEC for 14
// days. It has no state, clock or goroutine of its own, and may be used by many.
type Signer struct {
	// Denial is NSEC, NSEC3 or NSEC3OptOut.
	Denial Denial
	// Validity is how long signatures are good for.
	Validity Validity
	// Serial is how the signed zone gets its serial.
	Serial SerialPolicy
	// DNSKEYTTL is that of the DNSKEY records, in seconds; zero means 3600.
	DNSKEYTTL uint32
	// Workers is how many signatures are made at once; zero means one for each CPU
	// that Go uses.
	Workers int
	// BatchECDSA makes signatures of algorithm 13 many at a time, where the key is an
	// [*ecdsa.PrivateKey] in memory: in about half the time, by code of this module
	// that takes the same time whatever the key. A sample of them is verified before
	// the zone is returned. In FIPS 140 mode it has no effect.
	BatchECDSA bool
	// ZONEMD is the digests of the whole zone that it gets (RFC 8976); none is none.
	ZONEMD []ZONEMDHash
}

// Report is what a [Signer] did.
type Report struct {
	// Signed signatures are new, Reused are those of the previous zone, and Dropped
	// are those of it that are gone.
	Signed, Reused, Dropped int
	// Changed says that the zone is another than the previous one.
	Changed bool
	// NextRefresh is when the first signature must be replaced: sign again then.
	NextRefresh time.Time
}

// Sign signs a zone. Signatures of prev, the zone that was published last, are kept
// while their RRset is the same, their key is used and they need no refresh; nil is
// none. If nothing is to change, prev is what is returned.
//
// RRSIG, NSEC, NSEC3 and NSEC3PARAM records of the unsigned zone, and ZONEMD at its
// apex, are left out, so that it may be a signed one. Its DNSKEY records are those of other signers, and
// stay beside the keys'.
func (s *Signer) Sign(ctx context.Context, unsigned, prev *Zone, keys []KeyUse, now time.Time) (*Zone, Report, error) {
	r, err := s.begin(unsigned, prev, keys, now)
	if err != nil {
		return nil, Report{}, err
	}
	if !r.patch(s) {
		if err := r.collect(s); err != nil {
			return nil, Report{}, err
		}
	}
	r.claim()
	if r.same(s.Serial) {
		r.remember(prev)
		return prev, r.finish(prev), nil
	}
	if err := r.raise(s.Serial); err != nil {
		return nil, Report{}, err
	}
	if err := r.work(ctx, s, r.jobs); err != nil {
		return nil, Report{}, fmt.Errorf("dnssec: sign %q: %w", unsigned.origin, err)
	}
	z, err := r.seal(ctx, s, r.zone())
	if err != nil {
		return nil, Report{}, fmt.Errorf("dnssec: sign %q: %w", unsigned.origin, err)
	}
	r.remember(z)
	return z, r.finish(z), nil
}

// run is one call of Sign.
type run struct {
	unsigned, prev *Zone
	keys           *keySet
	validity       Validity
	now            time.Time
	settings       settings
	items          []item
	jobs           []job
	patched        bool // the items are only those that may have changed
}

func (s *Signer) begin(unsigned, prev *Zone, uses []KeyUse, now time.Time) (*run, error) {
	if unsigned == nil {
		return nil, errors.New("dnssec: sign: the zone is nil")
	}
	fail := func(why string) (*run, error) {
		return nil, fmt.Errorf("dnssec: sign %q: %s", unsigned.origin, why)
	}
	if prev != nil && prev.origin != unsigned.origin {
		return fail("the previous zone is " + prev.origin.String())
	}
	v := s.Validity.withDefaults()
	switch {
	case v.Refresh < 0 || v.Skew < 0 || v.Lifetime <= v.Refresh+v.Jitter:
		return fail("signatures must live longer than Refresh and Jitter together")
	case v.Lifetime+v.Skew > 1<<30*time.Second:
		return fail("signatures may not live longer than 34 years")
	case s.Denial > NSEC3OptOut:
		return fail("the kind of denial is not known")
	}
	if err := s.checkZONEMD(); err != nil {
		return fail(err.Error())
	}
	keys, err := newKeySet(unsigned.origin, uses)
	if err != nil {
		return nil, err
	}
	return &run{
		unsigned: unsigned, prev: prev, keys: keys, validity: v, now: now.Truncate(time.Second),
		settings: s.settings(unsigned, uses),
	}, nil
}

// collect makes the items: all that is to be in the zone but signatures. The serial
// is the previous one for now.
func (r *run) collect(s *Signer) error {
	for n, kind := range r.unsigned.placed() {
		d := &node{name: n.name, key: n.key, sets: n.unmade()}
		if len(d.sets) > 0 {
			r.items = append(r.items, item{node: d, kind: kind})
		}
	}
	r.dress(s, r.items[0].node)
	if s.Denial == NSEC {
		addNSEC(r.items, r.settings.negative)
		return nil
	}
	var err error
	r.items, err = addNSEC3(r.unsigned, r.items, s.Denial, r.settings.negative)
	return err
}

// unmade are the sets of an unsigned name that no signer makes, with room for those
// that it does.
func (n *node) unmade() []*rrset {
	sets := make([]*rrset, 0, 2*len(n.sets)+2)
	for _, set := range n.sets {
		if !made(set.typ) {
			sets = append(sets, set)
		}
	}
	return sets
}

// dress gives the apex what is there for the signatures.
func (r *run) dress(s *Signer, apex *node) {
	apex.put(dnskeys(apex.set(dns.TypeDNSKEY, 0), r.keys.published, s.keyTTL()))
	if r.prev != nil {
		apex.put(apex.set(dns.TypeSOA, 0).withSerial(r.prev.Serial()))
	}
	s.keepZONEMD(apex, r.prev)
	if s.Denial != NSEC {
		apex.put(nsec3Param())
	}
}

func (s *Signer) keyTTL() uint32 {
	if s.DNSKEYTTL == 0 {
		return 3600
	}
	return s.DNSKEYTTL
}
