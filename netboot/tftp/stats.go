package tftp

import "sync/atomic"

// Stats counts what a [Server] did since it was made. It adds up: every request
// that was not a repetition ends as one of the kinds below, or is Active.
type Stats struct {
	Active int // transfers that run

	Requests uint64 // read and write requests, without repeated ones
	Repeated uint64 // requests that came again before they were answered
	Served   uint64 // files that were acknowledged to the end
	Missing  uint64 // files that are not there
	Probed   uint64 // transfers that the client ended at once
	Failed   uint64 // transfers that ended before the file did
	Refused  uint64 // requests turned down by a limit or by policy

	Bytes       uint64 // of files, acknowledged
	Retransmits uint64 // packets that were sent again
}

type counters struct {
	requests, repeated, served, missing, probed, failed, refused atomic.Uint64
	bytes, retransmits                                           atomic.Uint64
}

func (c *counters) snapshot() Stats {
	return Stats{
		Requests: c.requests.Load(), Repeated: c.repeated.Load(), Served: c.served.Load(),
		Missing: c.missing.Load(), Probed: c.probed.Load(), Failed: c.failed.Load(),
		Refused: c.refused.Load(), Bytes: c.bytes.Load(), Retransmits: c.retransmits.Load(),
	}
}
