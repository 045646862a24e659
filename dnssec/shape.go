package dnssec

import (
	"iter"
	"strings"

	"github.com/miekg/dns"
)

// Kind is what a name is to a zone.
type Kind uint8

// What a name can be to a zone.
const (
	// Outside is not under the origin.
	Outside Kind = iota
	// Missing is neither there nor covered by a wildcard.
	Missing
	// Authoritative has records that the zone answers with.
	Authoritative
	// Delegation is a cut: NS and DS are there, the rest is the child's.
	Delegation
	// Occluded is below a cut: glue, or what a delegation hides.
	Occluded
	// Redirected is below a DNAME.
	Redirected
	// EmptyNonTerminal has no records but names below it.
	EmptyNonTerminal
	// Synthesised is not there, and a wildcard answers for it.
	Synthesised
)

// String is the kind in words.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

var kindNames = [...]string{
	"outside", "missing", "authoritative", "delegation", "occluded", "redirected",
	"empty non-terminal", "synthesised",
}

// Place is where a name is in a zone.
type Place struct {
	Kind Kind
	// Node is the name whose records count: the name itself, the delegation or
	// DNAME above it, or the wildcard. For a missing name it is the closest
	// encloser (RFC 4592, section 3.3.1).
	Node Name
}

// Place finds what a name is to the zone.
func (z *Zone) Place(name Name) Place {
	if !name.Under(z.origin) {
		return Place{Kind: Outside}
	}
	var path []Name // from the name up to below the apex
	for n := name; n != z.origin; n = n.Parent() {
		path = append(path, n)
	}
	encloser := z.origin
	above := Authoritative // what the names so far make of those below
	if z.nodes.get(z.key).has(dns.TypeDNAME) {
		above = Redirected
	}
	for i := len(path) - 1; i >= 0; i-- {
		if above == Redirected {
			return Place{Kind: Redirected, Node: encloser}
		}
		key := path[i].key()
		n := z.nodes.get(key)
		switch {
		case n == nil && !z.nodes.hasBelow(key):
			return z.beside(encloser)
		case n != nil && n.has(dns.TypeNS):
			if i == 0 {
				return Place{Kind: Delegation, Node: path[i]}
			}
			return Place{Kind: Occluded, Node: path[i]}
		case n != nil && n.has(dns.TypeDNAME):
			above = Redirected
		}
		encloser = path[i]
		if i == 0 && n == nil {
			return Place{Kind: EmptyNonTerminal, Node: name}
		}
	}
	return Place{Kind: Authoritative, Node: name}
}

// beside is the place of a name that is not there.
func (z *Zone) beside(encloser Name) Place {
	if wildcard, err := encloser.prepend("*"); err == nil {
		if n := z.nodes.get(wildcard.key()); n != nil {
			return Place{Kind: Synthesised, Node: wildcard}
		}
	}
	return Place{Kind: Missing, Node: encloser}
}

// placed yields the nodes and what they are, of the kinds that have records.
func (z *Zone) placed() iter.Seq2[*node, Kind] {
	return func(yield func(*node, Kind) bool) {
		cover, kind := "", Authoritative // the last cut or DNAME, and what is below
		for n := range z.nodes.all() {
			k := Authoritative
			switch {
			case kind != Authoritative && strings.HasPrefix(n.key, cover):
				k = kind
			case n.key != z.key && n.has(dns.TypeNS):
				k = Delegation
				cover, kind = n.key, Occluded
			case n.has(dns.TypeDNAME):
				cover, kind = n.key, Redirected
			}
			if !yield(n, k) {
				return
			}
		}
	}
}
