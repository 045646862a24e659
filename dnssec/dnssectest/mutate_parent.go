package dnssectest

import (
	"encoding/hex"
	"strings"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
)

func parentMutations() []Mutation {
	return []Mutation{
		{"cds-of-no-key", dnssec.RuleCDS, func(e *editor) error {
			k, err := e.stranger(true)
			if err != nil {
				return err
			}
			return e.putCDS([]dns.RR{k.record.ToDS(dns.SHA256).ToCDS()}, []dns.RR{k.record.ToCDNSKEY()})
		}},
		{"cds-signed-by-zsk", dnssec.RuleCDSSigner, func(e *editor) error {
			if !e.apex().Has(dns.TypeCDS) {
				return ErrNotApplicable
			}
			sig, err := e.byZSK(e.apex().RRset(dns.TypeCDS))
			if err != nil {
				return err
			}
			return e.tx.Replace(sig)
		}},
		{"cds-and-cdnskey-disagree", dnssec.RuleCDS, func(e *editor) error {
			entry, other, err := e.twoKeys()
			if err != nil {
				return err
			}
			return e.putCDS(
				[]dns.RR{entry.ToDS(dns.SHA256).ToCDS()}, []dns.RR{entry.ToCDNSKEY(), other.ToCDNSKEY()})
		}},
		{"cds-would-cut-off", dnssec.RuleCDS, func(e *editor) error {
			_, other, err := e.twoKeys()
			if err != nil {
				return err
			}
			return e.putCDS([]dns.RR{other.ToDS(dns.SHA256).ToCDS()}, []dns.RR{other.ToCDNSKEY()})
		}},
		{"cds-sha1", dnssec.RuleCDS, func(e *editor) error {
			entry, _, err := e.twoKeys()
			if err != nil {
				return err
			}
			return e.putCDS([]dns.RR{entry.ToDS(dns.SHA1).ToCDS()}, []dns.RR{entry.ToCDNSKEY()})
		}},
		{"cds-removal-not-alone", dnssec.RuleCDS, func(e *editor) error {
			entry, _, err := e.twoKeys()
			if err != nil {
				return err
			}
			return e.putCDS([]dns.RR{entry.ToDS(dns.SHA256).ToCDS(), &dns.CDS{DS: dns.DS{Digest: "00"}}}, []dns.RR{entry.ToCDNSKEY()})
		}},
		{"cds-not-at-apex", dnssec.RuleApex, func(e *editor) error {
			entry, _, err := e.twoKeys()
			if err != nil {
				return err
			}
			n, err := e.host()
			if err != nil {
				return err
			}
			cds := entry.ToDS(dns.SHA256).ToCDS()
			cds.Hdr = header(n.Name(), dns.TypeCDS)
			if err := e.put(cds); err != nil {
				return err
			}
			return e.bitmap(n.Name(), with(dns.TypeCDS))
		}},
		{"ds-digest-short", dnssec.RuleDS, onDS(func(ds *dns.DS) { ds.Digest = ds.Digest[2:] })},
		{"ds-sha1", dnssec.RuleDS, onDS(func(ds *dns.DS) { ds.DigestType, ds.Digest = dns.SHA1, ds.Digest[:40] })},
	}
}

// twoKeys are one that signs the keys and one that does not.
func (e *editor) twoKeys() (entry, other *dns.DNSKEY, err error) {
	for _, k := range e.keys {
		if k.keys {
			entry = k.record
		} else {
			other = k.record
		}
	}
	if entry == nil || other == nil {
		return nil, nil, ErrNotApplicable
	}
	return entry, other, nil
}

// putCDS puts records in the place of those for the parent, or beside the keys if
// there were none.
func (e *editor) putCDS(cds, cdnskey []dns.RR) error {
	for typ, rrs := range map[uint16][]dns.RR{dns.TypeCDS: cds, dns.TypeCDNSKEY: cdnskey} {
		for _, rr := range rrs {
			*rr.Header() = header(e.Zone.Origin(), typ)
		}
		if err := e.put(rrs...); err != nil {
			return err
		}
	}
	return e.bitmap(e.Zone.Origin(), with(dns.TypeCDS, dns.TypeCDNSKEY))
}

func onDS(change func(*dns.DS)) func(*editor) error {
	return func(e *editor) error {
		n, err := e.cut(true)
		if err != nil {
			return err
		}
		rrs := n.RRset(dns.TypeDS)
		for _, rr := range rrs {
			change(rr.(*dns.DS))
		}
		return e.put(rrs...)
	}
}

func zonemdMutations() []Mutation {
	wrong := func(change func(*dns.ZONEMD) []dns.RR) func(*editor) error {
		return func(e *editor) error {
			if err := e.resign(dnssec.Signer{ZONEMD: []dnssec.ZONEMDHash{dnssec.ZONEMDSHA384}}, e.Keys); err != nil {
				return err
			}
			return e.put(change(e.apex().RRset(dns.TypeZONEMD)[0].(*dns.ZONEMD))...)
		}
	}
	return []Mutation{
		{"zonemd-digest", dnssec.RuleZONEMD, wrong(func(rr *dns.ZONEMD) []dns.RR {
			rr.Digest = strings.Repeat("00", len(rr.Digest)/2)
			return []dns.RR{rr}
		})},
		{"zonemd-serial", dnssec.RuleZONEMD, wrong(func(rr *dns.ZONEMD) []dns.RR {
			rr.Serial++
			return []dns.RR{rr}
		})},
		{"zonemd-twice", dnssec.RuleZONEMD, wrong(func(rr *dns.ZONEMD) []dns.RR {
			second := dns.Copy(rr).(*dns.ZONEMD)
			second.Digest = hex.EncodeToString(make([]byte, 48))
			return []dns.RR{rr, second}
		})},
	}
}
