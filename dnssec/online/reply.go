package online

import (
	"context"
	"fmt"
	"slices"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
)

// maxChain is how many CNAMEs are followed in one answer.
const maxChain = 16

// reply is one answer in the making.
type reply struct {
	*Server
	st     *state
	ctx    context.Context
	m      *dns.Msg
	typ    uint16
	qname  string // as it was asked for
	do, co bool
	glue   int
}

func (r *reply) resolve(name dnssec.Name) error {
	text := r.qname
	seen := []dnssec.Name{name}
	for {
		next, err := r.step(name, text)
		if err != nil || next == "" || len(seen) > maxChain {
			return err
		}
		target, ok := r.within(next)
		if !ok || slices.Contains(seen, target) {
			return nil
		}
		seen = append(seen, target)
		name, text = target, next
	}
}

// within says whether a name is in the zone.
func (r *reply) within(name string) (dnssec.Name, bool) {
	n, err := dnssec.ParseName(name)
	return n, err == nil && n.Under(r.st.zone)
}

// step answers for one name, and returns the one to go on with, if any.
func (r *reply) step(name dnssec.Name, text string) (next string, err error) {
	f, err := r.Lookup(r.ctx, name)
	if err != nil {
		return "", fmt.Errorf("look up %q: %w", name, err)
	}
	sets := r.sets(name, f)
	switch f.Kind {
	case dnssec.Delegation, dnssec.Occluded:
		if f.Kind == dnssec.Occluded || r.typ != dns.TypeDS {
			r.m.Authoritative = len(r.m.Answer) > 0
			return "", r.refer(f, sets)
		}
	case dnssec.Outside:
		return "", fmt.Errorf("look up %q: it is said to be out of the zone", name)
	case dnssec.Redirected:
		r.m.Authoritative = true
		return r.redirect(name, text, f, sets)
	}
	r.m.Authoritative = true
	made := f.Kind == dnssec.Synthesised || f.Kind == dnssec.Missing
	switch set := sets.find(r.typ); {
	case r.typ == dns.TypeRRSIG || r.typ == dns.TypeANY:
		return "", r.one(name, text, f, sets)
	case r.typ == dns.TypeNSEC && r.do:
		return "", r.add(&r.m.Answer, []dns.RR{r.nsec(name, f, sets)}, text, made)
	case set != nil:
		return "", r.add(&r.m.Answer, set, text, made)
	case sets.find(dns.TypeCNAME) != nil:
		set = sets.find(dns.TypeCNAME)
		if c, ok := set[0].(*dns.CNAME); ok {
			next = c.Target
		}
		return next, r.add(&r.m.Answer, set, text, made)
	}
	return "", r.deny(name, f, sets)
}

// one answers for all types, and for signatures, by one set (RFC 8482).
func (r *reply) one(name dnssec.Name, text string, f Found, sets rrsets) error {
	made := f.Kind == dnssec.Synthesised || f.Kind == dnssec.Missing
	switch {
	case r.typ == dns.TypeRRSIG && r.do: // each name has an NSEC record
		sets = append(sets, []dns.RR{r.nsec(name, f, sets)})
	case r.typ == dns.TypeRRSIG || len(sets) == 0:
		return r.deny(name, f, sets)
	}
	at := len(r.m.Answer)
	err := r.add(&r.m.Answer, sets[0], text, made)
	if r.typ == dns.TypeRRSIG {
		sigs := slices.DeleteFunc(r.m.Answer[at:], func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeRRSIG })
		r.m.Answer = r.m.Answer[:at+len(sigs)]
	}
	return err
}

// refer names the servers of a cut, with its DS or the proof that there is none.
func (r *reply) refer(f Found, sets rrsets) error {
	r.m.Ns = append(r.m.Ns, sets.find(dns.TypeNS)...)
	own := r.m.Extra
	r.m.Extra = append(slices.Clone(f.Glue), own...)
	for _, rr := range f.Glue {
		if n, err := dnssec.ParseName(rr.Header().Name); err == nil && n.Under(f.Owner) {
			r.glue++
		}
	}
	slices.SortStableFunc(r.m.Extra[:len(f.Glue)], func(a, b dns.RR) int {
		return below(b, f.Owner) - below(a, f.Owner)
	})
	if !r.do {
		return nil
	}
	if ds := sets.find(dns.TypeDS); ds != nil {
		return r.add(&r.m.Ns, ds, "", false)
	}
	nsec, err := r.bare(f.Owner, dns.TypeNS)
	if err != nil {
		return err
	}
	return r.add(&r.m.Ns, []dns.RR{nsec}, "", false)
}

// below is 1 for a record of a name at or below a cut.
func below(rr dns.RR, cut dnssec.Name) int {
	if n, err := dnssec.ParseName(rr.Header().Name); err == nil && n.Under(cut) {
		return 1
	}
	return 0
}

// redirect answers by a DNAME and the CNAME that follows from it.
func (r *reply) redirect(name dnssec.Name, text string, f Found, sets rrsets) (next string, err error) {
	set := sets.find(dns.TypeDNAME)
	if set == nil {
		return "", fmt.Errorf("look up %q: no DNAME at %q", name, f.Owner)
	}
	d, ok := set[0].(*dns.DNAME)
	if !ok {
		return "", fmt.Errorf("look up %q: no DNAME at %q", name, f.Owner)
	}
	if err := r.add(&r.m.Answer, set, "", false); err != nil {
		return "", err
	}
	target, ok := answer.Substitute(name, f.Owner, d.Target)
	if !ok {
		r.m.Rcode = dns.RcodeYXDomain
		return "", nil
	}
	r.m.Answer = append(r.m.Answer, &dns.CNAME{
		Hdr:    dns.RR_Header{Name: text, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: d.Hdr.Ttl},
		Target: target,
	})
	if r.typ == dns.TypeCNAME || r.typ == dns.TypeANY {
		return "", nil
	}
	return target, nil
}

// add adds a set, and with DO its signatures; made says that its name is one of
// many.
func (r *reply) add(to *[]dns.RR, set []dns.RR, owner string, made bool) error {
	at := len(*to)
	*to = append(*to, set...)
	if r.do {
		sigs, err := r.sign(set, made)
		if err != nil {
			return err
		}
		*to = append(*to, sigs...)
	}
	if owner != "" {
		for _, rr := range (*to)[at:] {
			rr.Header().Name = owner
		}
	}
	return nil
}
