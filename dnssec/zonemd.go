package dnssec

import (
	"cmp"
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/miekg/dns"
)

// ZONEMDHash is a hash algorithm of ZONEMD records (RFC 8976, section 5.3).
type ZONEMDHash uint8

// The hashes of ZONEMD records.
const (
	ZONEMDSHA384 ZONEMDHash = 1
	ZONEMDSHA512 ZONEMDHash = 2
)

// simple is the one scheme of ZONEMD records: the whole zone at once (RFC 8976,
// section 3.3.1).
const simple = 1

// new is nil if the hash is not known.
func (h ZONEMDHash) new() hash.Hash {
	switch h {
	case ZONEMDSHA384:
		return sha512.New384()
	case ZONEMDSHA512:
		return sha512.New()
	}
	return nil
}

// ZONEMD is the digest of the whole zone by the SIMPLE scheme (RFC 8976, section 3):
// of all records but the ZONEMD ones at the apex and their signatures. A zone that
// has a ZONEMD record with its own serial, this digest and a good signature is
// complete, and as it was published.
func (z *Zone) ZONEMD(h ZONEMDHash) ([]byte, error) {
	sum := h.new()
	if sum == nil {
		return nil, fmt.Errorf("dnssec: ZONEMD of %q: hash %d is neither 1 nor 2", z.origin, h)
	}
	z.digest(sum)
	return sum.Sum(nil), nil
}

// digest writes the records as they are hashed (RFC 8976, section 3.3.1).
func (z *Zone) digest(to io.Writer) {
	var b []byte
	var sets []*rrset
	for n := range z.nodes.all() {
		sets = append(sets[:0], n.sets...)
		slices.SortFunc(sets, func(a, b *rrset) int { return cmp.Compare(digestOrder(a), digestOrder(b)) })
		b = b[:0]
		for _, s := range sets {
			if n.key != z.key || s.typ != dns.TypeZONEMD && s.covers != dns.TypeZONEMD {
				b = appendSet(b, n.name, s)
			}
		}
		_, _ = to.Write(b)
	}
}

// digestOrder is that of the types as numbers. The signatures of a name are one set
// of 46, and in the order of what they cover.
func digestOrder(s *rrset) uint32 { return uint32(s.typ)<<16 | uint32(s.covers) }

// checkZONEMD refuses hashes that are not known, or are there twice.
func (s *Signer) checkZONEMD() error {
	for i, h := range s.ZONEMD {
		if h.new() == nil || slices.Contains(s.ZONEMD[:i], h) {
			return fmt.Errorf("ZONEMD hash %d is not known, or there twice", h)
		}
	}
	return nil
}

// keepZONEMD gives the apex, while the rest of the zone is made, the ZONEMD records
// that it had before: if nothing else changes, they are right. Those of the unsigned
// zone are dropped, since they cannot be right for the signed one.
func (s *Signer) keepZONEMD(apex *node, prev *Zone) {
	apex.drop(dns.TypeZONEMD, 0)
	if len(s.ZONEMD) == 0 {
		return
	}
	soa := apex.set(dns.TypeSOA, 0)
	set := s.zonemd(soa, func(h ZONEMDHash) []byte { return make([]byte, h.new().Size()) })
	if prev != nil {
		if old := prev.nodes.get(prev.key).set(dns.TypeZONEMD, 0); old != nil && old.ttl == set.ttl && sameHashes(old, set) {
			set = old
		}
	}
	apex.put(set)
}

// zonemd is the set with the serial and TTL of the SOA (RFC 8976, section 2.2).
func (s *Signer) zonemd(soa *rrset, digest func(ZONEMDHash) []byte) *rrset {
	set := &rrset{typ: dns.TypeZONEMD, ttl: soa.ttl}
	serial := soa.rdata[0][len(soa.rdata[0])-20:][:4]
	for _, h := range s.ZONEMD {
		set.rdata = append(set.rdata, serial+string([]byte{simple, byte(h)})+string(digest(h)))
	}
	slices.Sort(set.rdata)
	return set
}

// sameHashes says whether two sets differ in nothing but serials and digests.
func sameHashes(a, b *rrset) bool {
	return slices.EqualFunc(a.rdata, b.rdata, func(x, y string) bool {
		return len(x) == len(y) && x[4:6] == y[4:6]
	})
}

// seal is the zone with the ZONEMD records of what it has become, and signatures of
// them. It comes last, and only when something has changed.
func (r *run) seal(ctx context.Context, s *Signer, z *Zone) (*Zone, error) {
	if len(s.ZONEMD) == 0 {
		return z, nil
	}
	was := z.nodes.get(z.key)
	apex := &node{name: was.name, key: was.key, sets: slices.Clone(was.sets)}
	var failed error
	set := s.zonemd(apex.set(dns.TypeSOA, 0), func(h ZONEMDHash) []byte {
		digest, err := z.ZONEMD(h)
		failed = errors.Join(failed, err)
		return digest
	})
	if failed != nil {
		return nil, failed
	}
	made := len(r.jobs)
	apex.put(set)
	apex.put(r.sign(apex.name, set, nil))
	if err := r.work(ctx, s, r.jobs[made:]); err != nil {
		return nil, err
	}
	r.items[0].node = apex
	return &Zone{origin: z.origin, key: z.key, nodes: z.nodes.apply([]edit{{apex.key, apex}})}, nil
}
