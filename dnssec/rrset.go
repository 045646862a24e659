package dnssec

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// rrset is the records of a name and a type; signatures are sets by the type that
// they cover. It is never changed once a zone has it.
type rrset struct {
	typ, covers uint16
	ttl         uint32
	rdata       []string // ascending, each once
}

// order sorts the sets of a name: the SOA first, as in a zone transfer, then by
// type, the signatures of a set behind it.
func order(typ, covers uint16) uint32 {
	base, sig := typ, uint32(0)
	if typ == dns.TypeRRSIG {
		base, sig = covers, 1
	}
	if base == dns.TypeSOA {
		base = 0
	}
	return uint32(base)<<1 | sig
}

func (s *rrset) equal(o *rrset) bool {
	return s == o || s.typ == o.typ && s.covers == o.covers && s.ttl == o.ttl && slices.Equal(s.rdata, o.rdata)
}

// node is a name with its sets. It is never changed once a zone has it.
type node struct {
	name Name
	key  string
	sets []*rrset // by order
}

func (n *node) find(typ, covers uint16) (int, bool) {
	return slices.BinarySearchFunc(n.sets, order(typ, covers), func(s *rrset, o uint32) int {
		return int(int64(order(s.typ, s.covers)) - int64(o))
	})
}

// set is nil if there is none.
func (n *node) set(typ, covers uint16) *rrset {
	if n == nil {
		return nil
	}
	if i, ok := n.find(typ, covers); ok {
		return n.sets[i]
	}
	return nil
}

func (n *node) has(typ uint16) bool { return n.set(typ, 0) != nil }

func (n *node) equal(o *node) bool {
	return n == o || n.key == o.key && slices.EqualFunc(n.sets, o.sets, (*rrset).equal)
}

// put replaces a set or adds it; nothing but the draft of a node calls it.
func (n *node) put(s *rrset) {
	i, ok := n.find(s.typ, s.covers)
	if ok {
		n.sets[i] = s
		return
	}
	n.sets = slices.Insert(n.sets, i, s)
}

func (n *node) drop(typ, covers uint16) bool {
	i, ok := n.find(typ, covers)
	if ok {
		n.sets = slices.Delete(n.sets, i, i+1)
	}
	return ok
}

// with is the set and one record more. A second TTL makes all of them the lesser
// (RFC 2181, section 5.2).
func (s *rrset) with(r record) *rrset {
	next := &rrset{typ: s.typ, covers: s.covers, ttl: min(s.ttl, r.ttl), rdata: s.rdata}
	if i, ok := slices.BinarySearch(s.rdata, r.rdata); !ok {
		next.rdata = slices.Insert(slices.Clone(s.rdata), i, r.rdata)
	}
	return next
}

// without is nil when the record was the last, and says whether it was there.
func (s *rrset) without(rdata string) (*rrset, bool) {
	i, ok := slices.BinarySearch(s.rdata, rdata)
	if !ok {
		return s, false
	}
	if len(s.rdata) == 1 {
		return nil, true
	}
	return &rrset{typ: s.typ, covers: s.covers, ttl: s.ttl, rdata: slices.Delete(slices.Clone(s.rdata), i, i+1)}, true
}

// fault says what a zone with this name would have wrong.
func (n *node) fault(apex bool) *ZoneError {
	bad := func(typ uint16, why string) *ZoneError { return &ZoneError{Name: n.name, Type: typ, Why: why} }
	for _, typ := range []uint16{dns.TypeCNAME, dns.TypeDNAME, dns.TypeSOA} {
		if s := n.set(typ, 0); s != nil && len(s.rdata) > 1 {
			return bad(typ, "more than one")
		}
	}
	if n.has(dns.TypeCNAME) {
		for _, s := range n.sets {
			switch s.typ {
			case dns.TypeCNAME, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeKEY, dns.TypeNSEC3:
			default:
				return bad(s.typ, "beside a CNAME")
			}
		}
	}
	switch {
	case apex && !n.has(dns.TypeSOA):
		return bad(dns.TypeSOA, "is missing")
	case apex && n.has(dns.TypeDS):
		return bad(dns.TypeDS, "belongs in the parent zone")
	case !apex && n.has(dns.TypeSOA):
		return bad(dns.TypeSOA, "not at the apex")
	case !apex && n.has(dns.TypeDS) && !n.has(dns.TypeNS):
		return bad(dns.TypeDS, "without NS")
	case !apex && n.has(dns.TypeDNAME) && n.has(dns.TypeNS):
		return bad(dns.TypeDNAME, "beside a delegation")
	}
	return nil
}

// grouper gathers records into nodes.
type grouper struct {
	drafts []*draft
	of     map[string]*draft
	last   *draft // what follows is often of the same name
}

// draft is a node in the making: records as they come.
type draft struct {
	name Name
	recs []record
}

func (g *grouper) add(r record) {
	if g.last == nil || g.last.name != r.name {
		if g.last = g.of[r.name.wire]; g.last == nil {
			g.last = &draft{name: r.name}
			g.of[r.name.wire] = g.last
			g.drafts = append(g.drafts, g.last)
		}
	}
	g.last.recs = append(g.last.recs, r)
}

// sorted is the nodes in canonical order. It tells warn about unequal TTLs. The
// grouper is empty then, and of no more use: a large zone is in memory once.
func (g *grouper) sorted(warn func(TTLChange)) []*node {
	g.of, g.last = nil, nil
	nodes := make([]*node, len(g.drafts))
	for i, d := range g.drafts {
		nodes[i] = d.node(warn)
		g.drafts[i] = nil
	}
	slices.SortFunc(nodes, func(a, b *node) int { return strings.Compare(a.key, b.key) })
	return nodes
}

func (d *draft) node(warn func(TTLChange)) *node {
	slices.SortFunc(d.recs, func(a, b record) int {
		if c := int64(order(a.typ, a.covers)) - int64(order(b.typ, b.covers)); c != 0 {
			return int(c)
		}
		return strings.Compare(a.rdata, b.rdata)
	})
	n := &node{name: d.name, key: d.name.key()}
	for _, r := range d.recs {
		var s *rrset
		if last := len(n.sets) - 1; last >= 0 && n.sets[last].typ == r.typ && n.sets[last].covers == r.covers {
			s = n.sets[last]
		} else {
			s = &rrset{typ: r.typ, covers: r.covers, ttl: r.ttl}
			n.sets = append(n.sets, s)
		}
		if r.ttl != s.ttl && warn != nil {
			warn(TTLChange{Name: n.name, Type: r.typ, From: max(s.ttl, r.ttl), To: min(s.ttl, r.ttl)})
		}
		s.ttl = min(s.ttl, r.ttl)
		if k := len(s.rdata); k == 0 || s.rdata[k-1] != r.rdata {
			s.rdata = append(s.rdata, r.rdata)
		}
	}
	return n
}

func (s *rrset) holds(rdata string) bool {
	_, ok := slices.BinarySearch(s.rdata, rdata)
	return ok
}
