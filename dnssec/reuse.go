package dnssec

import (
	"slices"

	"github.com/miekg/dns"
)

// claim puts a set of signatures behind each set that is signed: old ones, or gaps
// that jobs fill.
func (r *run) claim() {
	old := cursor{}
	if r.prev != nil {
		old.t = r.prev.nodes
	} else {
		r.jobs = make([]job, 0, r.signatures())
	}
	for i := range r.items {
		it := &r.items[i]
		if !r.patched {
			it.was = old.find(it.key)
		}
		sets := make([]*rrset, 0, 2*len(it.sets))
		for _, set := range it.sets {
			sets = append(sets, set)
			if it.proves(set.typ) {
				sets = append(sets, r.sign(it.name, set, it.was))
			}
		}
		it.sets = sets
	}
}

// signatures counts those that a zone without any needs, or a few less.
func (r *run) signatures() int {
	count := 0
	for _, it := range r.items {
		for _, set := range it.sets {
			if it.proves(set.typ) {
				count += len(r.keys.other)
			}
		}
	}
	return count
}

// find goes on to a key, which must not be before those asked for so far.
func (c *cursor) find(key string) *node {
	for n := c.node(); n != nil; n = c.node() {
		if n.key == key {
			return n
		}
		if n.key > key {
			return nil
		}
		c.next()
	}
	return nil
}

// sign makes the set of signatures of a set.
func (r *run) sign(owner Name, set *rrset, was *node) *rrset {
	keys := r.keys.other
	switch set.typ {
	case dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY:
		keys = r.keys.forKeys
	}
	sigs := &rrset{typ: dns.TypeRRSIG, covers: set.typ, ttl: set.ttl, rdata: make([]string, len(keys))}
	before := was.set(set.typ, 0)
	unchanged := before != nil && before.equal(set)
	for i, k := range keys {
		if unchanged {
			sigs.rdata[i] = r.reuse(owner, set, was.set(dns.TypeRRSIG, set.typ), k)
		}
		if sigs.rdata[i] == "" {
			r.jobs = append(r.jobs, job{owner: owner, set: set, key: k, sigs: sigs, at: i})
		}
	}
	if !slices.Contains(sigs.rdata, "") {
		slices.Sort(sigs.rdata)
	}
	return sigs
}

// reuse finds an old signature that is as a new one would be and needs no refresh;
// it is empty if there is none.
func (r *run) reuse(owner Name, set, old *rrset, k *signingKey) string {
	if old == nil || k.trusted == refuted {
		return ""
	}
	for _, rdata := range old.rdata {
		if tagInSet(rdata) != k.tag || old.ttl != set.ttl || r.validity.left(rdata, r.now) <= 0 {
			continue
		}
		prefix := appendPrefix(nil, owner, set, k, at32(rdata, atInception), at32(rdata, atExpiration))
		if len(rdata) <= len(prefix) || rdata[:len(prefix)] != string(prefix) {
			continue
		}
		if k.trusted == untried {
			k.trusted = proved
			if k.alg.verify(k.public, appendSet(prefix, owner, set), []byte(rdata[len(prefix):])) != nil {
				k.trusted = refuted // another key had this tag
				return ""
			}
		}
		return rdata
	}
	return ""
}
