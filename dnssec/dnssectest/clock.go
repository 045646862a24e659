package dnssectest

import (
	"sync"
	"time"
)

// Clock is a clock that a test sets. The zero value shows 2026-01-01 00:00 UTC. For
// what waits, testing/synctest is better.
type Clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

// Now is what the clock shows; give c.Now to whatever has a field for a clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown()
}

// Advance moves the clock; back if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.shown().Add(d)
}

// Set makes the clock show a time.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func (c *Clock) shown() time.Time {
	if c.now.IsZero() {
		return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return c.now
}
