package snmpx

import "sync/atomic"

// Stats counts messages.
type Stats struct {
	Sent    int64 // with those that are sent again
	Retries int64
	Dropped int64 // that came in and were no answer: late, forged or malformed
}

type counters struct{ sent, retries, dropped atomic.Int64 }

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	return Stats{Sent: c.count.sent.Load(), Retries: c.count.retries.Load(), Dropped: c.count.dropped.Load()}
}
