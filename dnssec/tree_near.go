package dnssec

import (
	"iter"
	"strings"

	"github.com/miekg/dns"
)

// after is the first node with a key above this; nil if there is none.
func (t tree) after(key string) *node {
	c, i := t.seek(key)
	if c < len(t) && t[c].nodes[i].key == key {
		i++
	}
	if c < len(t) && i == len(t[c].nodes) {
		c, i = c+1, 0
	}
	if c == len(t) {
		return nil
	}
	return t[c].nodes[i]
}

// before is the last node with a key below this; nil if there is none.
func (t tree) before(key string) *node {
	c, i := t.seek(key)
	switch {
	case i > 0:
		return t[c].nodes[i-1]
	case c > 0:
		return t[c-1].nodes[len(t[c-1].nodes)-1]
	}
	return nil
}

// below yields the nodes below a key.
func (t tree) below(key string) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		at := cursor{t: t}
		at.c, at.i = t.seek(key)
		for n := at.node(); n != nil && strings.HasPrefix(n.key, key); n = at.node() {
			if n.key != key && !yield(n) {
				return
			}
			at.next()
		}
	}
}

// hashedAfter is the first node with an NSEC3 record and a key above this, or else
// the first of all: the chain is a ring.
func (t tree) hashedAfter(key string) *node {
	c, i := t.seek(key)
	if c < len(t) && t[c].nodes[i].key == key {
		i++
	}
	for range 2 {
		for ; c < len(t); c, i = c+1, 0 {
			for ; t[c].hashed > 0 && i < len(t[c].nodes); i++ {
				if n := t[c].nodes[i]; n.has(dns.TypeNSEC3) {
					return n
				}
			}
		}
		c, i = 0, 0
	}
	return nil
}

// changes yields the nodes that differ between two trees, in order. One of a pair
// is nil if its tree has no such node. Chunks that both have are passed over.
func changes(old, next tree) iter.Seq2[*node, *node] {
	return func(yield func(x, y *node) bool) {
		a, b := cursor{t: old}, cursor{t: next}
		for {
			skipShared(&a, &b)
			x, y := a.node(), b.node()
			switch {
			case x == nil && y == nil:
				return
			case y == nil || x != nil && x.key < y.key:
				y = nil
			case x == nil || y.key < x.key:
				x = nil
			}
			if x != nil {
				a.next()
			}
			if y != nil {
				b.next()
			}
			if (x == nil || y == nil || !x.equal(y)) && !yield(x, y) {
				return
			}
		}
	}
}

// toward is the other tree, in the chunks of this one if much is the same in both.
func (t tree) toward(other tree) tree {
	var edits []edit
	most := other.names() / 4
	for x, y := range changes(t, other) {
		if len(edits) > most {
			return other
		}
		if y == nil {
			edits = append(edits, edit{key: x.key})
		} else {
			edits = append(edits, edit{y.key, y})
		}
	}
	return t.apply(edits)
}

// due yields the nodes that have a signature which expires at a time or before.
func (t tree) due(at uint32) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for _, c := range t {
			if c.sigs == 0 || int32(c.expires-at) > 0 {
				continue
			}
			for _, n := range c.nodes {
				if sum := n.census(); sum.sigs > 0 && int32(sum.expires-at) <= 0 && !yield(n) {
					return
				}
			}
		}
	}
}
