package dnssec

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/miekg/dns"
)

// Tx is the changes of one [Zone.Update]. It is of no use outside of it.
type Tx struct {
	zone   *Zone
	drafts map[string]*node // by key; each is a copy that may be changed
	decode decoder
}

// Update makes a zone with the changes that fn makes, or none if fn or the result
// has an error. What did not change is shared, so that the cost is that of the
// names which did.
func (z *Zone) Update(fn func(*Tx) error) (*Zone, error) {
	tx := &Tx{zone: z, drafts: map[string]*node{}}
	if err := fn(tx); err != nil {
		return nil, err
	}
	edits := make([]edit, 0, len(tx.drafts))
	for _, key := range slices.Sorted(maps.Keys(tx.drafts)) {
		n := tx.drafts[key]
		if fault := n.fault(n.name == z.origin); fault != nil {
			return nil, fault
		}
		if len(n.sets) == 0 {
			n = nil
		}
		edits = append(edits, edit{key: key, node: n})
	}
	return &Zone{origin: z.origin, key: z.key, nodes: z.nodes.apply(edits)}, nil
}

func (tx *Tx) draft(name Name) *node {
	key := name.key()
	d := tx.drafts[key]
	if d == nil {
		d = &node{name: name, key: key}
		if old := tx.zone.nodes.get(key); old != nil {
			d.sets = slices.Clone(old.sets)
		}
		tx.drafts[key] = d
	}
	return d
}

func (tx *Tx) record(rr dns.RR) (record, error) {
	r, err := tx.decode.decode(rr)
	if err == nil && !r.name.Under(tx.zone.origin) {
		err = &ZoneError{Name: r.name, Type: r.typ, Why: "is out of the zone"}
	}
	return r, err
}

// Add adds records. One that is there already counts once; an RRset with two TTLs
// gets the lesser.
func (tx *Tx) Add(rrs ...dns.RR) error {
	for _, rr := range rrs {
		r, err := tx.record(rr)
		if err != nil {
			return err
		}
		tx.add(r)
	}
	return nil
}

func (tx *Tx) add(r record) {
	d := tx.draft(r.name)
	s := d.set(r.typ, r.covers)
	if s == nil {
		s = &rrset{typ: r.typ, covers: r.covers, ttl: r.ttl}
	}
	d.put(s.with(r))
}

// Remove removes records, whatever their TTL. One that is not there is an error
// that wraps [fs.ErrNotExist].
func (tx *Tx) Remove(rrs ...dns.RR) error {
	for _, rr := range rrs {
		r, err := tx.record(rr)
		if err != nil {
			return err
		}
		d := tx.draft(r.name)
		s, found := d.set(r.typ, r.covers), false
		if s != nil {
			s, found = s.without(r.rdata)
		}
		switch {
		case !found:
			return fmt.Errorf("dnssec: remove %s at %q: %w", dns.Type(r.typ), r.name, fs.ErrNotExist)
		case s == nil:
			d.drop(r.typ, r.covers)
		default:
			d.put(s)
		}
	}
	return nil
}

// Replace puts records in the place of every RRset that one of them belongs to.
func (tx *Tx) Replace(rrs ...dns.RR) error {
	recs := make([]record, len(rrs))
	for i, rr := range rrs {
		r, err := tx.record(rr)
		if err != nil {
			return err
		}
		recs[i] = r
		tx.draft(r.name).drop(r.typ, r.covers)
	}
	for _, r := range recs {
		tx.add(r)
	}
	return nil
}

// RemoveRRset removes all records of a name and a type, if there are any. Their
// signatures stay; a [Signer] drops them.
func (tx *Tx) RemoveRRset(name Name, typ uint16) {
	d := tx.draft(name)
	d.sets = slices.DeleteFunc(d.sets, func(s *rrset) bool { return s.typ == typ })
}

// RemoveName removes all records of a name, if there are any. Names below it stay.
func (tx *Tx) RemoveName(name Name) { tx.draft(name).sets = nil }
