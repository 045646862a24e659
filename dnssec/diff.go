package dnssec

import "github.com/miekg/dns"

// Diff is what an incremental transfer (RFC 1995) says to make one snapshot of the
// other: in canonical order, the SOA first in both if it changed. A TTL that changed
// is the RRset removed and added. Zones that came of one another by [Zone.Update]
// are compared where they differ only.
func Diff(old, next *Zone) (removed, added []dns.RR) {
	a, b := cursor{t: old.nodes}, cursor{t: next.nodes}
	for {
		skipShared(&a, &b)
		x, y := a.node(), b.node()
		switch {
		case x == nil && y == nil:
			return removed, added
		case y == nil || x != nil && x.key < y.key:
			removed = appendNode(removed, x)
			a.next()
		case x == nil || y.key < x.key:
			added = appendNode(added, y)
			b.next()
		default:
			removed = appendChanged(removed, x, y)
			added = appendChanged(added, y, x)
			a.next()
			b.next()
		}
	}
}

func appendNode(rrs []dns.RR, n *node) []dns.RR {
	for _, s := range n.sets {
		rrs = append(rrs, n.expand(s)...)
	}
	return rrs
}

// appendChanged adds the records of n that other does not have.
func appendChanged(rrs []dns.RR, n, other *node) []dns.RR {
	if n == other {
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
