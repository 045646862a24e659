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
	nodes []*node
	census
}

// census is what nodes add up to.
type census struct {
	records, sigs int
	hashed        int    // nodes that have NSEC3 records
	expires       uint32 // the first expiration of the signatures, if there are any
}

func (a *census) add(b census) {
	if b.sigs > 0 && (a.sigs == 0 || int32(b.expires-a.expires) < 0) {
		a.expires = b.expires
	}
	a.records, a.sigs, a.hashed = a.records+b.records, a.sigs+b.sigs, a.hashed+b.hashed
}

func (n *node) census() census {
	var sum census
	for _, s := range n.sets {
		sum.records += len(s.rdata)
		switch s.typ {
		case dns.TypeNSEC3:
			sum.hashed = 1
		case dns.TypeRRSIG:
			for _, rdata := range s.rdata {
				sum.add(census{sigs: 1, expires: at32(rdata, atExpiration)})
			}
		}
	}
	return sum
}

func newChunk(nodes []*node) *chunk {
	c := &chunk{nodes: slices.Clip(nodes)}
	for _, n := range nodes {
		c.add(n.census())
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

// census is of all nodes, for which it asks each chunk.
func (t tree) census() census {
	var sum census
	for _, c := range t {
		sum.add(c.census)
	}
	return sum
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
		return appendChunk(nil, (&chunk{}).edited(edits))
	}
	next, done := make(tree, 0, len(t)+2), 0
	for len(edits) > 0 {
		i, _ := t.seek(edits[0].key)
		i = min(i, len(t)-1)
		next = append(next, t[done:i]...)
		end := len(edits)
		if i+1 < len(t) {
			last := t[i].nodes[len(t[i].nodes)-1].key
			end = sort.Search(len(edits), func(k int) bool { return edits[k].key > last })
		}
		next = appendChunk(next, t[i].edited(edits[:end]))
		edits, done = edits[end:], i+1
	}
	return append(next, t[done:]...)
}

// edited is the chunk with edits. It looks at the nodes that change, and at others
// only if the first signature to expire was on one of those.
func (c *chunk) edited(edits []edit) *chunk {
	next := &chunk{nodes: c.merged(edits), census: c.census}
	first := false
	for _, e := range edits {
		if i, ok := c.find(e.key); ok {
			old := c.nodes[i].census()
			first = first || old.sigs > 0 && old.expires == c.expires
			next.records, next.sigs, next.hashed = next.records-old.records, next.sigs-old.sigs, next.hashed-old.hashed
		}
	}
	for _, e := range edits {
		if e.node != nil {
			next.add(e.node.census())
		}
	}
	if first {
		next.expires = next.earliest()
	}
	return next
}

// earliest finds the first expiration again, which is not before expires.
func (c *chunk) earliest() uint32 {
	var sum census
	for _, n := range c.nodes {
		if sum.add(n.census()); sum.sigs > 0 && sum.expires == c.expires {
			break
		}
	}
	return sum.expires
}

// find is where a node is, or would be.
func (c *chunk) find(key string) (int, bool) {
	i := sort.Search(len(c.nodes), func(i int) bool { return c.nodes[i].key >= key })
	return i, i < len(c.nodes) && c.nodes[i].key == key
}

// merged is the nodes with the edits.
func (c *chunk) merged(edits []edit) []*node {
	out := make([]*node, 0, len(c.nodes)+len(edits))
	from := 0
	for _, e := range edits {
		i, there := c.find(e.key)
		out = append(out, c.nodes[from:i]...)
		if from = i; there {
			from++
		}
		if e.node != nil {
			out = append(out, e.node)
		}
	}
	return append(out, c.nodes[from:]...)
}

// appendChunk adds a changed chunk, or joins it to a small one that is before.
func appendChunk(t tree, c *chunk) tree {
	if len(c.nodes) == 0 {
		return t
	}
	if last := len(t) - 1; last >= 0 && min(len(c.nodes), len(t[last].nodes)) < chunkSmall {
		c = newChunk(slices.Concat(t[last].nodes, c.nodes))
		t = t[:last]
	}
	if len(c.nodes) > 2*chunkFull {
		return append(t, newTree(c.nodes)...)
	}
	return append(t, c)
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
