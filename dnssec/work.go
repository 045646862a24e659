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
	if r.prev == nil || len(r.jobs) > 0 || !r.patched && len(r.items) != r.prev.nodes.names() {
		return false
	}
	for _, it := range r.items {
		if !it.unchanged() {
			return false
		}
	}
	return true
}

func (it item) unchanged() bool { return it.was != nil && it.was.equal(it.node) }

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
	old := apex.set(typ, 0)
	if old == nil {
		return nil
	}
	r.jobs = slices.DeleteFunc(r.jobs, func(j job) bool { return j.set == old })
	apex.drop(typ, 0)
	apex.drop(dns.TypeRRSIG, typ)
	return old
}

// zone is the result. Names that are as before are those of the previous zone, so
// that the two share them.
func (r *run) zone() *Zone {
	z := &Zone{origin: r.unsigned.origin, key: r.unsigned.key}
	if r.patched {
		z.nodes = r.prev.nodes.apply(r.edits())
		return z
	}
	nodes := make([]*node, len(r.items))
	for i, it := range r.items {
		if nodes[i] = it.node; it.unchanged() {
			nodes[i] = it.was
		}
	}
	z.nodes = newTree(nodes)
	if r.prev != nil {
		z.nodes = r.prev.nodes.toward(z.nodes)
	}
	return z
}

// edits are those of a run that has only what may have changed.
func (r *run) edits() []edit {
	edits := make([]edit, 0, len(r.items))
	for _, it := range r.items {
		switch {
		case len(it.sets) == 0:
			edits = append(edits, edit{key: it.key})
		case !it.unchanged():
			edits = append(edits, edit{it.key, it.node})
		}
	}
	return edits
}

func (r *run) finish(z *Zone) Report {
	sum := z.nodes.census()
	report := Report{Signed: len(r.jobs), Reused: sum.sigs - len(r.jobs), Changed: z != r.prev}
	if r.prev != nil {
		report.Dropped = r.prev.nodes.census().sigs - report.Reused
	}
	first := time.Duration(int32(sum.expires-uint32(r.now.Unix())))*time.Second - r.validity.Refresh
	first = min(first, r.validity.Lifetime)
	report.NextRefresh = r.now.Add(max(first, time.Second)).UTC()
	return report
}

// tagInSet is the tag field of an RRSIG.
func tagInSet(rdata string) uint16 { return binary.BigEndian.Uint16([]byte(rdata[atTag:])) }
