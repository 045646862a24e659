package dnssec

import (
	"crypto/sha1" //nolint:gosec // RFC 5155 has no other hash
	"slices"

	"github.com/miekg/dns"
)

// claim is a name that has an NSEC3 record, or may have one.
type claim struct {
	name     Name
	hash     string
	types    []uint16
	optional bool // an insecure delegation, or nothing but such below
}

// checkHashes finds which names and NSEC3 records are not each other's. It is for
// zones that have a fault, or opt-out otherwise than our signer: in some spans, or
// with records that could have been left out.
func (v *verifier) checkHashes() {
	records := map[string]*node{}
	var owners []string
	flagged := false
	for n := range v.zone.nodes.all() {
		if !n.has(dns.TypeNSEC3) || !v.facts.hashOwner(n) {
			continue
		}
		owner := n.name.wire[1:33]
		records[owner] = n
		owners = append(owners, owner) // in canonical order, which is that of hashes
		flagged = flagged || optedOut(n)
	}
	for _, c := range v.claims() {
		n := records[c.hash]
		if n != nil {
			if r, ok := parseNSEC3(n.set(dns.TypeNSEC3, 0).rdata[0]); ok {
				v.checkBitmap(c.name, dns.TypeNSEC3, c.types, r.bitmap)
			}
			delete(records, c.hash)
			continue
		}
		i, _ := slices.BinarySearch(owners, c.hash)
		switch {
		case !c.optional || !flagged || len(owners) == 0:
			v.found.add(c.name, dns.TypeNSEC3, RuleChainMissing, "no record has its hash %s", c.hash)
		case !optedOut(v.zone.hashOwner(owners[(i+len(owners)-1)%len(owners)])):
			v.found.add(c.name, dns.TypeNSEC3, RuleOptOut, "it is left out, and the record before its hash %s does not say so", c.hash)
		}
	}
	for _, n := range records {
		v.found.add(n.name, dns.TypeNSEC3, RuleChainExtra, "no name has this hash")
	}
}

func optedOut(n *node) bool {
	r, ok := parseNSEC3(n.set(dns.TypeNSEC3, 0).rdata[0])
	return ok && r.flags&1 != 0
}

// hashOwner is the name of a hash that is there.
func (z *Zone) hashOwner(hash string) *node { return z.nodes.get(z.key + hash + "\x00") }

// claims are the names of the zone, and those above them that have no records, in
// canonical order but for the latter.
func (v *verifier) claims() []*claim {
	var list []*claim
	byName := map[Name]*claim{}
	add := func(n Name, types []uint16, optional bool) {
		c := byName[n]
		if c == nil {
			hash := v.facts.hash(n)
			c = &claim{name: n, hash: hashText(hash), optional: true}
			byName[n] = c
			list = append(list, c)
		}
		c.types = append(c.types, types...)
		c.optional = c.optional && optional
	}
	var e edge
	s := newScan(v)
	for n := range v.zone.nodes.all() {
		l := look(n)
		kind := e.pass(v.facts, n, l)
		if !chained(kind, l) {
			continue
		}
		optional := kind == Delegation && !l.ds
		add(n.name, s.typesOf(n, kind, l, dns.TypeNSEC3), optional)
		for a := n.name; a != v.zone.origin; {
			a = a.Parent()
			add(a, nil, optional)
		}
	}
	return list
}

func hashText(hash [sha1.Size]byte) string { return hash32.EncodeToString(hash[:]) }
