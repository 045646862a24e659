package answer

import (
	"slices"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// additional adds the addresses of the names that the answer or a referral leads to.
// The OPT record stays the last.
func (r *reply) additional() {
	own := r.m.Extra
	r.m.Extra = nil
	var done []string
	if r.referred.OK() {
		for _, rr := range r.m.Ns {
			if ns, ok := rr.(*dns.NS); ok && !slices.Contains(done, ns.Ns) {
				done = append(done, ns.Ns)
				r.addGlue(ns.Ns, true)
			}
		}
		r.glue = len(r.m.Extra)
		for _, host := range done {
			r.addGlue(host, false)
		}
	}
	for _, rr := range r.m.Answer {
		if host := target(rr); host != "" && !slices.Contains(done, host) {
			done = append(done, host)
			r.addresses(host)
		}
	}
	r.m.Extra = append(r.m.Extra, own...)
}

// target is the host that a record leads to.
func target(rr dns.RR) string {
	switch t := rr.(type) {
	case *dns.NS:
		return t.Ns
	case *dns.MX:
		return t.Mx
	case *dns.SRV:
		return t.Target
	case *dns.SVCB:
		return service(t)
	case *dns.HTTPS:
		return service(&t.SVCB)
	}
	return ""
}

// service is the host of a service record: its own owner if that is the root (RFC
// 9460, section 2.5.2).
func service(s *dns.SVCB) string {
	if s.Target == "." {
		return s.Hdr.Name
	}
	return s.Target
}

// addGlue adds the addresses of a name server of the cut: those below the cut, which
// are nowhere else, or the others.
func (r *reply) addGlue(host string, below bool) {
	name, err := dnssec.ParseName(host)
	if err != nil || name.Under(r.referred.Name()) != below {
		return
	}
	switch place := r.z.Locate(name); place.Kind {
	case dnssec.Delegation, dnssec.Occluded:
		r.m.Extra = r.z.At(name).Append(r.m.Extra, "", dns.TypeA, false)
		r.m.Extra = r.z.At(name).Append(r.m.Extra, "", dns.TypeAAAA, false)
	case dnssec.Authoritative:
		r.addresses(host)
	}
}

// addresses adds those that the zone itself has.
func (r *reply) addresses(host string) {
	name, err := dnssec.ParseName(host)
	if err != nil || !name.Under(r.z.Origin()) || r.z.Locate(name).Kind != dnssec.Authoritative {
		return
	}
	for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA} {
		if !r.answered(name, typ) {
			r.add(&r.m.Extra, r.z.At(name), "", typ)
		}
	}
}

// answered says whether the RRset is what was asked for.
func (r *reply) answered(name dnssec.Name, typ uint16) bool {
	for _, rr := range r.m.Answer {
		if rr.Header().Rrtype == typ {
			if n, err := dnssec.ParseName(rr.Header().Name); err == nil && n == name {
				return true
			}
		}
	}
	return false
}
