package quic

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/mythic-beasts/hostkit/sniproxy"
)

// Stats are counts since the server started, and what is there now.
type Stats struct {
	// Active is how many connections there are, Accepted how many there were.
	Active   int64
	Accepted uint64
	// Held is how many bytes of datagrams wait for a hello's end or for a server.
	Held int64
	// Results counts connections that ended or were refused by what became of
	// them.
	Results map[sniproxy.Result]uint64
	// Negotiated is how many Version Negotiation packets were sent.
	Negotiated uint64
	// Ignored is how many datagrams belonged to no connection and began none.
	Ignored uint64
	// Dropped is how many datagrams of connections were not passed on: there was
	// no room to hold them, they were too long, or a server answered an address
	// that might be forged with more than three times what came from it.
	Dropped uint64
	// Rebound is how often a client was found again at another address.
	Rebound uint64
}

type counts struct {
	active                                          atomic.Int64
	accepted, negotiated, ignored, dropped, rebound atomic.Uint64

	mu      sync.Mutex
	results map[sniproxy.Result]uint64 // guarded by mu
}

func (c *counts) result(r sniproxy.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.results == nil {
		c.results = make(map[sniproxy.Result]uint64)
	}
	c.results[r]++
}

// Stats returns the counts.
func (s *Server) Stats() Stats {
	c := &s.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	results := make(map[sniproxy.Result]uint64, len(c.results))
	maps.Copy(results, c.results)
	return Stats{
		Active: c.active.Load(), Accepted: c.accepted.Load(), Held: s.held.Load(), Results: results,
		Negotiated: c.negotiated.Load(), Ignored: c.ignored.Load(), Dropped: c.dropped.Load(), Rebound: c.rebound.Load(),
	}
}
