package renew

import "time"

// clock notices that the wall clock was set back: what was due at a time by the wrong
// clock would be late by as much.
type clock struct {
	wall      time.Time // when it was last read
	monotonic time.Time // at the same moment
}

// back is by how much the wall clock was set back since the last call, 0 if it was not.
func (c *clock) back(now time.Time) time.Duration {
	last, at := *c, time.Now()
	c.wall, c.monotonic = now, at
	if last.wall.IsZero() {
		return 0
	}
	back := at.Sub(last.monotonic) - now.Sub(last.wall)
	if back < time.Minute {
		return 0 // it was corrected a little, or set forward
	}
	return back
}
