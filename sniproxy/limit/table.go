package limit

// entry is what is known of a client or site.
type entry[K comparable] struct {
	key   K
	full  int64 // when the rate's credit is full
	hash  uint32
	conns int32
	next  int32 // in the chain of its hash, or of unused entries
	// Entries without a connection are in a list, the one that was heard of
	// last at its end.
	older, newer int32
}

// none is the index of no entry. The first is never used, so that zero values
// mean none.
const none = 0

// table holds entries in one slice, so that neither finding nor adding nor
// removing one allocates once it has grown.
type table[K comparable] struct {
	heads          []int32 // by hash; a power of two
	entries        []entry[K]
	unused         int32
	used           int
	oldest, newest int32 // of those without a connection
}

// head is where the chain of a hash begins.
func (t *table[K]) head(hash uint32) *int32 {
	return &t.heads[hash&uint32(len(t.heads)-1)]
}

// find returns the key's entry, or none.
func (t *table[K]) find(key K, hash uint32) int32 {
	if len(t.heads) == 0 {
		return none
	}
	i := *t.head(hash)
	for i != none && t.entries[i].key != key {
		i = t.entries[i].next
	}
	return i
}

// add makes an entry for a key that has none. It is in no list.
func (t *table[K]) add(key K, hash uint32) int32 {
	if t.used >= len(t.heads) {
		t.grow()
	}
	i := t.unused
	if i != none {
		t.unused = t.entries[i].next
	} else {
		i = int32(len(t.entries))
		t.entries = append(t.entries, entry[K]{})
	}
	head := t.head(hash)
	t.entries[i] = entry[K]{key: key, hash: hash, next: *head}
	*head = i
	t.used++
	return i
}

func (t *table[K]) grow() {
	const first = 16
	if len(t.heads) == 0 {
		t.entries = make([]entry[K], 1, first)
	}
	old := t.heads
	t.heads = make([]int32, max(first, 2*len(old)))
	for _, i := range old {
		for i != none {
			e := &t.entries[i]
			next, head := e.next, t.head(e.hash)
			e.next, *head = *head, i
			i = next
		}
	}
}

// remove forgets an entry that is in no list.
func (t *table[K]) remove(i int32) {
	link := t.head(t.entries[i].hash)
	for *link != i {
		link = &t.entries[*link].next
	}
	*link = t.entries[i].next
	t.entries[i] = entry[K]{next: t.unused}
	t.unused = i
	t.used--
}

// idle puts an entry at the end of the list.
func (t *table[K]) idle(i int32) {
	e := &t.entries[i]
	e.older, e.newer = t.newest, none
	if t.newest != none {
		t.entries[t.newest].newer = i
	} else {
		t.oldest = i
	}
	t.newest = i
}

// busy takes an entry out of the list.
func (t *table[K]) busy(i int32) {
	e := &t.entries[i]
	if e.older != none {
		t.entries[e.older].newer = e.newer
	} else {
		t.oldest = e.newer
	}
	if e.newer != none {
		t.entries[e.newer].older = e.older
	} else {
		t.newest = e.older
	}
	e.older, e.newer = none, none
}
