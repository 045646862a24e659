package demo

import (
	"math/rand/v2"
	"time"
)

// Havoc is a kind of thing that breaks.
type Havoc string

// The kinds.
const (
	LostPackets Havoc = "lost packets" // a Pi boots again by a cable that loses frames
	Hang        Havoc = "hang"         // a Pi stops, in its boot or after it
	LyingSwitch Havoc = "lying switch" // a port says that it gives power, and gives none
	FailingCA   Havoc = "failing CA"   // the authority answers 503 while a certificate is renewed
	DeadBackend Havoc = "dead backend" // a server of a site is gone for a while
)

// Breakage is one thing that breaks.
type Breakage struct {
	// After is how long after the one before it comes.
	After time.Duration
	Kind  Havoc
	// Target is which Pi, domain or site, as a number: whoever has n of them takes
	// the one at Target modulo n. Part is the server of a site, likewise.
	Target, Part int
	// Lasts is for what ends by itself: the authority's trouble, and a server's.
	Lasts time.Duration
	// Loss is the share of frames that a cable loses.
	Loss float64
}

// Chaos is what breaks, one after the other, always the same for a seed.
type Chaos struct {
	random *rand.Rand
	every  time.Duration
}

// NewChaos returns the chaos of a seed, in which something breaks every so often.
func NewChaos(seed uint64, every time.Duration) *Chaos {
	return &Chaos{random: rand.New(rand.NewPCG(seed, 9)), every: every} //nolint:gosec // chance that repeats itself
}

// Next is what breaks next.
func (c *Chaos) Next() Breakage {
	kinds := [...]Havoc{Hang, LostPackets, LyingSwitch, Hang, FailingCA, LostPackets, DeadBackend, LyingSwitch}
	return Breakage{
		After:  c.spread(c.every),
		Kind:   kinds[c.random.IntN(len(kinds))],
		Target: c.random.IntN(1 << 16),
		Part:   c.random.IntN(1 << 16),
		Lasts:  c.spread(c.every),
		Loss:   0.02 + 0.08*c.random.Float64(),
	}
}

// spread is between a half and one and a half times d.
func (c *Chaos) spread(d time.Duration) time.Duration {
	return d/2 + time.Duration(c.random.Float64()*float64(d))
}
