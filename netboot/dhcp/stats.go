package dhcp

import "sync/atomic"

// Stats counts what a [Handler] and its [Serve] have done since it was made.
type Stats struct {
	Received uint64 // packets handled
	Refused  uint64 // malformed, from an unknown relay, or without sense
	Unknown  uint64 // from clients that the inventory does not know

	Discovers, Requests, Informs, Declines, Releases uint64
	Offers, Acks, Naks                               uint64

	Exhausted uint64 // DISCOVERs of a pool without a free address
	Nudges    uint64 // wake-up frames sent
	Syncs     uint64 // flushes of the lease journal
	Unsynced  uint64 // replies dropped because the journal could not be written
	Unsent    uint64 // actions that the transport could not do
}

type counters struct {
	received, refused, unknown                       atomic.Uint64
	discovers, requests, informs, declines, releases atomic.Uint64
	offers, acks, naks                               atomic.Uint64
	exhausted, nudges, syncs, unsynced, unsent       atomic.Uint64
}

// Stats returns the counts so far.
func (h *Handler) Stats() Stats {
	c := &h.counts
	return Stats{
		Received: c.received.Load(), Refused: c.refused.Load(), Unknown: c.unknown.Load(),
		Discovers: c.discovers.Load(), Requests: c.requests.Load(), Informs: c.informs.Load(),
		Declines: c.declines.Load(), Releases: c.releases.Load(),
		Offers: c.offers.Load(), Acks: c.acks.Load(), Naks: c.naks.Load(),
		Exhausted: c.exhausted.Load(), Nudges: c.nudges.Load(), Syncs: c.syncs.Load(),
		Unsynced: c.unsynced.Load(), Unsent: c.unsent.Load(),
	}
}
