package dnssec

import (
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/miekg/dns"
)

const (
	chunkFull  = 256 // a chunk beyond twice this is split into chunks of this
	chunkSmall = 64  // one below this takes in the next
)

// chunk is a run of nodes. It is never changed, so that snapshots share it.
type chunk struct {
	nodes   []*node
	records int
	hashed  bool // some have NSEC3 records
}

func newChunk(nodes []*node) *chunk {
	c := &chunk{nodes: slices.Clip(nodes)}
	for _, n := range nodes {
		c.records += n.records()
		c.hashed = c.hashed || n.has(dns.TypeNSEC3)
	}
	return c
}

// tree is the nodes of a zone in canonical order: chunks, none of them empty.
type tree []*chunk

func newTree(nodes []*node) tree {
	t := make(tree, 0, len(nodes)/chunkFull+1)
	for part := range slices.Chunk(nodes, chunkFull) {
		t = append(t, newChunk(part))
	}
	return t
}

// seek is where the first node with a key of at least this is: len(t) if none.
func (t tree) seek(key string) (c, i int) {
	c = sort.Search(len(t), func(c int) bool {
		nodes := t[c].nodes
		return nodes[len(nodes)-1].key >= key
	})
	if c < len(t) {
		nodes := t[c].nodes
		i = sort.Search(len(nodes), func(i int) bool { return nodes[i].key >= key })
	}
	return c, i
}

// get is nil if there is no such node.
func (t tree) get(key string) *node {
	c, i := t.seek(key)
	if c < len(t) && t[c].nodes[i].key == key {
		return t[c].nodes[i]
	}
	return nil
}

// hasBelow says whether a name below the key's has records.
func (t tree) hasBelow(key string) bool {
	c, i := t.seek(key)
	if c < len(t) && t[c].nodes[i].key == key {
		if i++; i == len(t[c].nodes) {
			c, i = c+1, 0
		}
	}
	return c < len(t) && strings.HasPrefix(t[c].nodes[i].key, key)
}

func (t tree) all() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for _, c := range t {
			for _, n := range c.nodes {
				if !yield(n) {
					return
				}
			}
		}
	}
}

func (t tree) names() int {
	count := 0
	for _, c := range t {
		count += len(c.nodes)
	}
	return count
}

// edit is what becomes of a key: another node, or none.
type edit struct {
	key  string
	node *node
}

// apply makes a tree with the edits, which are ascending. Chunks without an edit
// are shared.
func (t tree) apply(edits []edit) tree {
	if len(t) == 0 {
		return newTree(merged(nil, edits))
	}
	next := make(tree, 0, len(t)+2)
	for i, c := range t {
		end := len(edits)
		if i+1 < len(t) {
			first := t[i+1].nodes[0].key
			end = sort.Search(len(edits), func(k int) bool { return edits[k].key >= first })
		}
		if end == 0 {
			next = append(next, c)
			continue
		}
		next = appendNodes(next, merged(c.nodes, edits[:end]))
		edits = edits[end:]
	}
	return next
}

// appendNodes adds the nodes of a changed chunk, or adds them to a small one that
// is before.
func appendNodes(t tree, nodes []*node) tree {
	if last := len(t) - 1; last >= 0 && len(nodes) > 0 && min(len(nodes), len(t[last].nodes)) < chunkSmall {
		nodes = slices.Concat(t[last].nodes, nodes)
		t = t[:last]
	}
	if len(nodes) <= 2*chunkFull {
		if len(nodes) == 0 {
			return t
		}
		return append(t, newChunk(nodes))
	}
	return append(t, newTree(nodes)...)
}

func merged(nodes []*node, edits []edit) []*node {
	out := make([]*node, 0, len(nodes)+len(edits))
	for _, e := range edits {
		for len(nodes) > 0 && nodes[0].key < e.key {
			out, nodes = append(out, nodes[0]), nodes[1:]
		}
		if len(nodes) > 0 && nodes[0].key == e.key {
			nodes = nodes[1:]
		}
		if e.node != nil {
			out = append(out, e.node)
		}
	}
	return append(out, nodes...)
}

// cursor walks a tree for [Diff].
type cursor struct {
	t    tree
	c, i int
}

func (c *cursor) node() *node {
	if c.c == len(c.t) {
		return nil
	}
	return c.t[c.c].nodes[c.i]
}

func (c *cursor) next() {
	if c.i++; c.i == len(c.t[c.c].nodes) {
		c.c, c.i = c.c+1, 0
	}
}

// skipShared passes chunks that both trees have.
func skipShared(a, b *cursor) {
	for a.i == 0 && b.i == 0 && a.c < len(a.t) && b.c < len(b.t) && a.t[a.c] == b.t[b.c] {
		a.c, b.c = a.c+1, b.c+1
	}
}
