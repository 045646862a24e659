package dnssec

import "github.com/miekg/dns"

// atMost is the last node with a key of at most this; nil if there is none.
func (t tree) atMost(key string) *node {
	c, i := t.seek(key)
	if c < len(t) && t[c].nodes[i].key == key {
		return t[c].nodes[i]
	}
	if i > 0 {
		return t[c].nodes[i-1]
	}
	if c == 0 {
		return nil
	}
	nodes := t[c-1].nodes
	return nodes[len(nodes)-1]
}

// hashedAtMost is the last node with an NSEC3 record and a key of at most this, or
// else the last of all: the chain is a ring.
func (z *Zone) hashedAtMost(key string) *node {
	var last, found *node
	for n := range z.nodes.all() {
		if n.has(dns.TypeNSEC3) {
			last = n
			if n.key <= key {
				found = n
			}
		}
	}
	if found == nil {
		return last
	}
	return found
}
