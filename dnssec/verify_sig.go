package dnssec

import (
	"encoding/binary"
	"slices"

	"github.com/miekg/dns"
)

// sigFields is an RRSIG taken apart (RFC 4034, section 3.1).
type sigFields struct {
	alg         Algorithm
	labels      byte
	originalTTL uint32
	expiration  uint32
	inception   uint32
	tag         uint16
	signer      string // without the root's byte
	signed      string // all before the signature
	signature   string
}

func parseSig(rdata string) (sigFields, bool) {
	if len(rdata) < 18 {
		return sigFields{}, false
	}
	end, err := nameLength([]byte(rdata[18:min(len(rdata), 18+maxName)]))
	if err != nil || 18+end >= len(rdata) {
		return sigFields{}, false
	}
	u32 := func(i int) uint32 { return binary.BigEndian.Uint32([]byte(rdata[i : i+4])) }
	return sigFields{
		alg: Algorithm(rdata[2]), labels: rdata[3], originalTTL: u32(4), expiration: u32(8), inception: u32(12),
		tag:    uint16(rdata[16])<<8 | uint16(rdata[17]),
		signer: rdata[18 : 18+end-1], signed: rdata[:18+end], signature: rdata[18+end:],
	}, true
}

// signatures checks all signatures of an RRset, and that there are enough.
func (s *scan) signatures(n *node, set *rrset, was *node) {
	sigs := n.set(dns.TypeRRSIG, set.typ)
	if sigs == nil {
		s.found.add(n.name, set.typ, RuleSigned, "it has none")
		return
	}
	if sigs.ttl != set.ttl {
		s.found.add(n.name, set.typ, RuleSignatureTTL, "%d, and that of the RRset is %d", sigs.ttl, set.ttl)
	}
	// What of the known zone is the same needs no second look.
	same := was == n
	var before *rrset
	if was != nil && !same {
		if old := was.set(set.typ, 0); old != nil && old.equal(set) {
			before = was.set(dns.TypeRRSIG, set.typ)
		}
	}
	var algorithms [16]bool // that sign; of none above 15 are there keys
	for _, rdata := range sigs.rdata {
		sig, ok := parseSig(rdata)
		if !ok {
			s.found.add(n.name, set.typ, RuleSignature, "its data are cut short")
			continue
		}
		key := s.fields(n, set, &sig)
		if key == nil {
			algorithms[sig.alg&15] = true // one finding is enough
			continue
		}
		if key.counts() {
			algorithms[key.alg] = true
		}
		if key.known && (same || before != nil && before.holds(rdata)) {
			continue
		}
		s.buf = append(s.buf[:0], sig.signed...)
		s.buf = appendSigned(s.buf, n.name, set, sig.originalTTL)
		s.prove(key, n.name, set.typ, sig.signature)
	}
	for _, alg := range s.facts.algorithms {
		if !algorithms[alg] {
			s.found.add(n.name, set.typ, RuleAlgorithms, "no published key of %v signs it", alg)
		}
	}
}

// fields checks all but the signature itself. A nil key is a fault that was found.
func (s *scan) fields(n *node, set *rrset, sig *sigFields) *verifyKey {
	bad := func(rule Rule, format string, args ...any) { s.found.add(n.name, set.typ, rule, format, args...) }
	if sig.signer != s.facts.origin.wire {
		bad(RuleSigner, "%q signs", Name{sig.signer})
		return nil
	}
	labels := n.name.Labels()
	if len(n.name.wire) > 1 && n.name.wire[:2] == "\x01*" {
		labels--
	}
	if int(sig.labels) != labels {
		bad(RuleLabels, "%d, and the name has %d", sig.labels, labels)
		return nil
	}
	if sig.originalTTL != set.ttl {
		bad(RuleOriginalTTL, "%d, and that of the RRset is %d", sig.originalTTL, set.ttl)
	}
	s.times(n, set, sig)
	key := s.facts.keyOf(sig.alg, sig.tag)
	switch {
	case key == nil:
		bad(RuleSigningKey, "there is no key %d of %v", sig.tag, sig.alg)
	case key.flags&flagZone == 0:
		bad(RuleSigningKey, "%v is not a zone key", key)
		return nil
	case key.revoked() && set.typ != dns.TypeDNSKEY:
		bad(RuleRevoked, "%v signs it", key)
	}
	return key
}

// keyOf finds a key. The least is that of the zone, should two have a tag.
func (f *facts) keyOf(alg Algorithm, tag uint16) *verifyKey {
	i := slices.IndexFunc(f.keys, func(k *verifyKey) bool { return k.tag == tag && k.alg == alg })
	if i < 0 {
		return nil
	}
	return f.keys[i]
}

// times checks when a signature is good. Times are modulo 2^32 (RFC 4034, section
// 3.1.5).
func (s *scan) times(n *node, set *rrset, sig *sigFields) {
	now := uint32(s.at)
	expires := s.at + int64(int32(sig.expiration-now))
	begins := s.at - int64(int32(now-sig.inception))
	s.tally.expires, s.tally.begins = min(s.tally.expires, expires), max(s.tally.begins, begins)
	switch {
	case int32(sig.expiration-sig.inception) <= 0:
		s.found.add(n.name, set.typ, RuleSignature, "it expires before it begins")
	case expires < s.at:
		s.found.add(n.name, set.typ, RuleExpired, "%d seconds ago", s.at-expires)
	case begins > s.at:
		s.found.add(n.name, set.typ, RuleInception, "for another %d seconds", begins-s.at)
	case expires < s.until:
		s.found.add(n.name, set.typ, RuleRemaining, "in %d seconds, and %d are wanted", expires-s.at, s.until-s.at)
	}
}

// appendSigned adds the records as a signature covers them (RFC 4034, section
// 3.1.8.1): a wildcard's owner is the wildcard itself.
func appendSigned(b []byte, owner Name, set *rrset, ttl uint32) []byte {
	start := len(b)
	b = append(b, owner.wire...)
	b = append(b, 0, byte(set.typ>>8), byte(set.typ), 0, 1, byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl))
	head := b[start:]
	for i, rdata := range set.rdata {
		if i > 0 {
			b = append(b, head...)
		}
		b = append(b, byte(len(rdata)>>8), byte(len(rdata)))
		b = append(b, rdata...)
	}
	return b
}
