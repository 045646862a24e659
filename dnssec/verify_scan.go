package dnssec

import (
	"github.com/miekg/dns"
)

// scan verifies parts, one after the other.
type scan struct {
	*verifier
	edge     edge
	tally    *tally
	old      cursor // in the known zone
	buf      []byte
	types    []uint16
	unproven []*unproven
}

func newScan(v *verifier) *scan { return &scan{verifier: v} }

func (s *scan) part(p *part) {
	p.tally = emptyTally()
	s.edge, s.tally = p.start, &p.tally
	s.old = cursor{}
	if s.known != nil {
		s.old.t = s.known.zone.nodes
		s.old.c, s.old.i = s.old.t.seek(p.nodes[0].key)
	}
	for _, n := range p.nodes {
		s.node(n)
	}
}

func (s *scan) node(n *node) {
	before := s.edge
	l := look(n)
	kind := s.edge.pass(s.facts, n, l)
	was := s.old.find(n.key)
	for _, set := range n.sets {
		if set.typ == dns.TypeRRSIG {
			s.stray(n, kind, set)
			continue
		}
		if s.answers(n, kind, set.typ) {
			s.signatures(n, set, was)
		}
		s.place(n, kind, set)
	}
	switch s.facts.denial {
	case byNSEC:
		s.nsec(n, kind, l, before)
	case byNSEC3:
		s.nsec3(n, kind, l, before)
	}
}

// answers says whether an RRset is the zone's own, so that it must be signed (RFC
// 4035, section 2.2).
func (s *scan) answers(n *node, kind Kind, typ uint16) bool {
	switch kind {
	case Authoritative:
		return true
	case Delegation:
		return typ == dns.TypeDS || typ == dns.TypeNSEC || typ == dns.TypeNSEC3
	case Redirected: // a DNAME at the apex hides no hashes
		return typ == dns.TypeNSEC3 && s.facts.hashOwner(n)
	}
	return false
}

// stray finds signatures of what has none.
func (s *scan) stray(n *node, kind Kind, sigs *rrset) {
	switch {
	case sigs.covers == dns.TypeRRSIG || !n.has(sigs.covers):
		s.found.add(n.name, sigs.covers, RuleCovers, "there is no such RRset, and a signature of it")
	case !s.answers(n, kind, sigs.covers):
		s.found.add(n.name, sigs.covers, RuleUnsigned, "it is %s, and signed", [...]string{
			Delegation: "of a delegation", Occluded: "below a cut", Redirected: "below a DNAME",
		}[kind])
	}
}

// place finds types where they may not be.
func (s *scan) place(n *node, kind Kind, set *rrset) {
	switch set.typ {
	case dns.TypeNSEC3PARAM, dns.TypeCDS, dns.TypeCDNSKEY:
		if kind == Authoritative && n.key != s.facts.apexKey && (set.typ == dns.TypeNSEC3PARAM || !signalling(n.name)) {
			s.found.add(n.name, set.typ, RuleApex, "it says nothing here")
		}
	case dns.TypeDS:
		if kind == Delegation {
			s.ds(n, set)
		}
	case dns.TypeNSEC3:
		switch {
		case s.facts.denial == byNSEC:
			s.found.add(n.name, set.typ, RuleDenial, "NSEC3 in a zone of NSEC")
		case s.facts.denial == byNSEC3 && !s.facts.hashOwner(n):
			s.found.add(n.name, set.typ, RuleChainExtra, "the name is not a hash below the apex")
		}
	case dns.TypeNSEC:
		if s.facts.denial == byNSEC3 {
			s.found.add(n.name, set.typ, RuleDenial, "NSEC in a zone of NSEC3")
		}
	}
}

// signalling says whether a name is where a DNS operator has copies of the CDS and
// CDNSKEY records of other zones (RFC 9615, section 2).
func signalling(n Name) bool {
	first, under := true, false
	for label := range n.labels() {
		if first && label != "_dsboot" {
			return false
		}
		under = under || label == "_signal"
		first = false
	}
	return under
}
