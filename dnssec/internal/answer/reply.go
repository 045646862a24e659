package answer

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// maxChain is how many CNAMEs are followed in one answer.
const maxChain = 16

// reply is one answer in the making.
type reply struct {
	z           *dnssec.Zone
	m           *dns.Msg
	typ         uint16
	do          bool
	nsec, nsec3 bool
	proofs      []dnssec.Name // whose denial records are there already
	glue        int           // additional records that must not be left out
	referred    dnssec.Entry  // the cut of a referral
}

// resolve follows a name, written as text says, to its end.
func (r *reply) resolve(name dnssec.Name, text string) {
	seen := []dnssec.Name{name}
	for {
		next := r.step(name, text)
		if next == "" || len(seen) > maxChain {
			return
		}
		target, err := dnssec.ParseName(next)
		if err != nil || slices.Contains(seen, target) {
			return
		}
		seen = append(seen, target)
		name, text = target, next
	}
}

// step answers for one name, and returns the one to go on with, if any.
func (r *reply) step(name dnssec.Name, text string) (next string) {
	place := r.z.Locate(name)
	first := len(r.m.Answer) == 0
	switch place.Kind {
	case dnssec.Outside:
		return ""
	case dnssec.Delegation, dnssec.Occluded:
		cut := r.z.At(place.Node)
		if place.Kind == dnssec.Delegation && r.typ == dns.TypeDS {
			r.m.Authoritative = true
			r.answerDS(cut, text)
			return ""
		}
		r.m.Authoritative = !first
		r.refer(cut)
		return ""
	}
	r.m.Authoritative = true
	switch place.Kind {
	case dnssec.Redirected:
		return r.redirect(r.z.At(place.Node), name, text)
	case dnssec.Missing:
		r.m.Rcode = dns.RcodeNameError
		r.soa()
		r.denyName(name, place.Node)
	case dnssec.Synthesised:
		next, found := r.records(r.z.At(place.Node), text)
		if !found {
			r.soa()
			r.denyWildcardType(name, place.Node)
			return ""
		}
		r.denyCloser(name, place.Node.Parent())
		return next
	default:
		next, found := r.records(r.z.At(name), text)
		if !found {
			r.soa()
			r.denyType(name)
		}
		return next
	}
	return ""
}

// records adds what an entry has of the type, or its CNAME, whose target is next.
func (r *reply) records(e dnssec.Entry, text string) (next string, found bool) {
	switch typ := r.typ; {
	case typ == dns.TypeRRSIG:
		return "", r.signatures(e, text)
	case typ == dns.TypeANY:
		typ = anyType(e)
		r.add(&r.m.Answer, e, text, typ)
		return "", typ != 0
	case typ != dns.TypeNSEC3 && e.Has(typ):
		r.add(&r.m.Answer, e, text, typ)
		return "", true
	case e.Has(dns.TypeCNAME):
		at := len(r.m.Answer)
		r.add(&r.m.Answer, e, text, dns.TypeCNAME)
		if c, ok := r.m.Answer[at].(*dns.CNAME); ok {
			next = c.Target
		}
		return next, true
	}
	return "", false
}

// signatures adds all signatures of a name. Those of its NSEC3 record are none of
// its own.
func (r *reply) signatures(e dnssec.Entry, text string) bool {
	before := len(r.m.Answer)
	for _, typ := range e.Types() {
		if typ == dns.TypeNSEC3 {
			continue
		}
		for _, sig := range e.Signatures(typ) {
			sig.Header().Name = text
			r.m.Answer = append(r.m.Answer, sig)
		}
	}
	return len(r.m.Answer) > before
}

// anyType is the one type that a question for any gets (RFC 8482, section 4.1).
func anyType(e dnssec.Entry) uint16 {
	for _, typ := range e.Types() {
		if typ != dns.TypeNSEC && typ != dns.TypeNSEC3 {
			return typ
		}
	}
	return 0
}

// redirect answers by a DNAME and the CNAME that follows from it (RFC 6672, section
// 3.1).
func (r *reply) redirect(e dnssec.Entry, name dnssec.Name, text string) (next string) {
	at := len(r.m.Answer)
	r.add(&r.m.Answer, e, "", dns.TypeDNAME)
	d, ok := r.m.Answer[at].(*dns.DNAME)
	if !ok {
		return ""
	}
	target, ok := Substitute(name, e.Name(), d.Target)
	if !ok {
		r.m.Rcode = dns.RcodeYXDomain
		return ""
	}
	r.m.Answer = append(r.m.Answer, &dns.CNAME{
		Hdr:    dns.RR_Header{Name: text, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: d.Hdr.Ttl},
		Target: target,
	})
	if r.typ == dns.TypeCNAME || r.typ == dns.TypeANY {
		return ""
	}
	return target
}

// Substitute is a name below a DNAME's owner with its target in the place of the
// owner, unless that is too long.
func Substitute(name, owner dnssec.Name, target string) (string, bool) {
	prefix := name.String()
	if owner != (dnssec.Name{}) {
		prefix = strings.TrimSuffix(prefix, owner.String())
	}
	if target != "." {
		prefix += target
	}
	_, err := dnssec.ParseName(prefix)
	return prefix, err == nil
}

// answerDS is the parent's answer about a cut.
func (r *reply) answerDS(cut dnssec.Entry, text string) {
	if cut.Has(dns.TypeDS) {
		r.add(&r.m.Answer, cut, text, dns.TypeDS)
		return
	}
	r.soa()
	r.denyType(cut.Name())
}

// refer names the servers of a cut, with its DS or the proof that there is none
// (RFC 4035, section 3.1.4).
func (r *reply) refer(cut dnssec.Entry) {
	r.referred = cut
	r.m.Ns = cut.Append(r.m.Ns, "", dns.TypeNS, false)
	switch {
	case !r.do:
	case cut.Has(dns.TypeDS):
		r.add(&r.m.Ns, cut, "", dns.TypeDS)
	default:
		r.denyType(cut.Name())
	}
}

func (r *reply) add(to *[]dns.RR, e dnssec.Entry, owner string, typ uint16) {
	*to = e.Append(*to, owner, typ, r.do)
}

// soa is for those who remember that there is nothing, for no longer than its last
// field says (RFC 2308, section 3).
func (r *reply) soa() {
	at := len(r.m.Ns)
	r.add(&r.m.Ns, r.z.At(r.z.Origin()), "", dns.TypeSOA)
	soa, ok := r.m.Ns[at].(*dns.SOA)
	if !ok {
		return
	}
	ttl := min(soa.Hdr.Ttl, soa.Minttl)
	for _, rr := range r.m.Ns[at:] {
		rr.Header().Ttl = ttl
	}
}
