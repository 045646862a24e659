package serialcon

import (
	"context"
	"time"
)

// recallTime is how long a viewer waits for the past from a log whose disk may
// hang. It then sees the present alone.
const recallTime = 2 * time.Second

// refill gets the past from the log, for a viewer who wants so much of it, if
// there is none in memory: nobody watched until now. It leaves the ring as large
// as it is while somebody watches.
func (c *Console) refill(ctx context.Context, want int) {
	c.mu.Lock()
	c.prepare()
	n := min(max(want, c.history()), c.backlog())
	r, before, end := c.recall, c.taken, c.ring.end
	if r == nil || c.ring.start < end {
		c.mu.Unlock()
		return
	}
	c.ring.setLimit(c.backlog()) // what comes meanwhile is kept
	c.mu.Unlock()

	past := c.recalled(ctx, r, before, n)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ring.start != end { // somebody else did the same, or it is far behind
		return
	}
	c.ring.prepend(past)
	c.first = c.ring.start
	if len(past) == n { // there is more before it, and the line is cut
		c.first--
	}
}

// recalled asks the log, and does not wait for ever.
func (c *Console) recalled(ctx context.Context, r Recaller, before int64, n int) []byte {
	ctx, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	got := make(chan []byte, 1)
	go func() {
		past, err := r.Recall(ctx, before, n)
		if err != nil && c.Logger != nil {
			c.Logger.Warn("console: the past is not shown to a viewer", "name", c.Name, "err", err)
		}
		got <- past
	}()
	select {
	case past := <-got:
		return past
	case <-ctx.Done():
		return nil
	}
}
