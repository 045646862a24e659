package serialcon

import "time"

// Stats is a snapshot of a console. Its numbers of bytes only grow.
type Stats struct {
	Open     bool      `json:"open"`
	Opens    int64     `json:"opens"` // how often the port was opened
	BytesIn  int64     `json:"bytes_in"`
	BytesOut int64     `json:"bytes_out"`
	LastIn   time.Time `json:"last_in"`
	Gaps     int64     `json:"gaps"`     // bytes that were read and reached nobody, because the log was too slow
	LogDown  bool      `json:"log_down"` // the log takes nothing
	LogLost  int64     `json:"log_lost"` // bytes that the log did not take, once it takes them again
	Skipped  int64     `json:"skipped"`  // bytes that viewers did not see
	Viewers  int       `json:"viewers"`
	Queued   int       `json:"queued"` // who wait for the writer's place
	Writer   string    `json:"writer,omitempty"`
}

// Stats returns the console's numbers.
func (c *Console) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.stats
	st.Viewers, st.Queued = len(c.sessions), len(c.queue)
	if c.writer != nil {
		st.Writer = c.writer.who
	}
	return st
}
