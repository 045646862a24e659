package dnssectest

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// Two public keys of one tag. Nobody has their private parts.
const (
	twinA = "UAX+LZEpzTRZrxtrMcB30ZTxmbXe036iH/3PpSxGaGsCA8ovl8TfkQ8VO2g+U6H+Nbo348aeD+RYJ4uUj67hYg=="
	twinB = "dApsgoffmY3sdidODxj0Y6H9V2s48BTR6wQxs/ByCiDzNHXMkdCUGvbMDcEJY+tP5ml3M/J7t7W/hLXrjG7ZaQ=="
)

func keyMutations() []Mutation {
	return []Mutation{
		{"keys-missing", dnssec.RuleKeys, func(e *editor) error {
			if err := e.drop(e.apex(), dns.TypeDNSKEY); err != nil {
				return err
			}
			return e.bitmap(e.Zone.Origin(), withoutType(dns.TypeDNSKEY))
		}},
		{"keys-signed-by-zsk", dnssec.RuleEntry, func(e *editor) error {
			sigs, err := e.byZSK(e.apex().RRset(dns.TypeDNSKEY))
			if err != nil {
				return err
			}
			return e.tx.Replace(sigs)
		}},
		{"keys-of-one-tag", dnssec.RuleKeyTags, publish(dns.DNSKEY{Flags: dns.ZONE, PublicKey: twinA}, dns.DNSKEY{Flags: dns.ZONE, PublicKey: twinB})},
		{"key-algorithm-partial", dnssec.RuleAlgorithms, func(e *editor) error {
			alg := dnssec.Ed25519
			if e.keys[0].record.Algorithm == uint8(alg) {
				alg = dnssec.ECDSAP256SHA256
			}
			k, err := dnssec.GenerateKey(e.Zone.Origin().String(), dnssec.KeyOptions{Algorithm: alg})
			if err != nil {
				return err
			}
			return publish(*k.DNSKEY(3600))(e)
		}},
		{"key-protocol", dnssec.RuleKeys, publish(dns.DNSKEY{Flags: dns.ZONE, Protocol: 2, PublicKey: twinA})},
		{"key-flags", dnssec.RuleKeys, publish(dns.DNSKEY{Flags: dns.ZONE | 2, PublicKey: twinA})},
		{"key-not-on-curve", dnssec.RuleKeys, publish(dns.DNSKEY{Flags: dns.ZONE, PublicKey: "AAAA" + twinA[4:]})},
		{"key-sha1", dnssec.RuleKeys, func(e *editor) error {
			k, err := dnssec.GenerateKey(e.Zone.Origin().String(), dnssec.KeyOptions{Algorithm: dnssec.RSASHA256})
			if err != nil {
				return err
			}
			record := k.DNSKEY(3600)
			record.Algorithm = dns.RSASHA1NSEC3SHA1
			return publish(*record)(e)
		}},
		{"key-revoked-silent", dnssec.RuleRevoked, publish(dns.DNSKEY{Flags: dns.ZONE | dns.REVOKE | dns.SEP, PublicKey: twinA})},
		{"key-revoked-signs", dnssec.RuleRevoked, revokedSigns},
	}
}

// publish adds DNSKEY records. Of algorithm and protocol zero means the usual.
func publish(records ...dns.DNSKEY) func(*editor) error {
	return func(e *editor) error {
		set := e.apex().RRset(dns.TypeDNSKEY)
		for _, r := range records {
			r.Hdr = header(e.Zone.Origin(), dns.TypeDNSKEY)
			r.Hdr.Ttl = set[0].Header().Ttl
			if r.Protocol == 0 {
				r.Protocol = 3
			}
			if r.Algorithm == 0 {
				r.Algorithm = dns.ECDSAP256SHA256
			}
			set = append(set, &r)
		}
		return e.put(set...)
	}
}

// byZSK is a signature of records for the parent by a key that the parent does not
// know.
func (e *editor) byZSK(rrs []dns.RR) (*dns.RRSIG, error) {
	i := slices.IndexFunc(e.keys, func(k signingKey) bool { return k.zone && !k.keys })
	if i < 0 {
		return nil, ErrNotApplicable
	}
	return e.signature(e.keys[i], nil, rrs...)
}

// stranger is a key that the zone does not have, of an algorithm that it has.
func (e *editor) stranger(sep bool) (signingKey, error) {
	var others []*dnssec.Key
	for _, u := range e.Keys {
		others = append(others, u.Key)
	}
	k, err := dnssec.GenerateKey(e.Zone.Origin().String(), dnssec.KeyOptions{
		Algorithm: dnssec.Algorithm(e.keys[0].record.Algorithm), SEP: sep, Others: others,
	})
	if err != nil {
		return signingKey{}, err
	}
	return newSigningKey(dnssec.KeyUse{Key: k})
}

// revokedSigns has a revoked key in the zone that signs itself, as it should, and
// another RRset, as it should not.
func revokedSigns(e *editor) error {
	k, err := e.stranger(true)
	if err != nil {
		return err
	}
	k.record.Flags |= dns.REVOKE
	k.keys = true
	e.keys = append(e.keys, k)
	if err := publish(*k.record)(e); err != nil {
		return err
	}
	n, err := e.host()
	if err != nil {
		return err
	}
	sig, err := e.signature(k, nil, n.RRset(dns.TypeA)...)
	if err != nil {
		return err
	}
	return e.tx.Add(sig)
}
