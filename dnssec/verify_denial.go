package dnssec

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// nsec checks the NSEC record of a name, and that the one before leads here.
func (s *scan) nsec(n *node, kind Kind, l seen, before edge) {
	if !chained(kind, l) {
		if l.nsec {
			s.found.add(n.name, dns.TypeNSEC, RuleChainExtra, "the name is not to be in the chain")
		}
		return
	}
	if s.tally.first == nil {
		s.tally.first = n
	}
	if before.last != nil {
		s.facts.checkLink(s.found, before.last, n)
	}
	set := n.set(dns.TypeNSEC, 0)
	if set == nil {
		s.found.add(n.name, dns.TypeNSEC, RuleChainMissing, "it has no NSEC record")
		return
	}
	if len(set.rdata) > 1 {
		s.found.add(n.name, dns.TypeNSEC, RuleChainExtra, "it has %d NSEC records", len(set.rdata))
		return
	}
	s.checkTTL(n, set)
	end, err := nameLength([]byte(set.rdata[0]))
	if err != nil {
		return // the link says so
	}
	s.checkBitmap(n.name, dns.TypeNSEC, s.typesOf(n, kind, l, dns.TypeNSEC), set.rdata[0][end:])
}

func (s *scan) checkTTL(n *node, set *rrset) {
	if set.ttl != s.facts.ttl {
		s.found.add(n.name, set.typ, RuleChainTTL, "%d instead of %d", set.ttl, s.facts.ttl)
	}
}

// checkLink says whether a record of the chain leads to the name that follows.
func (f *facts) checkLink(found *findings, from, to *node) {
	typ := dns.TypeNSEC
	if f.denial == byNSEC3 {
		typ = dns.TypeNSEC3
	}
	set := from.set(typ, 0)
	if set == nil {
		return // that it is missing was found
	}
	rdata := set.rdata[0]
	if f.denial == byNSEC3 {
		r, ok := parseNSEC3(rdata)
		if want := to.name.wire[1:33]; ok && hash32.EncodeToString([]byte(r.next)) != want {
			found.add(from.name, typ, RuleChainNext, "it leads to %s, and %s follows", hash32.EncodeToString([]byte(r.next)), want)
		}
		return
	}
	end, err := nameLength([]byte(rdata))
	if err != nil {
		found.add(from.name, typ, RuleChainNext, "%v", err)
		return
	}
	next := []byte(rdata[:end-1])
	lowerName(next)
	if string(next) != to.name.wire {
		found.add(from.name, typ, RuleChainNext, "it leads to %q, and %q follows", Name{string(next)}, to.name)
	}
}

// typesOf is the types that the record of a name must list, ascending. The slice is
// good until the next call.
func (s *scan) typesOf(n *node, kind Kind, l seen, own uint16) []uint16 {
	types := s.types[:0]
	for _, set := range n.sets {
		switch {
		case set.typ == dns.TypeRRSIG || set.typ == dns.TypeNSEC || set.typ == dns.TypeNSEC3:
		case kind == Delegation && set.typ != dns.TypeNS && set.typ != dns.TypeDS:
		default:
			types = append(types, set.typ)
		}
	}
	if own == dns.TypeNSEC {
		types = append(types, dns.TypeNSEC)
	}
	if own == dns.TypeNSEC || kind == Authoritative || l.ds {
		types = append(types, dns.TypeRRSIG)
	}
	slices.Sort(types)
	s.types = types
	return types
}

// checkBitmap compares the types with a bit map.
func (v *verifier) checkBitmap(n Name, typ uint16, want []uint16, bitmap string) {
	var room [64]byte
	if string(packTypes(room[:0], want)) == bitmap {
		return
	}
	have, ok := unpackTypes(bitmap)
	if !ok {
		v.found.add(n, typ, RuleBitmap, "it is malformed")
		return
	}
	v.found.add(n, typ, RuleBitmap, "it lacks [%s] and has [%s] too many", without(want, have), without(have, want))
}

// without names the types of one list that another has not.
func without(a, b []uint16) string {
	var names []string
	for _, typ := range a {
		if !slices.Contains(b, typ) {
			names = append(names, dns.Type(typ).String())
		}
	}
	return strings.Join(names, " ")
}

// packTypes adds a bit map of ascending types (RFC 4034, section 4.1.2).
func packTypes(b []byte, types []uint16) []byte {
	head := -1 // of the window
	for _, typ := range types {
		if head < 0 || b[head] != byte(typ>>8) {
			head = len(b)
			b = append(b, byte(typ>>8), 0)
		}
		at := int(typ&0xff) / 8
		for int(b[head+1]) <= at {
			b = append(b, 0)
			b[head+1]++
		}
		b[head+2+at] |= 0x80 >> (typ & 7)
	}
	return b
}

// unpackTypes reads a bit map in the only form it may have: windows ascending, none
// of them empty, no zeros at their ends.
func unpackTypes(b string) ([]uint16, bool) {
	var types []uint16
	for last := -1; b != ""; {
		if len(b) < 3 || int(b[0]) <= last || b[1] == 0 || b[1] > 32 || len(b) < 2+int(b[1]) || b[1+b[1]] == 0 {
			return nil, false
		}
		last = int(b[0])
		for i := range int(b[1]) * 8 {
			if b[2+i/8]&(0x80>>(i%8)) != 0 {
				types = append(types, uint16(last)<<8|uint16(i))
			}
		}
		b = b[2+b[1]:]
	}
	return types, true
}
