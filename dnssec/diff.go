package dnssec

import "github.com/miekg/dns"

// Diff is what an incremental transfer (RFC 1995) says to make one snapshot of the
// other: in canonical order, the SOA first in both if it changed. A TTL that changed
// is the RRset removed and added. Zones that came of one another by [Zone.Update] or
// [Signer.Sign] are compared where they differ only.
func Diff(old, next *Zone) (removed, added []dns.RR) {
	for x, y := range changes(old.nodes, next.nodes) {
		removed = appendChanged(removed, x, y)
		added = appendChanged(added, y, x)
	}
	return removed, added
}

// appendChanged adds the records of n that other does not have; either may be nil.
func appendChanged(rrs []dns.RR, n, other *node) []dns.RR {
	if n == nil {
		return rrs
	}
	for _, s := range n.sets {
		o := other.set(s.typ, s.covers)
		if o == s {
			continue
		}
		for _, rdata := range s.rdata {
			if o != nil && o.ttl == s.ttl && o.holds(rdata) {
				continue
			}
			rrs = append(rrs, record{name: n.name, typ: s.typ, ttl: s.ttl, rdata: rdata}.rr())
		}
	}
	return rrs
}
