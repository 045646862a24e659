package nfsd

import (
	"net/netip"
	"sync"
	"time"
)

// client is what all connections of one address share.
type client struct {
	addr   netip.Addr
	replay replays

	mu     sync.Mutex // guards what follows
	conns  int
	memory int           // reserved
	freed  chan struct{} // closed and replaced when memory is given back
	left   time.Time     // when the last connection went
}

// clients are those seen lately.
type clients struct {
	limit int // connections of one

	mu sync.Mutex // guards m
	m  map[netip.Addr]*client
}

// enter counts a connection in. Nil means that there are too many.
func (cs *clients) enter(addr netip.Addr) *client {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.m[addr]
	if c == nil {
		c = &client{addr: addr, freed: make(chan struct{})}
		cs.m[addr] = c
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns >= cs.limit {
		return nil
	}
	c.conns++
	return c
}

func (cs *clients) leave(c *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns--
	c.left = time.Now()
}

// forget drops clients that have been away for so long that none of their calls
// comes again.
func (cs *clients) forget(after time.Duration) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for addr, c := range cs.m {
		c.mu.Lock()
		if c.conns == 0 && time.Since(c.left) > after {
			delete(cs.m, addr)
		}
		c.mu.Unlock()
	}
}

// count is how many connections there are.
func (cs *clients) count() (n uint64) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, c := range cs.m {
		c.mu.Lock()
		n += uint64(c.conns)
		c.mu.Unlock()
	}
	return n
}

// reserve waits until n bytes more fit into limit. It reports false if stop was
// closed first.
func (c *client) reserve(n, limit int, stop <-chan struct{}) bool {
	for {
		c.mu.Lock()
		if c.memory+n <= limit {
			c.memory += n
			c.mu.Unlock()
			return true
		}
		freed := c.freed
		c.mu.Unlock()
		select {
		case <-freed:
		case <-stop:
			return false
		}
	}
}

// release gives n bytes back.
func (c *client) release(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory -= n
	close(c.freed)
	c.freed = make(chan struct{})
}
