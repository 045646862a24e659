package demo

import (
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// HealPolicy says how often the house may take the power from a Pi that does not
// work. The zero value is four times an hour.
type HealPolicy struct {
	// Max is how often a Pi is power-cycled within Window, before it is left to a
	// person. 0 means 4.
	Max int
	// Window is over what time Max counts. 0 means an hour.
	Window time.Duration
	// First is how long after a power cycle the second may come; it doubles with
	// each, up to Longest. 0 means 15 s and 10 minutes.
	First, Longest time.Duration
}

func (p HealPolicy) withDefaults() HealPolicy {
	if p.Max == 0 {
		p.Max = 4
	}
	if p.Window == 0 {
		p.Window = time.Hour
	}
	if p.First == 0 {
		p.First = 15 * time.Second
	}
	if p.Longest == 0 {
		p.Longest = 10 * time.Minute
	}
	return p
}

// Healed is when the house power-cycled a Pi, the first one first.
type Healed []time.Time

// Healing is what to do for a Pi now.
type Healing struct {
	// Cycle says to take its power and give it back.
	Cycle bool
	// Words tell people. "" is that there is nothing to tell.
	Words string
	// Next is when to look again, if that is known.
	Next time.Time
}

// Heal decides what to do for a Pi with an ailment, "" being a healthy one. It is a
// pure function: what was done, what is seen and the time go in, what was done by then
// and what is to be done come out. Each power cycle waits longer than the one before,
// and after as many as the policy permits the Pi is left alone, with words.
func Heal(p HealPolicy, done Healed, ailment string, now time.Time) (Healed, Healing) {
	p = p.withDefaults()
	recent := make(Healed, 0, len(done)+1)
	for _, at := range done {
		if now.Sub(at) < p.Window {
			recent = append(recent, at)
		}
	}
	if ailment == "" {
		return recent, Healing{}
	}
	n := len(recent)
	if n >= p.Max {
		next := recent[n-p.Max].Add(p.Window)
		return recent, Healing{Next: next, Words: fmt.Sprintf(
			"%s; power-cycled %d times in %v without lasting effect, so it is left alone until %s: look at the Pi, its cable and its port",
			ailment, n, p.Window, next.UTC().Format("15:04:05 UTC"))}
	}
	if n > 0 {
		if next := recent[n-1].Add(backoff(p, n)); now.Before(next) {
			return recent, Healing{Next: next, Words: fmt.Sprintf(
				"%s; it is power-cycled at %s (%d of %d)", ailment, next.UTC().Format("15:04:05 UTC"), n+1, p.Max)}
		}
	}
	return append(recent, now), Healing{Cycle: true, Words: fmt.Sprintf("power-cycled because %s (%d of %d)", ailment, n+1, p.Max)}
}

// backoff is how long after the nth power cycle the next may come.
func backoff(p HealPolicy, n int) time.Duration {
	wait := p.First
	for range n - 1 {
		if wait >= p.Longest/2 {
			return p.Longest
		}
		wait *= 2
	}
	return min(wait, p.Longest)
}

// Tending is what to do about a server behind the proxy.
type Tending uint8

// What there is to do.
const (
	LeaveIt  Tending = iota
	DrainIt          // no new connections
	ResumeIt         // it is well again
)

// Tend decides about a server by its health, of a site of which so many are well. One
// that failed its checks drains, so that a connection does not try it either, unless
// there is no other; when it has been well for a time it comes back. drained says that
// it was this function that drained it: what a person drained stays so.
func Tend(s backend.MemberStatus, well int, drained bool, steady time.Duration, now time.Time) Tending {
	switch {
	case !drained && s.State == backend.Down && well > 0:
		return DrainIt
	case drained && s.State == backend.Draining && well == 0:
		return ResumeIt
	case drained && s.State == backend.Draining && s.LastOK.After(s.LastFail) && now.Sub(s.LastFail) >= steady:
		return ResumeIt
	}
	return LeaveIt
}
