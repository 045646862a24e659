package limit

import (
	"math"
	"time"
)

// Limit bounds one client, one site or the whole. The zero value does not.
type Limit struct {
	// Conns is how many connections may be open at a time. Zero means any number.
	Conns int
	// Rate is how many may be opened per second in the long run. Zero means any
	// number.
	Rate float64
	// Burst is how many of them may be opened at once. Zero means Rate rounded
	// up, at least 1.
	Burst int
}

// rate is a [Limit] that has been worked out. Each connection takes step from a
// credit that grows by one per nanosecond, up to depth. This is the generic cell
// rate algorithm of ITU-T I.371, whose whole state is one number: when the credit
// will be full again.
type rate struct {
	conns       int
	step, depth int64
}

// longest keeps sums of times within 63 bits.
const longest = math.MaxInt64 / 4

func (l Limit) rate() rate {
	r := rate{conns: l.Conns}
	if l.Rate <= 0 {
		return r
	}
	step := max(1, min(float64(time.Second)/l.Rate, longest))
	burst := float64(l.Burst)
	if l.Burst <= 0 {
		burst = max(1, math.Ceil(l.Rate))
	}
	r.step = int64(step)
	r.depth = int64(min(math.Floor(step)*burst, longest))
	return r
}

// take returns the new state, and whether there was credit for one more.
func (r rate) take(full, now int64) (int64, bool) {
	next := max(full, now) + r.step
	if r.step > 0 && next-now > r.depth {
		return full, false
	}
	return next, true
}
