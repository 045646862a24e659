package dnssec

import "iter"

// Wire is an RRset in the octets of messages, without compression. It is part of
// the zone and must not be changed.
type Wire struct {
	// Owner is the name: labels, each behind its length, without the root's zero.
	Owner string
	Type  uint16
	TTL   uint32
	// Data is that of each record.
	Data []string
}

// Wire yields the zone in the order of [Zone.All], without making records of it:
// for who sends all of a large one.
func (z *Zone) Wire() iter.Seq[Wire] {
	return func(yield func(Wire) bool) {
		for n := range z.nodes.all() {
			for _, s := range n.sets {
				if !yield(Wire{Owner: n.name.wire, Type: s.typ, TTL: s.ttl, Data: s.rdata}) {
					return
				}
			}
		}
	}
}
