package dnssec

import (
	"strings"

	"github.com/miekg/dns"
)

// seen is which of the types that matter a name has.
type seen struct {
	ns, dname, ds, nsec, nsec3 bool
	own                        bool // something that no signer made
}

func look(n *node) seen {
	var l seen
	for _, s := range n.sets {
		switch s.typ {
		case dns.TypeRRSIG:
			continue
		case dns.TypeNSEC:
			l.nsec = true
			continue
		case dns.TypeNSEC3:
			l.nsec3 = true
			continue
		case dns.TypeNS:
			l.ns = true
		case dns.TypeDNAME:
			l.dname = true
		case dns.TypeDS:
			l.ds = true
		}
		l.own = true
	}
	return l
}

// edge is what all names up to one are to those that follow.
type edge struct {
	cover string // the last cut or DNAME
	below Kind   // what is below it; Outside if there is none
	last  *node  // the last one of the chain
	named *node  // the last one that NSEC3 records count
}

// pass goes over a name and says what it is.
func (e *edge) pass(f *facts, n *node, l seen) Kind {
	kind := Authoritative
	switch {
	case e.below != Outside && strings.HasPrefix(n.key, e.cover):
		kind = e.below
	case l.ns && n.key != f.apexKey:
		kind = Delegation
		e.cover, e.below = n.key, Occluded
	case l.dname:
		e.cover, e.below = n.key, Redirected
	default:
		e.cover, e.below = "", Outside
	}
	switch f.denial {
	case byNSEC:
		if chained(kind, l) {
			e.last = n
		}
	case byNSEC3:
		if l.nsec3 && f.hashOwner(n) {
			e.last = n
		}
		if chained(kind, l) && !(f.optOut && kind == Delegation && !l.ds) {
			e.named = n
		}
	}
	return kind
}

// chained says whether a name is to be in the chain.
func chained(kind Kind, l seen) bool {
	return l.own && (kind == Authoritative || kind == Delegation)
}

// hashOwner says whether a name is where NSEC3 records are: a hash at the apex.
func (f *facts) hashOwner(n *node) bool {
	const size = 32 // of 20 octets in base 32
	return len(n.name.wire) == 1+size+len(f.origin.wire) && n.name.wire[0] == size &&
		n.name.wire[1+size:] == f.origin.wire && validHash(n.name.wire[1:1+size])
}

func validHash(label string) bool {
	for i := range len(label) {
		if c := label[i]; !digit(c) && (c < 'a' || c > 'v') {
			return false
		}
	}
	return true
}
