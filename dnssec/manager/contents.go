package manager

import (
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// source is what is to be signed or published: the contents, or the last published zone
// if a process before this one had them, with CDS and CDNSKEY as the state asks for.
func (z *zone) source(ring keyring, want version) (*dnssec.Zone, error) {
	base := z.contents
	if base == nil {
		base = z.signed
	}
	if base == nil {
		return nil, fmt.Errorf("manager: publish %q: %w: give them by SetZone", z.name, ErrContents)
	}
	if !want.signed() && z.rec.State.Requests == 0 {
		return base, nil // it was never signed by the manager
	}
	add, err := ring.childRecords(z, want)
	if err != nil {
		return nil, fmt.Errorf("manager: publish %q: %w", z.name, err)
	}
	others := slices.DeleteFunc(base.RRset(z.apex, dns.TypeDNSKEY), func(rr dns.RR) bool {
		return ring.has(rr) || slices.Contains(z.rec.Former, hashKey(rr.(*dns.DNSKEY)))
	})
	source, err := base.Update(func(tx *dnssec.Tx) error {
		for _, typ := range []uint16{dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY} {
			tx.RemoveRRset(z.apex, typ)
		}
		return tx.Add(append(others, add...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("manager: publish %q: %w", z.name, err)
	}
	if !want.signed() {
		return strip(source)
	}
	return source, nil
}

// has says whether a DNSKEY record is that of a key of the ring.
func (r keyring) has(rr dns.RR) bool {
	is := rr.(*dns.DNSKEY)
	for _, k := range r {
		if own := k.DNSKEY(0); own.Algorithm == is.Algorithm && own.PublicKey == is.PublicKey {
			return true
		}
	}
	return false
}

// childRecords are the CDS and CDNSKEY records (RFC 7344), or those that ask for no DS
// at all (RFC 8078, section 4).
func (r keyring) childRecords(z *zone, want version) ([]dns.RR, error) {
	ttl := z.rec.Policy.dnskeyTTL()
	header := func(typ uint16) dns.RR_Header {
		return dns.RR_Header{Name: z.name, Rrtype: typ, Class: dns.ClassINET, Ttl: ttl}
	}
	var out []dns.RR
	var ids []string
	for _, d := range want.CDS {
		if d == (rotate.DS{}) {
			cds := &dns.CDS{DS: dns.DS{Hdr: header(dns.TypeCDS), Digest: "00"}}
			cdnskey := &dns.CDNSKEY{DNSKEY: dns.DNSKEY{Hdr: header(dns.TypeCDNSKEY), Protocol: 3, PublicKey: "AA=="}}
			return []dns.RR{cds, cdnskey}, nil
		}
		cds := &dns.CDS{DS: *dsRecord(z.name, d)}
		cds.Hdr = header(dns.TypeCDS)
		out = append(out, cds)
		for i := range z.rec.State.Keys {
			if k := &z.rec.State.Keys[i]; slices.Contains(k.Digests, d) && !slices.Contains(ids, k.ID) {
				ids = append(ids, k.ID)
			}
		}
	}
	for _, id := range ids {
		k := r[id]
		if k == nil {
			return nil, fmt.Errorf("CDNSKEY: %w: %s", ErrKey, id)
		}
		cdnskey := &dns.CDNSKEY{DNSKEY: *k.DNSKEY(ttl)}
		cdnskey.Hdr = header(dns.TypeCDNSKEY)
		out = append(out, cdnskey)
	}
	return out, nil
}

// strip is a zone without signatures and what proves that something is not there.
func strip(z *dnssec.Zone) (*dnssec.Zone, error) {
	made := []uint16{dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM}
	var rrs []dns.RR
	for rr := range z.All() {
		if !slices.Contains(made, rr.Header().Rrtype) {
			rrs = append(rrs, rr)
		}
	}
	return dnssec.NewZone(z.Origin().String(), rrs, dnssec.Options{})
}

// makeUnsigned is the zone as it is, with a serial after the last one.
func (m *Manager) makeUnsigned(z *zone, source *dnssec.Zone, now time.Time) (*dnssec.Zone, error) {
	last := z.rec.last()
	if last == nil {
		return source, nil
	}
	if z.signed != nil && !z.behind() {
		same, err := source.Update(func(tx *dnssec.Tx) error { return tx.Replace(withSerial(source, last.Last)) })
		if err != nil {
			return nil, fmt.Errorf("manager: publish %q: %w", z.name, err)
		}
		if removed, added := dnssec.Diff(z.signed, same); len(removed)+len(added) == 0 && !after(source.Serial(), last.Last) {
			return z.signed, nil
		}
	}
	serial := source.Serial()
	if !after(serial, last.Last) {
		if serial = last.Last + 1; serial == 0 {
			serial = 1 // some take zero for none
		}
	}
	next, err := source.Update(func(tx *dnssec.Tx) error { return tx.Replace(withSerial(source, serial)) })
	if err != nil {
		return nil, fmt.Errorf("manager: publish %q: %w", z.name, err)
	}
	return next, nil
}

// after says whether serial a comes after b (RFC 1982, section 3.2).
func after(a, b uint32) bool { return a != b && int32(a-b) > 0 }
