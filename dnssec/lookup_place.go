package dnssec

import "github.com/miekg/dns"

// Locate is what a name is to questions about a signed zone. It is as [Zone.Place],
// but names that are there for NSEC3 records only are not there (RFC 5155, section
// 7.2.8), and a wildcard that is an empty non-terminal answers, with nothing (RFC
// 4592, section 2.2.3).
func (z *Zone) Locate(name Name) Place {
	place := z.Place(name)
	switch place.Kind {
	case Authoritative, Missing, Synthesised:
	default:
		return place
	}
	if z.nodes.get(z.key).has(dns.TypeNSEC3PARAM) && name != z.origin {
		top := name // the label below the apex, where hashes are
		for top.Parent() != z.origin {
			top = top.Parent()
		}
		if key := top.key(); z.nodes.get(key).onlyHash() {
			switch {
			case !z.nodes.hasBelow(key):
				place = z.beside(z.origin)
			case name == top:
				return Place{Kind: EmptyNonTerminal, Node: name}
			}
		}
	}
	if place.Kind == Missing {
		if wildcard, err := place.Node.prepend("*"); err == nil && z.nodes.hasBelow(wildcard.key()) {
			return Place{Kind: Synthesised, Node: wildcard}
		}
	}
	return place
}

// onlyHash says whether a name is there for its NSEC3 record alone.
func (n *node) onlyHash() bool {
	if !n.has(dns.TypeNSEC3) {
		return false
	}
	for _, s := range n.sets {
		if s.typ != dns.TypeNSEC3 && (s.typ != dns.TypeRRSIG || s.covers != dns.TypeNSEC3) {
			return false
		}
	}
	return true
}
