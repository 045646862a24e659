package dnssectest

import (
	"encoding/base64"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
)

func signatureMutations() []Mutation {
	return []Mutation{
		{"signature-missing", dnssec.RuleSigned, func(e *editor) error {
			n, err := e.host()
			if err != nil {
				return err
			}
			return e.tx.Remove(n.Signatures(dns.TypeA)...)
		}},
		{"signature-corrupt", dnssec.RuleCrypto, tamper(func(sig *dns.RRSIG) {
			raw, _ := base64.StdEncoding.DecodeString(sig.Signature)
			raw[len(raw)/2] ^= 1
			sig.Signature = base64.StdEncoding.EncodeToString(raw)
		})},
		{"signature-short", dnssec.RuleCrypto, tamper(func(sig *dns.RRSIG) {
			raw, _ := base64.StdEncoding.DecodeString(sig.Signature)
			sig.Signature = base64.StdEncoding.EncodeToString(raw[:len(raw)-1])
		})},
		{"signature-of-other-records", dnssec.RuleCrypto, func(e *editor) error {
			n, err := e.host()
			if err != nil {
				return err
			}
			a := n.RRset(dns.TypeA)[0].(*dns.A)
			a.A = net.IPv4(192, 0, 2, 200)
			return e.tx.Add(a)
		}},
		{"signature-unknown-key", dnssec.RuleSigningKey, tamper(func(sig *dns.RRSIG) { sig.KeyTag ^= 0x5555 })},
		{"signature-orphan", dnssec.RuleSigningKey, orphan},
		{"signature-signer", dnssec.RuleSigner, signedWith(func(sig *dns.RRSIG) {
			sig.SignerName = sig.SignerName[strings.IndexByte(sig.SignerName, '.')+1:]
		})},
		{"signature-labels-wildcard", dnssec.RuleLabels, labels(func(n dnssec.Name) bool { return n.Wildcard() }, 1)},
		{"signature-labels-star-prefix", dnssec.RuleLabels, labels(func(n dnssec.Name) bool {
			return strings.HasPrefix(n.String(), "*") && !n.Wildcard()
		}, -1)},
		{"signature-labels-host", dnssec.RuleLabels, labels(func(n dnssec.Name) bool { return !strings.HasPrefix(n.String(), "*") }, -1)},
		{"signature-original-ttl", dnssec.RuleOriginalTTL, signedWith(func(sig *dns.RRSIG) { sig.OrigTtl-- })},
		{"signature-ttl", dnssec.RuleSignatureTTL, tamper(func(sig *dns.RRSIG) { sig.Hdr.Ttl++ })},
		{"ttl-raised", dnssec.RuleOriginalTTL, func(e *editor) error {
			n, err := e.host()
			if err != nil {
				return err
			}
			rrs := append(n.RRset(dns.TypeA), n.Signatures(dns.TypeA)...)
			for _, rr := range rrs {
				rr.Header().Ttl += 60
			}
			return e.tx.Replace(rrs...)
		}},
		{"signature-of-nothing", dnssec.RuleCovers, func(e *editor) error {
			n, err := e.host()
			if err != nil {
				return err
			}
			return e.signAlso(&dns.TXT{Hdr: header(n.Name(), dns.TypeTXT), Txt: []string{"gone"}})
		}},
		{"signature-of-glue", dnssec.RuleUnsigned, func(e *editor) error {
			n, err := e.glue()
			if err != nil {
				return err
			}
			return e.signAlso(n.RRset(dns.TypeA)...)
		}},
		{"signature-of-delegation", dnssec.RuleUnsigned, func(e *editor) error {
			n, err := e.cut(true)
			if err != nil {
				return err
			}
			return e.signAlso(n.RRset(dns.TypeNS)...)
		}},
		{"signature-below-dname", dnssec.RuleUnsigned, func(e *editor) error {
			n, err := e.find(func(n dnssec.Entry, _ dnssec.Kind) bool { return n.Has(dns.TypeDNAME) })
			if err != nil {
				return err
			}
			below, err := n.Name().Child("below")
			if err != nil {
				return err
			}
			rr := &dns.TXT{Hdr: header(below, dns.TypeTXT), Txt: []string{"hidden"}}
			if err := e.tx.Add(rr); err != nil {
				return err
			}
			return e.signAlso(rr)
		}},
	}
}

func timeMutations() []Mutation {
	between := func(from, to time.Duration) func(*editor) error {
		return func(e *editor) error {
			return signedWith(func(sig *dns.RRSIG) {
				sig.Inception, sig.Expiration = uint32(e.At.Add(from).Unix()), uint32(e.At.Add(to).Unix())
			})(e)
		}
	}
	const day = 24 * time.Hour
	return []Mutation{
		{"signature-expired", dnssec.RuleExpired, between(-9*day, -2*day)},
		{"signature-future", dnssec.RuleInception, between(2*day, 9*day)},
		{"signature-backwards", dnssec.RuleSignature, between(2*day, -2*day)},
	}
}

func header(n dnssec.Name, typ uint16) dns.RR_Header {
	return dns.RR_Header{Name: n.String(), Rrtype: typ, Class: dns.ClassINET, Ttl: 3600}
}

// tamper changes the signatures of a host's address after they were made.
func tamper(change func(*dns.RRSIG)) func(*editor) error {
	return func(e *editor) error {
		n, err := e.host()
		if err != nil {
			return err
		}
		sigs := n.Signatures(dns.TypeA)
		for _, rr := range sigs {
			if sig, ok := rr.(*dns.RRSIG); ok {
				change(sig)
			}
		}
		return e.tx.Replace(sigs...)
	}
}

// signedWith signs a host's address with other fields.
func signedWith(use func(*dns.RRSIG)) func(*editor) error {
	return func(e *editor) error {
		n, err := e.host()
		if err != nil {
			return err
		}
		return e.putSigned(use, n.RRset(dns.TypeA)...)
	}
}

// labels signs an address or text with a wrong label count.
func labels(is func(dnssec.Name) bool, add int) func(*editor) error {
	return func(e *editor) error {
		n, err := e.find(func(n dnssec.Entry, kind dnssec.Kind) bool {
			return kind == dnssec.Authoritative && (n.Has(dns.TypeA) || n.Has(dns.TypeTXT)) && is(n.Name())
		})
		if err != nil {
			return err
		}
		typ := dns.TypeA
		if !n.Has(typ) {
			typ = dns.TypeTXT
		}
		return e.putSigned(func(sig *dns.RRSIG) { sig.Labels = uint8(int(sig.Labels) + add) }, n.RRset(typ)...)
	}
}

// signAlso adds signatures of records, and leaves the rest as it is.
func (e *editor) signAlso(rrs ...dns.RR) error {
	sigs, err := e.signatures(nil, rrs...)
	if err != nil {
		return err
	}
	return e.tx.Add(sigs...)
}

// orphan adds a good signature of a key that is not in the zone.
func orphan(e *editor) error {
	n, err := e.host()
	if err != nil {
		return err
	}
	k, err := e.stranger(false)
	if err != nil {
		return err
	}
	sig, err := e.signature(k, nil, n.RRset(dns.TypeA)...)
	if err != nil {
		return err
	}
	return e.tx.Add(sig)
}
