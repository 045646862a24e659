package dnssec

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// same says whether there is nothing to do, and what there is is the previous zone.
func (r *run) same(p SerialPolicy) bool {
	if p.follows() && r.prev != nil && serialAfter(r.unsigned.Serial(), r.prev.Serial()) {
		return false
	}
	if r.prev == nil || len(r.jobs) > 0 || len(r.items) != r.prev.nodes.names() {
		return false
	}
	i := 0
	for n := range r.prev.nodes.all() {
		if !n.equal(r.items[i].node) {
			return false
		}
		i++
	}
	return true
}

// raise gives the zone its new serial, and signs the SOA anew.
func (r *run) raise(p SerialPolicy) error {
	serial, err := p.next(r.unsigned, r.prev, r.now)
	if err != nil {
		return err
	}
	r.forget(dns.TypeZONEMD) // made last of all
	next := r.forget(dns.TypeSOA).withSerial(serial)
	apex := r.items[0]
	apex.put(next)
	apex.put(r.sign(apex.name, next, nil))
	return nil
}

// forget takes a set of the apex and its signatures away, and returns it.
func (r *run) forget(typ uint16) *rrset {
	apex := r.items[0]
	old, sigs := apex.set(typ, 0), apex.set(dns.TypeRRSIG, typ)
	if old == nil {
		return nil
	}
	for _, rdata := range sigs.rdata {
		if rdata != "" {
			r.reused--
		}
	}
	r.jobs = slices.DeleteFunc(r.jobs, func(j job) bool { return j.set == old })
	apex.drop(typ, 0)
	apex.drop(dns.TypeRRSIG, typ)
	return old
}

// zone is the result. Names that are as before are those of the previous zone, so
// that the two share them.
func (r *run) zone() *Zone {
	old := cursor{}
	if r.prev != nil {
		old.t = r.prev.nodes
	}
	nodes := make([]*node, len(r.items))
	for i, it := range r.items {
		nodes[i] = it.node
		if was := old.find(it.key); was != nil && was.equal(it.node) {
			nodes[i] = was
		}
	}
	return &Zone{origin: r.unsigned.origin, key: r.unsigned.key, nodes: newTree(nodes)}
}

func (r *run) finish(changed bool) Report {
	report := Report{Signed: len(r.jobs), Reused: r.reused, Dropped: -r.reused, Changed: changed}
	if r.prev != nil {
		for n := range r.prev.nodes.all() {
			for _, s := range n.sets {
				if s.typ == dns.TypeRRSIG {
					report.Dropped += len(s.rdata)
				}
			}
		}
	} else {
		report.Dropped = 0
	}
	first := r.validity.Lifetime
	for _, it := range r.items {
		for _, s := range it.sets {
			if s.typ == dns.TypeRRSIG {
				for _, rdata := range s.rdata {
					first = min(first, r.validity.left(rdata, r.now))
				}
			}
		}
	}
	report.NextRefresh = r.now.Add(max(first, time.Second)).UTC()
	return report
}

// tagInSet is the tag field of an RRSIG.
func tagInSet(rdata string) uint16 { return binary.BigEndian.Uint16([]byte(rdata[atTag:])) }
