package serve

import "sync/atomic"

// Stats counts what a server did since it was made.
type Stats struct {
	// Zones is how many there are now.
	Zones int
	// Queries are requests that were read, Refused those that no rule lets in, or
	// that are for no zone of the server, Malformed those that are no good request.
	Queries, Refused, Malformed uint64
	// BadTSIG are requests whose signature is not good: the key, the octets, the
	// time, or one that was there before.
	BadTSIG uint64
	// AXFR and IXFR are transfers that began: whole zones, and changes. Current are
	// those that had nothing to send but the SOA.
	AXFR, IXFR, Current uint64
	// Busy are transfers that were not begun since too many were under way, and
	// Aborted those that ended before their end.
	Busy, Aborted uint64
	// Transferring is how many there are now.
	Transferring int64
	// SentBytes are those of transfers, without the headers of TCP and TLS.
	SentBytes uint64
	// Notified are messages that were answered well, NotifyFailed tries that were
	// not, and NotifyPending what is yet to be told.
	Notified, NotifyFailed uint64
	NotifyPending          int
}

type counters struct {
	queries, refused, malformed, badTSIG, axfr, ixfr, current, busy, aborted, sentBytes, notified, notifyFailed atomic.Uint64

	transferring atomic.Int64
}

// Stats are the counts of now.
func (s *Server) Stats() Stats {
	c := &s.counters
	st := Stats{
		Queries: c.queries.Load(), Refused: c.refused.Load(), Malformed: c.malformed.Load(), BadTSIG: c.badTSIG.Load(),
		AXFR: c.axfr.Load(), IXFR: c.ixfr.Load(), Current: c.current.Load(), Busy: c.busy.Load(), Aborted: c.aborted.Load(),
		Transferring: c.transferring.Load(), SentBytes: c.sentBytes.Load(),
		Notified: c.notified.Load(), NotifyFailed: c.notifyFailed.Load(),
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	st.Zones = len(s.zones)
	for _, courier := range s.couriers {
		st.NotifyPending += courier.pending()
	}
	return st
}
