package dnssec

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 5155 has no other hash
	"encoding/base32"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// Denial is how a zone proves that something is not there.
type Denial uint8

const (
	// NSEC names what is there (RFC 4034).
	NSEC Denial = iota
	// NSEC3 has hashes of the names, without iterations or salt (RFC 5155, RFC 9276).
	NSEC3
	// NSEC3OptOut leaves out delegations without DS.
	NSEC3OptOut
)

// item is a name of the zone that is being signed.
type item struct {
	*node
	was  *node // in the previous zone; nil if it had no such name
	kind Kind
}

// proves says whether a type of a name is the zone's own, so that it is signed and
// denial records list it.
func (it item) proves(typ uint16) bool {
	switch {
	case typ == dns.TypeNSEC3:
		return true
	case it.kind == Delegation:
		return typ == dns.TypeDS || typ == dns.TypeNSEC
	}
	return it.kind == Authoritative
}

// types are those of its bit map, without NSEC.
func (it item) types() []uint16 {
	types := make([]uint16, 0, len(it.sets)+2)
	signed := false
	for _, s := range it.sets {
		if it.proves(s.typ) {
			signed = true
		} else if it.kind != Delegation || s.typ != dns.TypeNS {
			continue
		}
		types = append(types, s.typ)
	}
	if signed {
		types = append(types, dns.TypeRRSIG)
	}
	return types
}

// linked says whether a name is in an NSEC chain.
func (it item) linked() bool {
	return (it.kind == Authoritative || it.kind == Delegation) && it.real()
}

// addNSEC links the names that are the zone's own or delegated.
func addNSEC(items []item, ttl uint32) {
	var chain []item
	for _, it := range items {
		if it.linked() {
			chain = append(chain, it)
		}
	}
	for i, it := range chain {
		it.put(nsec(it, chain[(i+1)%len(chain)].name, ttl))
	}
}

// nsec is the record of a name before another.
func nsec(it item, next Name, ttl uint32) *rrset {
	rdata := next.appendWire(nil)
	rdata = appendBitmap(rdata, append(it.types(), dns.TypeNSEC, dns.TypeRRSIG))
	return &rrset{typ: dns.TypeNSEC, ttl: ttl, rdata: []string{string(rdata)}}
}

// hashed is a name of the NSEC3 chain.
type hashed struct {
	hash  [sha1.Size]byte
	name  Name
	types []uint16
}

// hash32 is how owners of NSEC3 records are written (RFC 5155, section 1.3).
var hash32 = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// nsec3Param is 1 0 0 -: SHA-1, no iterations, no salt.
func nsec3Param() *rrset {
	return &rrset{typ: dns.TypeNSEC3PARAM, rdata: []string{"\x01\x00\x00\x00\x00"}}
}

const (
	hashSize   = sha1.Size
	atNextHash = 6 // in the data of an NSEC3 record without salt
)

// nsec3 is the record of a name before a hash.
func nsec3(h hashed, flags byte, next []byte, ttl uint32) *rrset {
	rdata := append([]byte{1, flags, 0, 0, 0, hashSize}, next...)
	return &rrset{typ: dns.TypeNSEC3, ttl: ttl, rdata: []string{string(appendBitmap(rdata, h.types))}}
}

func hashName(n Name) hashed {
	return hashed{hash: sha1.Sum(n.appendWire(make([]byte, 0, maxName))), name: n} //nolint:gosec // RFC 5155 has no other hash
}

// hashOf is the hash that the name of an NSEC3 record begins with.
func hashOf(n *node) []byte {
	var hash [hashSize]byte
	_, _ = hash32.Decode(hash[:], []byte(n.name.wire[1:1+n.name.wire[0]]))
	return hash[:]
}

// addNSEC3 adds the NSEC3 records of the names, and of the empty non-terminals above
// them, to the items. Those are in canonical order, and so are hashes as they are
// written: the one are merged into the other.
func addNSEC3(z *Zone, items []item, d Denial, ttl uint32) ([]item, error) {
	chain := nsec3Names(z, items, d)
	slices.SortFunc(chain, func(a, b hashed) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	var flags byte
	if d == NSEC3OptOut {
		flags = 1
	}
	all := make([]item, 0, len(items)+len(chain))
	for i := range chain {
		h, next := &chain[i], &chain[(i+1)%len(chain)]
		if len(chain) > 1 && h.hash == next.hash {
			return nil, fmt.Errorf("dnssec: sign %q: %q and %q have one NSEC3 hash: rename one, or use NSEC", z.origin, h.name, next.name)
		}
		owner, err := z.origin.prepend(hash32.EncodeToString(h.hash[:]))
		if err != nil {
			return nil, err
		}
		set, key := nsec3(*h, flags, next.hash[:], ttl), owner.key()
		before := 0
		for before < len(items) && items[before].key < key {
			before++
		}
		all, items = append(all, items[:before]...), items[before:]
		if len(items) > 0 && items[0].key == key {
			items[0].put(set)
			continue
		}
		all = append(all, item{node: &node{name: owner, key: key, sets: []*rrset{set}}, kind: Authoritative})
	}
	return append(all, items...), nil
}

// nsec3Names are the names that get a record (RFC 5155, section 7.1). What is above a
// name is there already if it is above the one before, or that itself, since all that
// is below a name follows it.
func nsec3Names(z *Zone, items []item, d Denial) []hashed {
	chain := make([]hashed, 0, len(items))
	add := func(n Name, types []uint16) {
		h := hashName(n)
		h.types = types
		chain = append(chain, h)
	}
	before := z.origin
	for _, it := range items {
		if !it.hashed(d) {
			continue
		}
		add(it.name, it.types())
		for n := it.name; n != z.origin && !before.Under(n.Parent()); n = n.Parent() {
			add(n.Parent(), nil)
		}
		before = it.name
	}
	return chain
}

// dnskeys is the DNSKEY set of the keys and of those of other signers in old.
func dnskeys(old *rrset, keys []*Key, ttl uint32) *rrset {
	set := &rrset{typ: dns.TypeDNSKEY, ttl: ttl}
	for _, k := range keys {
		set = set.with(record{ttl: ttl, rdata: string(k.rdata())})
	}
	if old != nil {
		for _, rdata := range old.rdata {
			set = set.with(record{ttl: ttl, rdata: rdata})
		}
	}
	return set
}
