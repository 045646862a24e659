package dnssec

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// SignedSet is one RRset in the form that signatures are made over. Servers that
// sign as they answer use it; a [Signer] is for zones.
type SignedSet struct {
	owner Name
	set   *rrset
}

// NewSignedSet makes it of records of one name, type and TTL, in any order and in
// any letters.
func NewSignedSet(rrs []dns.RR) (SignedSet, error) {
	room := 0
	for _, rr := range rrs {
		if rr != nil {
			room = max(room, dns.Len(rr))
		}
	}
	d := decoder{buf: make([]byte, room+maxName)} // most sets are small, and many are asked for
	var s SignedSet
	for i, rr := range rrs {
		r, err := d.decode(rr)
		if err != nil {
			return SignedSet{}, err
		}
		if i == 0 {
			s = SignedSet{owner: r.name, set: &rrset{typ: r.typ, covers: r.covers, ttl: r.ttl}}
		}
		if r.name != s.owner || r.typ != s.set.typ || r.ttl != s.set.ttl {
			return SignedSet{}, fmt.Errorf("dnssec: sign %s at %q: the records are not of one set", dns.Type(s.set.typ), s.owner)
		}
		s.set = s.set.with(r)
	}
	if s.set == nil || s.set.typ == dns.TypeRRSIG {
		return SignedSet{}, errors.New("dnssec: sign a set: there are no records, or signatures")
	}
	return s, nil
}

// Digest is equal for sets that are the same, to a key that is the same, and for no
// others.
func (s SignedSet) Digest(k *Key) [sha256.Size]byte {
	h := sha256.New()
	public := k.rdata()
	_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(public))))
	_, _ = h.Write(public)
	_, _ = h.Write(k.zone.appendWire(nil))
	_, _ = h.Write(appendSet(nil, s.owner, s.set))
	return [sha256.Size]byte(h.Sum(nil))
}

// Sign makes the signature by a key; the name is taken as one that is there, even if
// it begins with what a wildcard stands for. Times are in whole seconds.
func (s SignedSet) Sign(k *Key, inception, expiration time.Time) (*dns.RRSIG, error) {
	if k == nil || s.set == nil {
		return nil, errors.New("dnssec: sign a set: the key or the set is nil")
	}
	if !s.owner.Under(k.zone) {
		return nil, fmt.Errorf("dnssec: sign %s at %q: %v is of a zone that the name is not in", dns.Type(s.set.typ), s.owner, k)
	}
	signer := &signingKey{Key: k, tag: k.Tag()}
	rdata := appendPrefix(nil, s.owner, s.set, signer, uint32(inception.Unix()), uint32(expiration.Unix()))
	sig, err := k.sign(appendSet(append([]byte(nil), rdata...), s.owner, s.set))
	if err != nil {
		return nil, err
	}
	r := record{name: s.owner, typ: dns.TypeRRSIG, ttl: s.set.ttl, rdata: string(rdata) + string(sig)}
	rr, ok := r.rr().(*dns.RRSIG)
	if !ok {
		return nil, fmt.Errorf("dnssec: sign %s at %q: the signature is no record", dns.Type(s.set.typ), s.owner)
	}
	return rr, nil
}

// SigningKeys are what the uses of keys make of them: those whose DNSKEY is in the
// zone, those that sign DNSKEY, CDS and CDNSKEY, and those that sign all else. It
// refuses what [Signer.Sign] does.
func SigningKeys(zone Name, uses []KeyUse) (published, forKeys, forZone []*Key, err error) {
	set, err := newKeySet(zone, uses)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, k := range set.forKeys {
		forKeys = append(forKeys, k.Key)
	}
	for _, k := range set.other {
		forZone = append(forZone, k.Key)
	}
	return set.published, forKeys, forZone, nil
}

// After is the name that comes next in canonical order, if all names could be: a
// label of one zero octet more in front, or for a name without room for that the
// next one that has no more octets. A compact denial ends there (RFC 9824).
func (n Name) After() Name {
	if next, err := n.prepend("\x00"); err == nil {
		return next
	}
	for w := n.wire; w != ""; w = w[1+w[0]:] {
		label := []byte(w[1 : 1+w[0]])
		for i := len(label) - 1; i >= 0; i-- {
			if label[i] == 255 {
				continue
			}
			if label[i]++; label[i] == 'A' {
				label[i] = 'Z' + 1 // there are no capitals in canonical names
			}
			return Name{string(rune(i+1)) + string(label[:i+1]) + w[1+w[0]:]}
		}
	}
	return Name{}
}
