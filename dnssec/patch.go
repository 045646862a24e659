package dnssec

import (
	"maps"
	"slices"

	"github.com/miekg/dns"
)

// patch makes the items of a run that may differ from the previous zone, and no
// others. These are the names that changed in the unsigned zone, those below them if
// they hide others now or did so, their neighbours in the chain of denial records,
// the apex, and names with a signature that is due. All the rest would come out as
// it was.
type patch struct {
	run     *run
	signer  *Signer
	old     *Zone // what the previous zone was made of
	next    *Zone
	changes map[string]*change // by key
	limit   int                // of changes
}

// change is what becomes of a name.
type change struct {
	item
	chain  *rrset // its NSEC or NSEC3 record
	edited bool   // in the unsigned zone
}

// leastLimit is how many names may change before a full walk is thought of.
const leastLimit = 4096

// patch makes the items, or says that a full walk must.
func (r *run) patch(s *Signer) bool {
	m := r.recall()
	if m == nil || r.unsigned.nodes.census().hashed > 0 {
		return false
	}
	p := patch{
		run: r, signer: s, old: m.unsigned, next: r.unsigned, changes: map[string]*change{},
		limit: max(leastLimit, r.prev.nodes.names()/8),
	}
	if !p.find() || !p.link() || !p.refresh() {
		return false
	}
	for _, keys := range [][]*signingKey{r.keys.forKeys, r.keys.other} {
		for _, k := range keys {
			k.trusted = proved // when the previous zone was made
		}
	}
	r.patched = true
	for _, key := range slices.Sorted(maps.Keys(p.changes)) {
		c := p.changes[key]
		if c.chain != nil {
			c.put(c.chain)
		}
		if len(c.sets) > 0 || c.was != nil {
			r.items = append(r.items, c.item)
		}
	}
	return true
}

// find gathers the names that changed, and those whose kind did.
func (p *patch) find() bool {
	p.edit(p.next.origin, p.next.key)
	for x, y := range changes(p.old.nodes, p.next.nodes) {
		n := y
		if n == nil {
			n = x
		}
		p.edit(n.name, n.key)
		if n.key == p.next.key || p.old.hides(x) == p.next.hides(y) {
			continue
		}
		for _, z := range []*Zone{p.old, p.next} {
			for n := range z.nodes.below(n.key) {
				if p.edit(n.name, n.key); len(p.changes) > p.limit {
					return false
				}
			}
		}
		if len(p.changes) > p.limit {
			return false
		}
	}
	return true
}

func (p *patch) edit(name Name, key string) { p.change(name, key).edited = true }

// change is a name that is made anew. It has the denial record of the previous zone
// until another is put there.
func (p *patch) change(name Name, key string) *change {
	if c := p.changes[key]; c != nil {
		return c
	}
	c := &change{item: item{node: &node{name: name, key: key}, kind: Authoritative}}
	if n := p.next.nodes.get(key); n != nil {
		c.kind = p.next.kind(n)
		c.sets = n.unmade()
	}
	if key == p.next.key {
		p.run.dress(p.signer, c.node)
	}
	if c.was = p.run.prev.nodes.get(key); c.was != nil {
		c.chain = c.was.set(p.chainType(), 0)
	}
	p.changes[key] = c
	return c
}

func (p *patch) chainType() uint16 {
	if p.signer.Denial == NSEC {
		return dns.TypeNSEC
	}
	return dns.TypeNSEC3
}

// edited are the changes of the unsigned zone.
func (p *patch) edited() []*change {
	var list []*change
	for _, c := range p.changes {
		if c.edited {
			list = append(list, c)
		}
	}
	return list
}

// link makes the denial records.
func (p *patch) link() bool {
	if p.signer.Denial != NSEC {
		return p.linkHashes()
	}
	for _, c := range p.edited() {
		is := c.linked()
		if c.was.has(dns.TypeNSEC) != is {
			p.linkName(p.next.linkedBefore(c.key))
		}
		if is {
			p.linkName(c.node)
		} else {
			c.chain = nil
		}
	}
	return true
}

func (p *patch) linkName(n *node) {
	c := p.change(n.name, n.key)
	c.chain = nsec(c.item, p.next.linkedAfter(c.key).name, p.run.settings.negative)
}

// refresh adds the names that have a signature which is due.
func (p *patch) refresh() bool {
	v := p.run.validity
	for n := range p.run.prev.nodes.due(uint32(p.run.now.Add(v.Refresh).Unix())) {
		if p.change(n.name, n.key); len(p.changes) > p.limit {
			return false
		}
	}
	return true
}
