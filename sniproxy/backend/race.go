package backend

import (
	"math/bits"
	"time"
)

// MaxRace is how many candidates a [Race] takes part of; what follows is not tried.
const MaxRace = 16

const (
	raceStagger = 250 * time.Millisecond
	raceTimeout = 5 * time.Second
)

// Race decides when which of several candidates is tried, and which one wins: happy
// eyeballs (RFC 8305, section 5) without sockets or timers, for [Dial] and for an
// event loop alike. Call [Race.Start], then [Race.Next] until it starts no more,
// and again when its wait is over or an attempt failed. The zero value is a race
// without candidates, which is lost.
//
// A Race holds no memory beyond itself and is used by one goroutine at a time.
type Race struct {
	// Stagger is how long an attempt runs alone before the next one starts; zero
	// means 250 ms. One that fails starts the next at once.
	Stagger time.Duration
	// Timeout is how long all of it may take; zero means 5 seconds.
	Timeout time.Duration

	n, next  int
	running  uint32 // bit i: attempt i is under way
	won      bool
	winner   int
	over     time.Time // when all of it has taken too long
	nextFrom time.Time // when the next attempt starts although others run
}

// Start begins a race of n candidates, in the order in which they are to be tried.
func (r *Race) Start(n int, now time.Time) {
	*r = Race{Stagger: r.Stagger, Timeout: r.Timeout, n: min(n, MaxRace)}
	r.over = now.Add(orElse(r.Timeout, raceTimeout))
	r.nextFrom = now
}

// Next says what to do at the time now. With start >= 0 that attempt is to be
// started, and Next called again. With start < 0 and wait > 0 nothing is to be done
// until wait is over or an attempt ends. With start < 0 and wait <= 0 the race is
// over: see [Race.Won]; attempts that still run are to be given up.
func (r *Race) Next(now time.Time) (start int, wait time.Duration) {
	if r.won || !now.Before(r.over) {
		return -1, 0
	}
	left := r.over.Sub(now)
	if r.next < r.n {
		if r.running == 0 || !now.Before(r.nextFrom) {
			i := r.next
			r.next++
			r.running |= 1 << i
			r.nextFrom = now.Add(orElse(r.Stagger, raceStagger))
			return i, 0
		}
		return -1, min(left, r.nextFrom.Sub(now))
	}
	if r.running == 0 {
		return -1, 0
	}
	return -1, left
}

// Failed says that attempt i ended without a connection: the next one starts at
// once.
func (r *Race) Failed(i int) {
	if r.is(i) {
		r.running &^= 1 << i
		r.nextFrom = time.Time{}
	}
}

// Connected says that attempt i has a connection, and returns whether it is the
// winner: the first. A connection that is not is to be closed.
func (r *Race) Connected(i int) (winner bool) {
	if !r.is(i) || r.won {
		return false
	}
	r.running &^= 1 << i
	r.won, r.winner = true, i
	return true
}

// Overtaken reports whether attempt i, started before the winner, is still under
// way. It is to be reported as [ErrOvertaken].
func (r *Race) Overtaken(i int) bool { return r.won && i < r.winner && r.is(i) }

// Won reports whether an attempt has connected.
func (r *Race) Won() bool { return r.won }

// Running returns how many attempts are under way, the winner not among them.
func (r *Race) Running() int { return bits.OnesCount32(r.running) }

// IsRunning reports whether attempt i is under way.
func (r *Race) IsRunning(i int) bool { return r.is(i) }

func (r *Race) is(i int) bool { return i >= 0 && i < r.n && r.running&(1<<i) != 0 }
