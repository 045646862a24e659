package dnssec

import (
	"slices"

	"github.com/miekg/dns"
)

// hashChange is what becomes of the NSEC3 record of a name.
type hashChange struct {
	hashed
	owner   Name
	key     string
	was, is bool // in the chain
}

// linkHashes makes the NSEC3 records of the names that changed, and of those before
// them in the order of hashes. It is false if a hash seems to be of two names.
func (p *patch) linkHashes() bool {
	list, ok := p.hashChanges()
	if !ok {
		return false
	}
	ring := p.run.prev.nodes.apply(p.ringEdits(list))
	own := map[string]bool{}
	for _, h := range list {
		own[h.key] = true
	}
	flags := byte(0)
	if p.signer.Denial == NSEC3OptOut {
		flags = 1
	}
	for _, h := range list {
		c := p.change(h.owner, h.key)
		c.chain = nil
		if h.is {
			c.chain = nsec3(h.hashed, flags, hashOf(ring.hashedAfter(h.key)), p.run.settings.negative)
		}
		if h.was == h.is {
			continue
		}
		before := ring.hashedBelow(h.key)
		if own[before.key] {
			continue
		}
		c = p.change(before.name, before.key)
		old := before.set(dns.TypeNSEC3, 0)
		rdata := old.rdata[0][:atNextHash] + string(hashOf(ring.hashedAfter(before.key))) + old.rdata[0][atNextHash+hashSize:]
		c.chain = &rrset{typ: old.typ, ttl: old.ttl, rdata: []string{rdata}}
	}
	return true
}

// hashChanges are the names that changed, and those above them that are, or were,
// in the chain for what is below them.
func (p *patch) hashChanges() ([]*hashChange, bool) {
	var list []*hashChange
	names, owners := map[Name]bool{}, map[string]bool{}
	ok := true
	add := func(n Name) {
		if names[n] {
			return
		}
		names[n] = true
		h := p.hashChange(n)
		if h == nil || owners[h.key] {
			ok = false
			return
		}
		owners[h.key] = true
		list = append(list, h)
	}
	for _, c := range p.edited() {
		add(c.name)
		was, is := p.wasHashed(c.key), c.hashed(p.signer.Denial)
		if was == is {
			continue
		}
		for n := c.name; n != p.next.origin; n = n.Parent() {
			add(n.Parent())
		}
	}
	slices.SortFunc(list, func(a, b *hashChange) int { return slices.Compare(a.hash[:], b.hash[:]) })
	return list, ok
}

// hashChange is nil if the previous chain is not as the name says.
func (p *patch) hashChange(n Name) *hashChange {
	h := &hashChange{hashed: hashName(n)}
	owner, err := p.next.origin.prepend(hash32.EncodeToString(h.hash[:]))
	if err != nil {
		return nil
	}
	key := n.key()
	h.owner, h.key = owner, owner.key()
	h.was = p.run.prev.nodes.get(h.key).has(dns.TypeNSEC3)
	if h.was != (p.wasHashed(key) || p.old.hasHashedBelow(key, p.signer.Denial)) {
		return nil
	}
	if c := p.changes[key]; c != nil && c.hashed(p.signer.Denial) {
		h.is, h.types = true, c.types()
	} else if n := p.next.nodes.get(key); n != nil && (item{node: n, kind: p.next.kind(n)}).hashed(p.signer.Denial) {
		h.is, h.types = true, p.change(n.name, n.key).types()
	} else {
		h.is = p.next.hasHashedBelow(key, p.signer.Denial)
	}
	return h
}

// wasHashed says whether a name was in the chain for its own records.
func (p *patch) wasHashed(key string) bool {
	n := p.old.nodes.get(key)
	return n != nil && item{node: n, kind: p.old.kind(n)}.hashed(p.signer.Denial)
}

// ringEdits put the names of the new chain where those of the old one are.
func (p *patch) ringEdits(list []*hashChange) []edit {
	var edits []edit
	for _, h := range list {
		if h.was == h.is {
			continue
		}
		n := &node{name: h.owner, key: h.key}
		if old := p.run.prev.nodes.get(h.key); old != nil {
			n.sets = slices.Clone(old.sets)
		}
		if h.is {
			n.put(&rrset{typ: dns.TypeNSEC3, rdata: []string{""}})
		} else {
			n.drop(dns.TypeNSEC3, 0)
		}
		if len(n.sets) == 0 {
			n = nil
		}
		edits = append(edits, edit{h.key, n})
	}
	return edits
}

// hashed says whether a name is in the NSEC3 chain for its own records.
func (it item) hashed(d Denial) bool {
	switch it.kind {
	case Authoritative:
		return it.real()
	case Delegation:
		return d != NSEC3OptOut || it.has(dns.TypeDS)
	}
	return false
}

// hasHashedBelow says whether a name below the key's is in the NSEC3 chain for its
// own records.
func (z *Zone) hasHashedBelow(key string, d Denial) bool {
	if hider, _ := z.cover(key); hider != nil {
		return false
	}
	for n := z.shown(key); n != nil && n.key[:min(len(key), len(n.key))] == key; n = z.shown(n.key) {
		kind := Authoritative
		if z.hides(n) == Occluded {
			kind = Delegation
		}
		if (item{node: n, kind: kind}).hashed(d) {
			return true
		}
	}
	return false
}
