package answer

import (
	"slices"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// prove adds a denial record that is not there yet.
func (r *reply) prove(e dnssec.Entry, _ bool) {
	if !e.OK() || slices.Contains(r.proofs, e.Name()) {
		return
	}
	r.proofs = append(r.proofs, e.Name())
	typ := dns.TypeNSEC
	if r.nsec3 && !r.nsec {
		typ = dns.TypeNSEC3
	}
	r.add(&r.m.Ns, e, "", typ)
}

// denyType proves that a name that is there has no such type, and that a cut has no
// DS: an opted-out one is where its next closer name is covered (RFC 5155, sections
// 7.2.3, 7.2.4 and 7.2.7).
func (r *reply) denyType(name dnssec.Name) {
	switch {
	case !r.do:
	case r.nsec:
		r.prove(r.z.NSEC(name))
	case r.nsec3:
		if e, ok := r.z.Enclose(name); ok {
			r.prove(e.Match, true)
			r.prove(e.Cover, true)
		}
	}
}

// denyName proves that a name is not there, nor a wildcard for it (RFC 4035, section
// 3.1.3.2; RFC 5155, section 7.2.2).
func (r *reply) denyName(name, encloser dnssec.Name) {
	switch {
	case !r.do:
	case r.nsec:
		r.prove(r.z.NSEC(name))
		if wildcard, err := encloser.Child("*"); err == nil {
			r.prove(r.z.NSEC(wildcard))
		}
	case r.nsec3:
		e, ok := r.z.Enclose(name)
		if !ok {
			return
		}
		r.prove(e.Match, true)
		r.prove(e.Cover, true)
		if wildcard, err := e.Name.Child("*"); err == nil {
			r.prove(r.z.NSEC3(wildcard))
		}
	}
}

// denyCloser proves that nothing is closer to a name than the wildcard below the
// encloser (RFC 4035, section 3.1.3.3; RFC 5155, section 7.2.6).
func (r *reply) denyCloser(name, encloser dnssec.Name) {
	switch {
	case !r.do:
	case r.nsec:
		r.prove(r.z.NSEC(name))
	case r.nsec3:
		for name.Parent() != encloser {
			name = name.Parent()
		}
		r.prove(r.z.NSEC3(name))
	}
}

// denyWildcardType proves that the wildcard for a name has no such type (RFC 4035,
// section 3.1.3.4; RFC 5155, section 7.2.5).
func (r *reply) denyWildcardType(name, wildcard dnssec.Name) {
	switch {
	case !r.do:
	case r.nsec:
		r.prove(r.z.NSEC(name))
		r.prove(r.z.NSEC(wildcard))
	case r.nsec3:
		if e, ok := r.z.Enclose(name); ok {
			r.prove(e.Match, true)
			r.prove(e.Cover, true)
		}
		r.prove(r.z.NSEC3(wildcard))
	}
}
