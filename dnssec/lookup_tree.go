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
// else the last of all: the chain is a ring. Names of other kinds are between the
// hashes, in the worst case all of them, so that chunks say which have any.
func (z *Zone) hashedAtMost(key string) *node {
	c, i := z.nodes.seek(key)
	if c < len(z.nodes) && z.nodes[c].nodes[i].key == key {
		i++
	}
	return z.nodes.lastHashed(c, i)
}

// hashedBelow is the last node with an NSEC3 record and a key below this, or else
// the last of all.
func (t tree) hashedBelow(key string) *node { return t.lastHashed(t.seek(key)) }

// lastHashed is the last node with an NSEC3 record before a place, or of all.
func (t tree) lastHashed(c, i int) *node {
	if n := t.hashedBefore(c, i); n != nil {
		return n
	}
	return t.hashedBefore(len(t), 0)
}

// hashedBefore is the last node with an NSEC3 record before a place.
func (t tree) hashedBefore(c, i int) *node {
	for {
		if c < len(t) && t[c].hashed > 0 {
			for i--; i >= 0; i-- {
				if n := t[c].nodes[i]; n.has(dns.TypeNSEC3) {
					return n
				}
			}
		}
		if c--; c < 0 {
			return nil
		}
		i = len(t[c].nodes)
	}
}
