package parent

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

var (
	errReferral = errors.New("the answer is a referral")
	errLame     = errors.New("the server is not authoritative for the parent zone")
	errAlias    = errors.New("the answer is an alias, which no delegation is")
	errNoSOA    = errors.New("nothing in the answer is from the parent zone")
)

// judge says what DS records an answer of a parent's name server has, or why it
// does not count.
func (p poll) judge(m *dns.Msg) ([]rotate.DS, time.Duration, error) {
	if m.Rcode != dns.RcodeSuccess {
		return nil, 0, dnsask.RcodeError(m.Rcode)
	}
	for _, rr := range m.Answer {
		if typ := rr.Header().Rrtype; typ == dns.TypeCNAME || typ == dns.TypeDNAME {
			return nil, 0, errAlias
		}
	}
	set := pick(m.Answer, p.zone, dns.TypeDS)
	referral := slices.ContainsFunc(m.Ns, func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeNS && !equalNames(rr.Header().Name, p.parent)
	})
	switch {
	case len(set.rrs) == 0 && referral:
		return nil, 0, errReferral
	case !m.Authoritative:
		return nil, 0, errLame
	case len(set.rrs) == 0:
		return nil, 0, p.none(m)
	}
	return p.some(set)
}

// none checks an answer without DS.
func (p poll) none(m *dns.Msg) error {
	if len(pick(m.Ns, p.parent, dns.TypeSOA).rrs) == 0 {
		return errNoSOA // such as that of the child's own servers
	}
	if p.keys == nil {
		return nil
	}
	proof := denial{zone: p.parent, keys: p.keys, now: p.Resolver.now(), authority: m.Ns}
	if err := proof.noDS(p.zone); err != nil {
		return proofError(p.zone, err)
	}
	return nil
}

// some takes the TTL of the signatures, which is the one at the source: that of
// the record itself may have been counted down by whatever stands between.
func (p poll) some(set rrset) ([]rotate.DS, time.Duration, error) {
	var ds []rotate.DS
	ttl := uint32(0)
	for _, rr := range set.rrs {
		if d := FromRR(rr.(*dns.DS)); !slices.Contains(ds, d) {
			ds = append(ds, d)
		}
		ttl = max(ttl, rr.Header().Ttl)
	}
	for _, sig := range set.sigs {
		if !equalNames(sig.SignerName, p.parent) {
			return nil, 0, fmt.Errorf("the DS is signed by %s instead of %s", sig.SignerName, p.parent)
		}
		ttl = max(ttl, sig.OrigTtl)
	}
	if p.keys != nil {
		sig, err := verify(set, p.parent, p.keys, p.Resolver.now())
		if err != nil {
			return nil, 0, fmt.Errorf("the DS: %w", err)
		}
		if int(sig.Labels) != signedLabels(p.zone) {
			return nil, 0, errors.New("the DS was made by a wildcard")
		}
		ttl = sig.OrigTtl
	}
	return ds, time.Duration(ttl) * time.Second, nil
}
