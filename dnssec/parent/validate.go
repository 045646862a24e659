package parent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

const (
	// maxTries is how many signatures are checked for one RRset: keys with one tag
	// could make it many (CVE-2023-50387).
	maxTries = 8
	// maxDepth is how many zones a chain of trust may have.
	maxDepth = 16
)

var (
	errUnsigned = errors.New("is not signed")
	errNoTrust  = errors.New("no chain of DS records leads to it from a trust anchor")
)

// usable are the algorithms whose signatures count (RFC 9904).
func usable(alg uint8) bool {
	switch alg {
	case dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519:
		return true
	}
	return false
}

// verify finds the signature by one of a zone's keys that makes an RRset good
// (RFC 4035, section 5.3).
func verify(set rrset, zone string, keys []*dns.DNSKEY, now time.Time) (*dns.RRSIG, error) {
	if len(set.sigs) == 0 {
		return nil, errUnsigned
	}
	last := errors.New("no signature is by a key of " + zone)
	tries := 0
	for _, sig := range set.sigs {
		if !equalNames(sig.SignerName, zone) || !within(set.rrs[0].Header().Name, zone) || !usable(sig.Algorithm) {
			continue
		}
		if !current(sig, now) {
			last = fmt.Errorf("the signature by key %d is valid from %s to %s", sig.KeyTag,
				dns.TimeToString(sig.Inception), dns.TimeToString(sig.Expiration))
			continue
		}
		for _, key := range keys {
			if key.Flags&dns.REVOKE != 0 || key.Algorithm != sig.Algorithm || key.KeyTag() != sig.KeyTag {
				continue
			}
			if tries++; tries > maxTries {
				return nil, errors.New("has too many signatures and keys of one tag")
			}
			err := sig.Verify(key, set.rrs)
			if err == nil {
				return sig, nil
			}
			last = fmt.Errorf("the signature by key %d is bad: %w", sig.KeyTag, err)
		}
	}
	return nil, last
}

// current compares as serial numbers (RFC 4034, section 3.1.5).
func current(sig *dns.RRSIG, now time.Time) bool {
	at := uint32(now.Unix())
	return int32(at-sig.Inception) >= 0 && int32(sig.Expiration-at) >= 0
}

// trusted finds the keys of a zone's DNSKEY RRset that are good because a DS says so:
// all of the RRset, if one of those signs it.
func trusted(set rrset, zone string, ds []rotate.DS, now time.Time) ([]*dns.DNSKEY, error) {
	all := set.keys()
	var entry []*dns.DNSKEY
	for _, key := range all {
		if key.Flags&dns.ZONE != 0 && key.Protocol == 3 && named(key, zone, ds) {
			entry = append(entry, key)
		}
	}
	if len(entry) == 0 {
		return nil, fmt.Errorf("no DNSKEY of %s is one that is trusted", zone)
	}
	if _, err := verify(set, zone, entry, now); err != nil {
		return nil, fmt.Errorf("DNSKEY of %s: %w", zone, err)
	}
	return all, nil
}

// named says whether a DS is of the key. SHA-1 does not count (RFC 9905).
func named(key *dns.DNSKEY, zone string, list []rotate.DS) bool {
	for _, want := range list {
		if want.DigestType != dns.SHA256 && want.DigestType != dns.SHA384 || want.Algorithm != key.Algorithm || want.Tag != key.KeyTag() {
			continue
		}
		owned := *key
		owned.Hdr.Name = zone
		if ds := owned.ToDS(want.DigestType); ds != nil && FromRR(ds) == want {
			return true
		}
	}
	return false
}

// anchors are the DS of a zone that the caller trusts.
func (r *Resolver) anchors(zone string) []rotate.DS {
	for name, ds := range r.Anchors {
		if equalNames(name, zone) {
			return ds
		}
	}
	return nil
}

// secure verifies an RRset by the keys of its signer, and those by the chain up to an
// anchor. What a wildcard made needs the proof, in the authority section, that
// the name itself is not there.
func (r *Resolver) secure(ctx context.Context, set *rrset, authority []dns.RR) error {
	return r.secureAt(ctx, set, authority, maxDepth)
}

func (r *Resolver) secureAt(ctx context.Context, set *rrset, authority []dns.RR, depth int) error {
	owner, typ := set.rrs[0].Header().Name, set.rrs[0].Header().Rrtype
	if len(set.sigs) == 0 {
		return errUnsigned
	}
	zone := dns.CanonicalName(set.sigs[0].SignerName)
	if !within(owner, zone) || typ == dns.TypeDS && equalNames(owner, zone) {
		return fmt.Errorf("is signed by %s, which cannot have it", zone)
	}
	keys, err := r.keysAt(ctx, zone, depth-1)
	if err != nil {
		return err
	}
	sig, err := verify(*set, zone, keys, r.now())
	if err != nil {
		return err
	}
	if int(sig.Labels) < signedLabels(owner) {
		proof := denial{zone: zone, keys: keys, now: r.now(), authority: authority}
		if err := proof.noCloser(owner, int(sig.Labels)); err != nil {
			return fmt.Errorf("was made by a wildcard: %w", err)
		}
	}
	return nil
}

// keysAt are a zone's keys, validated.
func (r *Resolver) keysAt(ctx context.Context, zone string, depth int) ([]*dns.DNSKEY, error) {
	ds, err := r.dsAt(ctx, zone, depth)
	if err != nil {
		return nil, err
	}
	m, err := r.lookup(ctx, zone, dns.TypeDNSKEY)
	if err != nil {
		return nil, err
	}
	return trusted(pick(m.Answer, zone, dns.TypeDNSKEY), zone, ds, r.now())
}

// dsAt are the validated DS of a zone, or its anchors.
func (r *Resolver) dsAt(ctx context.Context, zone string, depth int) ([]rotate.DS, error) {
	if ds := r.anchors(zone); len(ds) > 0 {
		return ds, nil
	}
	if depth <= 0 || zone == "." {
		return nil, fmt.Errorf("%s: %w", zone, errNoTrust)
	}
	m, err := r.lookup(ctx, zone, dns.TypeDS)
	if err != nil {
		return nil, err
	}
	set := pick(m.Answer, zone, dns.TypeDS)
	if len(set.rrs) == 0 {
		return nil, fmt.Errorf("%s has no DS: %w", zone, errNoTrust)
	}
	if err := r.secureAt(ctx, &set, m.Ns, depth); err != nil {
		return nil, fmt.Errorf("DS of %s: %w", zone, err)
	}
	var ds []rotate.DS
	for _, rr := range set.rrs {
		ds = append(ds, FromRR(rr.(*dns.DS)))
	}
	return ds, nil
}
