package dnssec

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// facts are what the apex says and all names are checked against.
type facts struct {
	origin     Name
	apexKey    string
	apex       *node
	ttl        uint32 // of denial records
	keys       []*verifyKey
	algorithms []Algorithm // of the published keys: each must sign every RRset
	denial     denialKind
	params     string // the parameters in NSEC3 records behind the flags
	iterations int
	salt       string
	optOut     bool   // the apex's own NSEC3 record has the flag
	allow      string // the rules that are not enforced
	id         string // equal if all of this is
}

// denialKind is the chain that a zone has.
type denialKind uint8

const (
	byNothing denialKind = iota // nothing to check
	byNSEC
	byNSEC3
)

func newFacts(z *Zone, o VerifyOptions, found *findings) (*facts, error) {
	f := &facts{origin: z.origin, apexKey: z.key, apex: z.nodes.get(z.key)}
	for _, rule := range slices.Sorted(slices.Values(o.Allow)) {
		f.allow += string(rule) + "\n"
	}
	// The last field of the SOA is MINIMUM (RFC 1035, section 3.3.13).
	soa := f.apex.set(dns.TypeSOA, 0)
	minimum := soa.rdata[0][len(soa.rdata[0])-4:]
	f.ttl = min(soa.ttl, binary.BigEndian.Uint32([]byte(minimum)), 1<<31-1)
	if err := f.readKeys(o.Unpublished, found); err != nil {
		return nil, err
	}
	f.readDenial(z, found)
	var id strings.Builder
	fmt.Fprintf(&id, "%d %d %v %q %s", f.ttl, f.denial, f.optOut, f.params, f.allow)
	for _, k := range f.keys {
		fmt.Fprintf(&id, "%v %q", k.published, k.rdata)
	}
	f.id = id.String()
	return f, nil
}

// readKeys takes the keys that signatures may be of.
func (f *facts) readKeys(unpublished []*dns.DNSKEY, found *findings) error {
	bad := func(rule Rule, format string, args ...any) {
		found.add(f.origin, dns.TypeDNSKEY, rule, format, args...)
	}
	set := f.apex.set(dns.TypeDNSKEY, 0)
	if set == nil {
		bad(RuleKeys, "there are no DNSKEY records")
		return nil
	}
	for _, rdata := range set.rdata {
		k, err := parseVerifyKey(rdata)
		if err != nil {
			bad(RuleKeys, "%v", err)
			continue
		}
		k.published = true
		f.keys = append(f.keys, k)
		if k.counts() && !slices.Contains(f.algorithms, k.alg) {
			f.algorithms = append(f.algorithms, k.alg)
		}
	}
	if len(f.algorithms) == 0 {
		bad(RuleKeys, "no DNSKEY can verify anything")
	}
	var d decoder
	for _, rr := range unpublished {
		r, err := d.decode(rr)
		if err != nil {
			return err
		}
		k, err := parseVerifyKey(r.rdata)
		if err != nil {
			return fmt.Errorf("an unpublished key: %w", err)
		}
		if !slices.Contains(set.rdata, k.rdata) {
			f.keys = append(f.keys, k)
		}
	}
	for i, k := range f.keys {
		for _, other := range f.keys[:i] {
			if k.tag == other.tag && (k.published || other.published) {
				bad(RuleKeyTags, "two keys have the tag %d", k.tag)
			}
		}
	}
	return nil
}

// readDenial finds out which chain the zone means to have.
func (f *facts) readDenial(z *Zone, found *findings) {
	params := f.apex.set(dns.TypeNSEC3PARAM, 0)
	switch {
	case f.apex.has(dns.TypeNSEC):
		f.denial = byNSEC
		if params != nil {
			found.add(f.origin, dns.TypeNSEC3PARAM, RuleDenial, "the apex has an NSEC record too")
		}
		return
	case params == nil:
		found.add(f.origin, dns.TypeNSEC, RuleDenial, "the apex has neither NSEC nor NSEC3PARAM")
		return
	case len(params.rdata) > 1:
		found.add(f.origin, dns.TypeNSEC3PARAM, RuleNSEC3, "there are %d sets of parameters", len(params.rdata))
		return
	}
	if !f.readParams(params.rdata[0], found) {
		return
	}
	f.denial = byNSEC3
	hash := f.hash(f.origin)
	if owner, err := f.origin.prepend(hash32.EncodeToString(hash[:])); err == nil {
		if own := z.nodes.get(owner.key()).set(dns.TypeNSEC3, 0); own != nil {
			r, _ := parseNSEC3(own.rdata[0])
			f.optOut = r.flags&1 != 0
		}
	}
}

// readParams says whether the chain can be followed.
func (f *facts) readParams(p string, found *findings) bool {
	bad := func(format string, args ...any) {
		found.add(f.origin, dns.TypeNSEC3PARAM, RuleNSEC3, format, args...)
	}
	if len(p) < 5 || len(p) != 5+int(p[4]) {
		bad("the parameters are cut short")
		return false
	}
	f.params, f.salt = p[2:], p[5:]
	f.iterations = int(p[2])<<8 | int(p[3])
	if p[0] != 1 {
		bad("hash algorithm %d is not SHA-1", p[0])
		return false
	}
	if p[1] != 0 {
		bad("flags %#x: resolvers and servers ignore this record", p[1])
	}
	if f.iterations != 0 {
		bad("%d iterations: some resolvers take more than none as insecure", f.iterations)
	}
	if f.salt != "" {
		bad("a salt of %d octets", len(f.salt))
	}
	return f.iterations <= maxIterations
}
