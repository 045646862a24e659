package dnssec

import (
	"iter"
	"slices"
)

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
		var t touch
		for _, c := range z.nodes {
			for nodes := range slices.Chunk(c.nodes, touchAhead) {
				t.nodes(nodes)
				for _, n := range nodes {
					for _, s := range n.sets {
						if !yield(Wire{Owner: n.name.wire, Type: s.typ, TTL: s.ttl, Data: s.rdata}) {
							return
						}
					}
				}
			}
		}
	}
}

// touchAhead is how many nodes are touched at a time: their records fit into a
// processor's cache.
const touchAhead = 64

// touch brings records into the processor's cache. A record is five pointers away,
// and a walk waits for the memory at each of them; reading one level of many nodes
// before the next lets those waits go on at the same time.
type touch struct {
	sets []*rrset
	sum  int // of what was read, so that it is
}

func (t *touch) nodes(nodes []*node) {
	t.sets = t.sets[:0]
	for _, n := range nodes {
		t.sum += len(n.sets)
	}
	for _, n := range nodes {
		t.sets = append(t.sets, n.sets...)
		t.sum += octets(n.name.wire)
	}
	for _, s := range t.sets {
		t.sum += len(s.rdata)
	}
	for _, s := range t.sets {
		for _, data := range s.rdata {
			t.sum += len(data)
		}
	}
	for _, s := range t.sets {
		for _, data := range s.rdata {
			t.sum += octets(data)
		}
	}
}

// octets reads one in each line of the cache.
func octets(s string) (sum int) {
	for i := 0; i < len(s); i += 64 {
		sum += int(s[i])
	}
	return sum
}

// Apart is how many records z has in memory that it does not share with o: as many as
// it has, if both were read from files; those of changed names, if one was made from
// the other.
func (z *Zone) Apart(o *Zone) int {
	theirs := make(map[*rrset]bool)
	for s := range o.nodes.without(z.nodes) {
		theirs[s] = true
	}
	count := 0
	for s := range z.nodes.without(o.nodes) {
		if !theirs[s] {
			count += len(s.rdata)
		}
	}
	return count
}

// without are the sets in chunks that o does not have.
func (t tree) without(o tree) iter.Seq[*rrset] {
	shared := make(map[*chunk]bool, len(o))
	for _, c := range o {
		shared[c] = true
	}
	return func(yield func(*rrset) bool) {
		for _, c := range t {
			if shared[c] {
				continue
			}
			for _, n := range c.nodes {
				for _, s := range n.sets {
					if !yield(s) {
						return
					}
				}
			}
		}
	}
}
