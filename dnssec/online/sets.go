package online

import (
	"slices"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// rrsets are those of a name, by type; the first is what a question for any gets.
type rrsets [][]dns.RR

func (s rrsets) find(typ uint16) []dns.RR {
	for _, set := range s {
		if set[0].Header().Rrtype == typ {
			return set
		}
	}
	return nil
}

func (s rrsets) types() []uint16 {
	types := make([]uint16, 0, len(s)+2)
	for _, set := range s {
		types = append(types, set[0].Header().Rrtype)
	}
	return types
}

// sets are copies of what was found, with the name that was asked for in the place of
// a wildcard, one TTL for each, and the keys at the apex.
func (r *reply) sets(name dnssec.Name, f Found) rrsets {
	owner := f.Owner
	if f.Kind == dnssec.Synthesised {
		owner = name
	}
	text := owner.String()
	var sets rrsets
	for _, rr := range f.Records {
		h := rr.Header()
		n, err := dnssec.ParseName(h.Name)
		if err != nil || n != f.Owner || !n.Under(r.st.zone) || made(h.Rrtype) {
			continue
		}
		rr = dns.Copy(rr)
		rr.Header().Name = text
		i := slices.IndexFunc(sets, func(set []dns.RR) bool { return set[0].Header().Rrtype == h.Rrtype })
		if i < 0 {
			sets = append(sets, []dns.RR{rr})
			continue
		}
		sets[i] = append(sets[i], rr)
	}
	for _, set := range sets {
		evenTTL(set)
	}
	if name == r.st.zone && f.Kind == dnssec.Authoritative {
		sets = r.withKeys(sets)
	}
	return sets
}

// made says whether a type is the signer's own.
func made(typ uint16) bool {
	switch typ {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM:
		return true
	}
	return false
}

// evenTTL makes the TTLs of a set the least of them (RFC 2181, section 5.2).
func evenTTL(set []dns.RR) {
	ttl := set[0].Header().Ttl
	for _, rr := range set {
		ttl = min(ttl, rr.Header().Ttl)
	}
	for _, rr := range set {
		rr.Header().Ttl = ttl
	}
}

// withKeys puts the published keys beside those of other signers.
func (r *reply) withKeys(sets rrsets) rrsets {
	k, err := r.st.current(r.Keys)
	if err != nil {
		return sets // signing says so
	}
	ttl := r.DNSKEYTTL
	if ttl == 0 {
		ttl = 3600
	}
	set := sets.find(dns.TypeDNSKEY)
	sets = slices.DeleteFunc(sets, func(s []dns.RR) bool { return s[0].Header().Rrtype == dns.TypeDNSKEY })
	for _, key := range k.published {
		rr := key.DNSKEY(ttl)
		if !slices.ContainsFunc(set, func(other dns.RR) bool { return dns.IsDuplicate(rr, other) }) {
			set = append(set, rr)
		}
	}
	if len(set) == 0 {
		return sets
	}
	evenTTL(set)
	return append(sets, set)
}
