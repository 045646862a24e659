package snmptest

import "sync/atomic"

// Stats counts what an agent has seen.
type Stats struct {
	Get, GetNext, GetBulk, Set, Other int64 // requests with a good community, lost ones as well
	Replies                           int64 // sent
	Lost                              int64 // requests or answers, by the faults
	BadCommunity, Malformed           int64
}

// Requests is how many there were, of all kinds.
func (s Stats) Requests() int64 { return s.Get + s.GetNext + s.GetBulk + s.Set + s.Other }

type counters struct {
	get, getNext, getBulk, set, other atomic.Int64
	replies, lost                     atomic.Int64
	badCommunity, malformed           atomic.Int64
}

func (c *counters) request(k Kind) {
	switch k {
	case Get:
		c.get.Add(1)
	case GetNext:
		c.getNext.Add(1)
	case GetBulk:
		c.getBulk.Add(1)
	case Set:
		c.set.Add(1)
	default:
		c.other.Add(1)
	}
}

// Stats returns the counts so far.
func (a *Agent) Stats() Stats {
	c := &a.count
	return Stats{
		Get: c.get.Load(), GetNext: c.getNext.Load(), GetBulk: c.getBulk.Load(), Set: c.set.Load(), Other: c.other.Load(),
		Replies: c.replies.Load(), Lost: c.lost.Load(),
		BadCommunity: c.badCommunity.Load(), Malformed: c.malformed.Load(),
	}
}
