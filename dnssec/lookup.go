package dnssec

import (
	"crypto/sha1" //nolint:gosec // RFC 5155 has no other hash

	"github.com/miekg/dns"
)

// Entry is a name of a zone and its records, found once. The zero Entry is a name
// that has none; all methods work on it.
type Entry struct{ node *node }

// At is what the zone has at a name, as stored: no wildcard is expanded.
func (z *Zone) At(name Name) Entry { return Entry{z.nodes.get(name.key())} }

// OK says whether the name has records.
func (e Entry) OK() bool { return e.node != nil }

// Name is whose records they are.
func (e Entry) Name() Name {
	if e.node == nil {
		return Name{}
	}
	return e.node.name
}

// Has says whether there are records of a type.
func (e Entry) Has(typ uint16) bool { return e.node.has(typ) }

// Types are those of the records, RRSIG not among them.
func (e Entry) Types() []uint16 {
	if e.node == nil {
		return nil
	}
	types := make([]uint16, 0, len(e.node.sets))
	for _, s := range e.node.sets {
		if s.typ != dns.TypeRRSIG {
			types = append(types, s.typ)
		}
	}
	return types
}

// RRset is the records of a type.
func (e Entry) RRset(typ uint16) []dns.RR { return e.append(nil, e.node.set(typ, 0), "") }

// Signatures are the RRSIG records of an RRset.
func (e Entry) Signatures(typ uint16) []dns.RR {
	return e.append(nil, e.node.set(dns.TypeRRSIG, typ), "")
}

// Append adds the records of a type, and with signed their signatures behind them,
// to rrs. Their owner is written as owner says, which is how a wildcard is expanded
// and how an answer has the letters of its question; "" leaves the name as it is.
func (e Entry) Append(rrs []dns.RR, owner string, typ uint16, signed bool) []dns.RR {
	rrs = e.append(rrs, e.node.set(typ, 0), owner)
	if signed {
		rrs = e.append(rrs, e.node.set(dns.TypeRRSIG, typ), owner)
	}
	return rrs
}

func (e Entry) append(rrs []dns.RR, s *rrset, owner string) []dns.RR {
	if s == nil {
		return rrs
	}
	for _, rr := range e.node.expand(s) {
		if owner != "" {
			rr.Header().Name = owner
		}
		rrs = append(rrs, rr)
	}
	return rrs
}

// Child is the name with a label before it; it has no dots or escapes of its own.
// An error is a name that would be too long.
func (n Name) Child(label string) (Name, error) { return n.prepend(label) }

// Chain is how a signed zone proves that something is not there. It is false for a
// zone that has neither NSEC nor NSEC3PARAM at its apex.
func (z *Zone) Chain() (Denial, bool) {
	apex := z.nodes.get(z.key)
	switch {
	case apex.has(dns.TypeNSEC):
		return NSEC, true
	case apex.has(dns.TypeNSEC3PARAM):
		own, match := z.NSEC3(z.origin)
		if match && own.optOut() {
			return NSEC3OptOut, true
		}
		return NSEC3, own.OK()
	}
	return NSEC, false
}

func (e Entry) optOut() bool {
	s := e.node.set(dns.TypeNSEC3, 0)
	return s != nil && s.rdata[0][1]&1 != 0
}

// NSEC is the name whose NSEC record matches a name, or else covers it (RFC 4034,
// section 4). The zero Entry means that the zone has none, or that the name is out
// of it.
func (z *Zone) NSEC(name Name) (owner Entry, match bool) {
	if !name.Under(z.origin) {
		return Entry{}, false
	}
	key := name.key()
	n := z.nodes.atMost(key)
	if n != nil && !n.has(dns.TypeNSEC) {
		// Of names without one only those below a cut or DNAME are in the way.
		place := z.Place(n.name)
		if place.Kind != Occluded && place.Kind != Redirected {
			return Entry{}, false
		}
		n = z.nodes.get(place.Node.key())
	}
	if !n.has(dns.TypeNSEC) {
		return Entry{}, false
	}
	return Entry{n}, n.key == key
}

// maxIterations is the most that are hashed; RFC 9276 wants none.
const maxIterations = 150

// Hash is the NSEC3 hash of a name by the zone's NSEC3PARAM record (RFC 5155,
// section 5), as owners of NSEC3 records are written. It is empty if there is no
// such record, or one of another hash or of more than 150 iterations.
func (z *Zone) Hash(name Name) string {
	set := z.nodes.get(z.key).set(dns.TypeNSEC3PARAM, 0)
	if set == nil {
		return ""
	}
	p := set.rdata[0]
	if len(p) < 5 || p[0] != 1 || len(p) != 5+int(p[4]) {
		return ""
	}
	iterations, salt := int(p[2])<<8|int(p[3]), p[5:]
	if iterations > maxIterations {
		return ""
	}
	buf := append(name.appendWire(make([]byte, 0, maxName+64)), salt...)
	sum := sha1.Sum(buf) //nolint:gosec // RFC 5155 has no other hash
	for range iterations {
		sum = sha1.Sum(append(append(buf[:0], sum[:]...), salt...)) //nolint:gosec // RFC 5155 has no other hash
	}
	return hash32.EncodeToString(sum[:])
}

// NSEC3 is the NSEC3 record's name that matches the hash of a name, or else covers
// it (RFC 5155, section 7.2). The zero Entry means that the zone has none, or that
// the name is out of it.
func (z *Zone) NSEC3(name Name) (owner Entry, match bool) {
	hash := z.Hash(name)
	if hash == "" || !name.Under(z.origin) {
		return Entry{}, false
	}
	key := z.key + hash + "\x00"
	n := z.hashedAtMost(key)
	if n == nil {
		return Entry{}, false
	}
	return Entry{n}, n.key == key
}

// Encloser proves by NSEC3 records where a name would be (RFC 5155, section 7.2.1).
type Encloser struct {
	// Name is the closest encloser that has a record. Match is that record's.
	Name  Name
	Match Entry
	// Next is the name below it on the way. Cover is the record that covers its
	// hash. Both are zero if the name itself has a record.
	Next  Name
	Cover Entry
	// OptOut says that Cover leaves out delegations, so that Next may be one.
	OptOut bool
}

// Enclose finds the closest encloser of a name. It is false if the zone has no NSEC3
// records.
func (z *Zone) Enclose(name Name) (Encloser, bool) {
	start := name
	switch place := z.Locate(name); place.Kind {
	case Outside:
		return Encloser{}, false
	case Missing, Occluded:
		start = place.Node
	case Synthesised:
		start = place.Node.Parent()
	}
	e := Encloser{}
	for e.Name = start; ; e.Name = e.Name.Parent() {
		match, ok := z.NSEC3(e.Name)
		if ok {
			e.Match = match
			break
		}
		if e.Name == z.origin || !match.OK() {
			return Encloser{}, false
		}
	}
	if e.Name == name {
		return e, true
	}
	for e.Next = name; e.Next.Parent() != e.Name; {
		e.Next = e.Next.Parent()
	}
	var match bool
	e.Cover, match = z.NSEC3(e.Next)
	e.OptOut = e.Cover.optOut()
	return e, !match
}
