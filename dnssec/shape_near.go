package dnssec

import (
	"strings"

	"github.com/miekg/dns"
)

// hides is what a name with records makes of those below it: Occluded if it is a
// cut, Redirected if it has a DNAME, and otherwise Authoritative.
func (z *Zone) hides(n *node) Kind {
	switch {
	case n == nil:
	case n.key != z.key && n.has(dns.TypeNS):
		return Occluded
	case n.has(dns.TypeDNAME):
		return Redirected
	}
	return Authoritative
}

// cover is the uppermost node above a key that hides it, and as what; nil and
// Authoritative if there is none.
func (z *Zone) cover(key string) (*node, Kind) {
	for end := len(z.key); end < len(key); {
		n := z.nodes.get(key[:end])
		if kind := z.hides(n); kind != Authoritative {
			return n, kind
		}
		end += 1 + strings.IndexByte(key[end:], 0)
	}
	return nil, Authoritative
}

// kind is what a node is. [Zone.placed] has it cheaper for all of them.
func (z *Zone) kind(n *node) Kind {
	_, kind := z.cover(n.key)
	if kind == Authoritative && z.hides(n) == Occluded {
		return Delegation
	}
	return kind
}

// shown is the first node above a key that nothing below the key's hides, which
// itself must not be hidden; nil if there is none.
func (z *Zone) shown(key string) *node {
	if z.hides(z.nodes.get(key)) != Authoritative {
		if key == "" {
			return nil // all the rest
		}
		key = key[:len(key)-1] + "\x01" // behind all keys that begin with it
	}
	return z.nodes.after(key)
}

// linkedAfter is the node of the NSEC chain behind one that is in it. Nodes are in it
// that no cut or DNAME hides, and that have more than what a signer makes.
func (z *Zone) linkedAfter(key string) *node {
	n := z.shown(key)
	for n != nil && !n.real() {
		n = z.shown(n.key)
	}
	if n == nil {
		return z.nodes.get(z.key)
	}
	return n
}

// linkedBefore is the node of the NSEC chain before a key below the apex.
func (z *Zone) linkedBefore(key string) *node {
	for n := z.nodes.before(key); ; n = z.nodes.before(n.key) {
		if hider, _ := z.cover(n.key); hider != nil {
			return hider
		}
		if n.real() {
			return n
		}
	}
}

// made says whether a type is the signer's own to make.
func made(typ uint16) bool {
	switch typ {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM:
		return true
	}
	return false
}

// real says whether a node has records that no signer makes.
func (n *node) real() bool {
	if n != nil {
		for _, s := range n.sets {
			if !made(s.typ) {
				return true
			}
		}
	}
	return false
}
