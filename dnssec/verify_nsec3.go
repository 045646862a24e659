package dnssec

import (
	"crypto/sha1" //nolint:gosec // RFC 5155 has no other hash
	"crypto/sha256"
	"encoding/binary"

	"github.com/miekg/dns"
)

// entrySum is the sum of the digests of entries, each a hashed name and its bit map.
// Two sums are equal if the entries are, in any order, so that the names of a zone
// and its NSEC3 records can be compared without bringing them together.
type entrySum struct{ a, b uint64 }

func (e *entrySum) merge(o entrySum) {
	e.a += o.a
	e.b += o.b
}

func (e *entrySum) add(hash, bitmap []byte) {
	var room [128]byte
	sum := sha256.Sum256(append(append(room[:0], hash...), bitmap...))
	e.merge(entrySum{binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])})
}

// complete says whether the names and the records are each other's, and all records
// have the opt-out flag or none.
func (t *tally) complete(f *facts) bool {
	flagged := 0
	if f.optOut {
		flagged = t.records
	}
	return t.want == t.have && t.optOut == flagged
}

// hash is the hash of a name (RFC 5155, section 5).
func (f *facts) hash(n Name) [sha1.Size]byte {
	var room [maxName + 256]byte
	b := append(append(append(room[:0], n.wire...), 0), f.salt...)
	sum := sha1.Sum(b) //nolint:gosec // RFC 5155 has no other hash
	for range f.iterations {
		b = append(append(room[:0], sum[:]...), f.salt...)
		sum = sha1.Sum(b) //nolint:gosec // RFC 5155 has no other hash
	}
	return sum
}

// nsec3Fields is an NSEC3 record taken apart (RFC 5155, section 3.2).
type nsec3Fields struct {
	alg, flags byte
	params     string // iterations and salt
	next       string
	bitmap     string
}

func parseNSEC3(rdata string) (nsec3Fields, bool) {
	if len(rdata) < 5 {
		return nsec3Fields{}, false
	}
	salt := 5 + int(rdata[4])
	if len(rdata) <= salt || len(rdata) < salt+1+int(rdata[salt]) {
		return nsec3Fields{}, false
	}
	next := salt + 1 + int(rdata[salt])
	return nsec3Fields{
		alg: rdata[0], flags: rdata[1], params: rdata[2:salt], next: rdata[salt+1 : next], bitmap: rdata[next:],
	}, true
}

// nsec3 checks the NSEC3 record of a hash, and adds up what records names want.
func (s *scan) nsec3(n *node, kind Kind, l seen, before edge) {
	if l.nsec3 && s.facts.hashOwner(n) {
		s.hashed(n, before)
	}
	if s.edge.named != n {
		return
	}
	var room [64]byte
	hash := s.facts.hash(n.name)
	s.tally.want.add(hash[:], packTypes(room[:0], s.typesOf(n, kind, l, dns.TypeNSEC3)))
	// Empty non-terminals count with the first name below them.
	for a := n.name; a != s.facts.origin; {
		if a = a.Parent(); before.named == nil || before.named.name.Under(a) {
			return
		}
		hash := s.facts.hash(a)
		s.tally.want.add(hash[:], nil)
	}
}

// hashed checks an NSEC3 record.
func (s *scan) hashed(n *node, before edge) {
	set := n.set(dns.TypeNSEC3, 0)
	bad := func(rule Rule, format string, args ...any) { s.found.add(n.name, dns.TypeNSEC3, rule, format, args...) }
	if s.tally.first == nil {
		s.tally.first = n
	}
	if before.last != nil {
		s.facts.checkLink(s.found, before.last, n)
	}
	if len(set.rdata) > 1 {
		bad(RuleChainExtra, "it has %d NSEC3 records", len(set.rdata))
		return
	}
	s.checkTTL(n, set)
	r, ok := parseNSEC3(set.rdata[0])
	switch {
	case !ok || len(r.next) != sha1.Size:
		bad(RuleNSEC3, "its data are malformed")
		return
	case r.alg != 1 || r.params != s.facts.params:
		bad(RuleNSEC3, "it has other parameters than the NSEC3PARAM record")
	case r.flags > 1:
		bad(RuleNSEC3, "it has the flags %#x: resolvers ignore it", r.flags)
	}
	hash, err := hash32.DecodeString(n.name.wire[1:33])
	if err != nil {
		return // hashOwner has looked at each letter
	}
	s.tally.have.add(hash, []byte(r.bitmap))
	s.tally.records++
	s.tally.optOut += int(r.flags & 1)
}
