package limit

import (
	"hash/maphash"
	"sync"
)

// shards is how many locks clients, or sites, are spread over.
const (
	shardBits = 6
	shards    = 1 << shardBits
)

// group holds the clients or the sites.
type group[K comparable] struct {
	seed   maphash.Seed
	shards [shards]shard[K]
}

// slot says where a connection is counted.
type slot struct {
	shard uint8
	entry int32 // none means nowhere
}

// claim is a connection that the key's limit allows. Its shard is locked until it
// is taken or dropped, so that several limits can be asked as if in one moment.
// The zero value is that of no limit.
type claim[K comparable] struct {
	shard *shard[K]
	slot  slot
	full  int64
	now   int64
}

// ask returns a claim, or what refuses it.
func (g *group[K]) ask(key K, r rate, now int64) (claim[K], Kind) {
	hash := maphash.Comparable(g.seed, key)
	at := uint8(hash >> (64 - shardBits))
	s := &g.shards[at]
	s.mu.Lock()
	i, full, refused := s.ask(key, uint32(hash), r, now)
	if refused != 0 {
		s.mu.Unlock()
		return claim[K]{}, refused
	}
	return claim[K]{shard: s, slot: slot{at, i}, full: full, now: now}, 0
}

func (c *claim[K]) take() slot {
	if c.shard == nil {
		return slot{}
	}
	e := &c.shard.table.entries[c.slot.entry]
	e.full = c.full
	e.conns++
	c.shard.mu.Unlock()
	return c.slot
}

func (c *claim[K]) drop() {
	if c.shard == nil {
		return
	}
	c.shard.settle(c.slot.entry, c.now)
	c.shard.mu.Unlock()
}

func (g *group[K]) release(at slot, now int64) {
	s := &g.shards[at.shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(at.entry, now)
}

func (g *group[K]) known() int {
	n := 0
	for i := range g.shards {
		n += g.shards[i].known()
	}
	return n
}

// shard holds a part of a group.
type shard[K comparable] struct {
	mu      sync.Mutex // guards all below
	table   table[K]
	idles   int // entries without a connection
	maxIdle int
}

// ask returns the key's entry, which is in no list then, and its rate's next state.
func (s *shard[K]) ask(key K, hash uint32, r rate, now int64) (i int32, full int64, refused Kind) {
	s.expire(now)
	i = s.table.find(key, hash)
	if i == none {
		i = s.table.add(key, hash)
	} else if s.table.entries[i].conns == 0 {
		s.wake(i)
	}
	e := &s.table.entries[i]
	if r.conns > 0 && int(e.conns) >= r.conns {
		return none, 0, Conns
	}
	full, ok := r.take(e.full, now)
	if !ok {
		if e.conns == 0 {
			s.rest(i)
		}
		return none, 0, Rate
	}
	return i, full, 0
}

func (s *shard[K]) release(i int32, now int64) {
	s.table.entries[i].conns--
	s.settle(i, now)
}

// settle sees to an entry that may have lost its last connection: it is remembered
// for its rate only.
func (s *shard[K]) settle(i int32, now int64) {
	e := &s.table.entries[i]
	switch {
	case e.conns > 0:
	case e.full <= now:
		s.table.remove(i)
	default:
		s.rest(i)
	}
}

// rest puts an entry among those without a connection, and forgets whoever was
// heard of longest ago when they are too many.
func (s *shard[K]) rest(i int32) {
	s.table.idle(i)
	if s.idles++; s.idles > s.maxIdle {
		s.forget(s.table.oldest)
	}
}

func (s *shard[K]) wake(i int32) {
	s.table.busy(i)
	s.idles--
}

// expire forgets a few of whom nothing is left to remember: more at each call
// than a call can leave behind.
func (s *shard[K]) expire(now int64) {
	const few = 2
	for range few {
		i := s.table.oldest
		if i == none || s.table.entries[i].full > now {
			return
		}
		s.forget(i)
	}
}

func (s *shard[K]) forget(i int32) {
	s.wake(i)
	s.table.remove(i)
}

func (s *shard[K]) known() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.used
}
