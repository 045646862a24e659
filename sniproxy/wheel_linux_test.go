package sniproxy

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWheel compares with a plain list of times.
func TestWheel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var w wheel
	timers := make([]timer, 300)
	due := make(map[*timer]time.Duration)
	now := time.Duration(0)
	check := func(got *timer) {
		at, ok := due[got]
		require.True(t, ok, "a timer that is not set came due")
		require.LessOrEqual(t, at, now, "early")
		delete(due, got)
	}
	for range 20_000 {
		one := &timers[r.IntN(len(timers))]
		switch r.IntN(4) {
		case 0:
			w.stop(one)
			delete(due, one)
		case 1, 2:
			at := now + time.Duration(r.Int64N(int64(time.Minute)))
			if r.IntN(3) == 0 {
				at = now + time.Duration(r.Int64N(int64(100*time.Millisecond)))
			}
			w.set(one, at)
			due[one] = at
		case 3:
			next, ok := w.next()
			require.Equal(t, len(due) != 0, ok)
			if step := time.Duration(r.Int64N(int64(3 * time.Second))); ok && r.IntN(2) == 0 {
				now = max(now, next)
			} else {
				now += step
			}
			w.advance(now, check)
			for _, at := range due {
				require.Greater(t, at+wheelTick, now, "late by more than a tick")
			}
		}
	}
}

// TestWheelSetsWhileDue has a timer set itself again, for all distances.
func TestWheelSetsWhileDue(t *testing.T) {
	var w wheel
	var one timer
	fired := 0
	w.set(&one, 0)
	for now := time.Duration(0); now < 5*time.Minute; now += time.Second {
		w.advance(now, func(got *timer) {
			fired++
			w.set(got, now+time.Duration(fired)*7*time.Second)
		})
	}
	require.Equal(t, 9, fired)
}
