package sniproxy

import (
	"hash/maphash"
	"slices"
)

// A nameIndex maps names to decisions. It is not changed once it is in use: what
// changes is made anew and the rest shared, so that one name among many costs little.
type nameIndex struct {
	seed      maphash.Seed
	shards    []*nameShard // a power of two, by the high bits of the hash
	shift     int          // what is left of a hash is the shard
	names     int
	wildcards int
}

// Names in a shard: it is made for shardNames, and with splitNames of them on average
// there are to be more shards.
const (
	shardNames = 128
	splitNames = 4 * shardNames
)

// A nameShard is a hash table. Against the built-in map it has one memory access less
// for a hit, and none beyond the slots for a miss: a slot has bits of the hash, and all
// names lie in one piece.
type nameShard struct {
	slots []slot // a power of two, at most half of them used
	names []name
	text  []byte
}

// A slot is empty when at is 0; else it is 1 + the place in names.
type slot struct{ tag, at uint32 }

type name struct {
	from uint32 // in text
	len  uint16
	to   *Decision
}

// newNameIndex is an empty index for about n names.
func newNameIndex(n int) nameIndex {
	bits := 0
	for n>>bits > shardNames {
		bits++
	}
	x := nameIndex{seed: maphash.MakeSeed(), shards: make([]*nameShard, 1<<bits), shift: 64 - bits}
	for i := range x.shards {
		x.shards[i] = newNameShard(n >> bits)
	}
	return x
}

// newNameShard is an empty one for n names and a few more.
func newNameShard(n int) *nameShard {
	size := 8
	for size < 2*n {
		size *= 2
	}
	return &nameShard{slots: make([]slot, size), names: make([]name, 0, n), text: make([]byte, 0, 24*n)}
}

// of returns the place of the shard of a hash.
func (x *nameIndex) of(hash uint64) uint64 { return hash >> x.shift }

// find returns the decision of a name, or nil.
func (x *nameIndex) find(key string) *Decision {
	h := maphash.String(x.seed, key)
	s := x.shards[x.of(h)]
	if i := s.find(h, key); i >= 0 {
		return s.names[i].to
	}
	return nil
}

// add adds a name to an index that is not in use yet. It returns the decision that the
// name has already, if there is one.
func (x *nameIndex) add(key string, to *Decision) (other *Decision) {
	h := maphash.String(x.seed, key)
	s := x.shards[x.of(h)]
	if i := s.find(h, key); i >= 0 {
		return s.names[i].to
	}
	x.count(key, 1)
	s.add(x.seed, h, key, to)
	return nil
}

func (x *nameIndex) count(key string, by int) {
	x.names += by
	if key[0] == '.' {
		x.wildcards += by
	}
}

// find returns the place of a name, or -1.
func (s *nameShard) find(h uint64, key string) int {
	for i := h; ; i++ {
		at := s.slots[i&uint64(len(s.slots)-1)]
		if at.at == 0 {
			return -1
		}
		if at.tag != tag(h) {
			continue
		}
		if n := &s.names[at.at-1]; string(s.key(n)) == key {
			return int(at.at - 1)
		}
	}
}

// tag are bits of a hash that are neither those of the shard nor those of the slot.
func tag(h uint64) uint32 { return uint32(h >> 20) }

func (s *nameShard) key(n *name) []byte { return s.text[n.from : n.from+uint32(n.len)] }

// add adds a name that is not there.
func (s *nameShard) add(seed maphash.Seed, h uint64, key string, to *Decision) {
	if 2*len(s.names) >= len(s.slots) {
		s.slots = make([]slot, 2*len(s.slots))
		for i := range s.names {
			s.put(maphash.Bytes(seed, s.key(&s.names[i])), i)
		}
	}
	s.names = append(s.names, name{from: uint32(len(s.text)), len: uint16(len(key)), to: to})
	s.text = append(s.text, key...)
	s.put(h, len(s.names)-1)
}

func (s *nameShard) put(h uint64, place int) {
	for i := h; ; i++ {
		if at := &s.slots[i&uint64(len(s.slots)-1)]; at.at == 0 {
			*at = slot{tag: tag(h), at: uint32(place + 1)}
			return
		}
	}
}

// without is a copy of the shard that lacks the names of gone, with room for more others.
func (s *nameShard) without(seed maphash.Seed, gone map[string]bool, more int) *nameShard {
	out := newNameShard(len(s.names) + more)
	for i := range s.names {
		n := &s.names[i]
		if key := string(s.key(n)); !gone[key] {
			out.add(seed, maphash.String(seed, key), key, n.to)
		}
	}
	return out
}

// change returns an index without the names of gone, all of which are there, to which
// those of come may be added: it shares no shard with x that they are in.
func (x *nameIndex) change(gone map[string]bool, come []string) nameIndex {
	if (x.names+len(come))/splitNames >= len(x.shards) {
		return x.split(gone, len(come))
	}
	next := *x
	next.shards = slices.Clone(x.shards)
	more := make(map[uint64]int) // names to come, by shard
	for key := range gone {
		more[x.of(maphash.String(x.seed, key))] += 0
		next.count(key, -1)
	}
	for _, key := range come {
		more[x.of(maphash.String(x.seed, key))]++
	}
	for i, n := range more {
		next.shards[i] = x.shards[i].without(x.seed, gone, n)
	}
	return next
}

// split is change with more shards.
func (x *nameIndex) split(gone map[string]bool, come int) nameIndex {
	next := newNameIndex(x.names + come)
	for _, s := range x.shards {
		for i := range s.names {
			n := &s.names[i]
			if key := string(s.key(n)); !gone[key] {
				next.add(key, n.to)
			}
		}
	}
	return next
}

// decisions is how many there are.
func (x *nameIndex) decisions() int {
	all := make(map[*Decision]struct{})
	for _, s := range x.shards {
		for i := range s.names {
			all[s.names[i].to] = struct{}{}
		}
	}
	return len(all)
}
