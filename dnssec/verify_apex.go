package dnssec

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // as parents may still have it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// checkApex checks what the keys are to each other and to the parent.
func (v *verifier) checkApex(ds []*dns.DS) {
	f := v.facts
	signers := f.signersOf(dns.TypeDNSKEY)
	for _, k := range f.keys {
		if k.published && k.revoked() && !slices.Contains(signers, k) {
			v.found.add(f.origin, dns.TypeDNSKEY, RuleRevoked, "%v does not sign itself", k)
		}
	}
	signers = slices.DeleteFunc(signers, func(k *verifyKey) bool { return !k.counts() })
	entries := v.entries(ds, signers)
	v.checkCDS(signers, entries)
	v.checkZONEMD()
}

// signersOf are the keys of which an RRset of the apex has a signature. Whether it is
// good was found out before.
func (f *facts) signersOf(typ uint16) []*verifyKey {
	sigs := f.apex.set(dns.TypeRRSIG, typ)
	if sigs == nil {
		return nil
	}
	var keys []*verifyKey
	for _, rdata := range sigs.rdata {
		if sig, ok := parseSig(rdata); ok {
			if k := f.keyOf(sig.alg, sig.tag); k != nil {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// entries are the keys by which the parent's DS leads to the others.
func (v *verifier) entries(ds []*dns.DS, signers []*verifyKey) []*verifyKey {
	bad := func(format string, args ...any) {
		v.found.add(v.facts.origin, dns.TypeDNSKEY, RuleEntry, format, args...)
	}
	if len(ds) == 0 {
		sep := slices.DeleteFunc(slices.Clone(signers), func(k *verifyKey) bool { return k.flags&flagSEP == 0 })
		if len(sep) == 0 {
			bad("no key with the SEP bit signs it")
		}
		return sep
	}
	var entries []*verifyKey
	algorithms := map[Algorithm]bool{}
	for _, d := range ds {
		if d.DigestType != dns.SHA1 && d.DigestType != dns.SHA256 && d.DigestType != dns.SHA384 || Algorithm(d.Algorithm).known() != nil {
			continue // validators take it as not there
		}
		alg := Algorithm(d.Algorithm)
		algorithms[alg] = algorithms[alg] || false
		for _, k := range signers {
			digest, err := hex.DecodeString(d.Digest)
			if err == nil && k.alg == alg && k.tag == d.KeyTag && bytes.Equal(digest, k.digest(v.facts.origin, d.DigestType)) {
				entries = append(entries, k)
				algorithms[alg] = true
			}
		}
	}
	if len(algorithms) == 0 {
		bad("none of the parent's DS records can be used")
	}
	for alg, ok := range algorithms {
		if !ok {
			bad("the parent has DS records of %v, and no key that one of them names signs it", alg)
		}
	}
	return entries
}

// digest is what a DS of the key has (RFC 4034, section 5.1.4); nil if the hash is
// not known.
func (k *verifyKey) digest(owner Name, typ uint8) []byte {
	data := append(owner.appendWire(nil), k.rdata...)
	switch typ {
	case dns.SHA1:
		sum := sha1.Sum(data) //nolint:gosec // to compare
		return sum[:]
	case dns.SHA256:
		sum := sha256.Sum256(data)
		return sum[:]
	case dns.SHA384:
		sum := sha512.Sum384(data)
		return sum[:]
	}
	return nil
}

// digestSize is the length of a digest by its type; none is what may not be used
// (RFC 9905, RFC 9906).
var digestSize = map[byte]int{1: 20, 2: 32, 3: 32, 4: 48}

// ds checks the records of a delegation. A digest that is out of use is let pass
// beside a better one of the same key, which is what validators take.
func (s *scan) ds(n *node, set *rrset) {
	bad := func(format string, args ...any) { s.found.add(n.name, dns.TypeDS, RuleDS, format, args...) }
	for _, rdata := range set.rdata {
		if len(rdata) < 5 {
			bad("its data are cut short")
			continue
		}
		typ, size := rdata[3], len(rdata)-4
		if want, ok := digestSize[typ]; typ == 0 || ok && size != want {
			bad("digest type %d with %d octets", typ, size)
		}
		better := slices.ContainsFunc(set.rdata, func(o string) bool {
			return len(o) > 4 && o[:3] == rdata[:3] && (o[3] == 2 || o[3] == 4)
		})
		if (typ == 1 || typ == 3) && !better {
			bad("digest type %d must not be used", typ)
		}
	}
}

// checkZONEMD compares the digests with the zone.
func (v *verifier) checkZONEMD() {
	set := v.facts.apex.set(dns.TypeZONEMD, 0)
	if set == nil {
		return
	}
	bad := func(format string, args ...any) {
		v.found.add(v.facts.origin, dns.TypeZONEMD, RuleZONEMD, format, args...)
	}
	soa := v.facts.apex.set(dns.TypeSOA, 0).rdata[0]
	seen := map[string]bool{}
	for _, rdata := range set.rdata {
		switch {
		case len(rdata) < 6+12:
			bad("its data are cut short")
			continue
		case seen[rdata[4:6]]:
			bad("two records have scheme %d and hash %d", rdata[4], rdata[5])
			continue
		case rdata[:4] != soa[len(soa)-20:len(soa)-16]:
			bad("its serial is not the zone's")
		}
		seen[rdata[4:6]] = true
		if rdata[4] != simple {
			continue // of a scheme that is private or of the future
		}
		digest, err := v.zone.ZONEMD(ZONEMDHash(rdata[5]))
		if err == nil && !strings.HasSuffix(rdata[6:], string(digest)) || err == nil && len(digest) != len(rdata)-6 {
			bad("the digest of hash %d is not the zone's", rdata[5])
		}
	}
}
