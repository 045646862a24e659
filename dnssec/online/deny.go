package online

import (
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// deny says that a name has no such type. With DO a name that is not there is said to
// be, with no type but NXNAME; CO brings the rcode back (RFC 9824, sections 3 and 5).
func (r *reply) deny(name dnssec.Name, f Found, sets rrsets) error {
	missing := f.Kind == dnssec.Missing
	if missing && (!r.do || r.co) {
		r.m.Rcode = dns.RcodeNameError
	}
	soa, err := r.soa()
	if err != nil {
		return err
	}
	if err := r.add(&r.m.Ns, soa, "", false); err != nil {
		return err
	}
	if !r.do {
		return nil
	}
	nsec := r.nsec(name, f, sets)
	nsec.Hdr.Ttl = soa[0].Header().Ttl
	return r.add(&r.m.Ns, []dns.RR{nsec}, "", missing || f.Kind == dnssec.Synthesised)
}

// soa is the zone's, for no longer than its last field says (RFC 2308, section 3).
func (r *reply) soa() ([]dns.RR, error) {
	f, err := r.Lookup(r.ctx, r.st.zone)
	if err != nil {
		return nil, fmt.Errorf("look up %q: %w", r.st.zone, err)
	}
	for _, rr := range f.Records {
		if soa, ok := rr.(*dns.SOA); ok {
			own := dns.Copy(soa)
			own.Header().Name = r.st.zone.String()
			own.Header().Ttl = min(soa.Hdr.Ttl, soa.Minttl)
			return []dns.RR{own}, nil
		}
	}
	return nil, errors.New("the zone has no SOA record")
}

// nsec is the record of a name, whose TTL is still to be set.
func (r *reply) nsec(name dnssec.Name, f Found, sets rrsets) *dns.NSEC {
	types := append(sets.types(), dns.TypeRRSIG, dns.TypeNSEC)
	if f.Kind == dnssec.Missing {
		types = append(types, dns.TypeNXNAME)
	}
	if f.Kind == dnssec.Delegation {
		types = slices.DeleteFunc(types, func(t uint16) bool {
			return t != dns.TypeNS && t != dns.TypeDS && t != dns.TypeRRSIG && t != dns.TypeNSEC
		})
	}
	slices.Sort(types)
	return &dns.NSEC{
		Hdr:        dns.RR_Header{Name: name.String(), Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: r.negative()},
		NextDomain: name.After().String(),
		TypeBitMap: slices.Compact(types),
	}
}

// negative is the TTL of denials; without a SOA nothing is to be remembered.
func (r *reply) negative() uint32 {
	soa, err := r.soa()
	if err != nil {
		return 0
	}
	return soa[0].Header().Ttl
}

// bare is the NSEC record of a cut.
func (r *reply) bare(cut dnssec.Name, types ...uint16) (*dns.NSEC, error) {
	soa, err := r.soa()
	if err != nil {
		return nil, err
	}
	return &dns.NSEC{
		Hdr:        dns.RR_Header{Name: cut.String(), Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: soa[0].Header().Ttl},
		NextDomain: cut.After().String(),
		TypeBitMap: append(types, dns.TypeRRSIG, dns.TypeNSEC),
	}, nil
}
