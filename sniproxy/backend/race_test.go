package backend_test

import (
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/stretchr/testify/require"
)

// at is a moment of a race, in milliseconds.
func at(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }

const ms = time.Millisecond

func TestRaceStaggers(t *testing.T) {
	var r backend.Race
	r.Start(3, at(0))
	next := func(now, start int, wait time.Duration) {
		t.Helper()
		gotStart, gotWait := r.Next(at(now))
		require.Equal(t, start, gotStart)
		require.Equal(t, wait, gotWait)
	}
	next(0, 0, 0)
	next(0, -1, 250*ms)
	next(100, -1, 150*ms)
	next(250, 1, 0)
	next(250, -1, 250*ms)
	r.Failed(1)
	next(300, 2, 0)
	next(300, -1, 4700*ms) // all are under way: only the end is waited for
	require.Equal(t, 2, r.Running())
	require.True(t, r.Connected(2))
	require.True(t, r.Won())
	next(310, -1, 0)
	require.True(t, r.Overtaken(0), "started before the winner")
	require.False(t, r.Overtaken(1), "failed")
	require.False(t, r.Overtaken(2), "won")
	require.False(t, r.Connected(0), "second is not first")
}

func TestRaceFailuresStartTheNextAtOnce(t *testing.T) {
	var r backend.Race
	r.Start(4, at(0))
	for i := range 4 {
		start, _ := r.Next(at(i))
		require.Equal(t, i, start)
		r.Failed(i)
		r.Failed(i) // said twice
	}
	start, wait := r.Next(at(5))
	require.Equal(t, -1, start)
	require.Zero(t, wait)
	require.False(t, r.Won())
}

func TestRaceIsOverInTime(t *testing.T) {
	r := backend.Race{Stagger: time.Second, Timeout: 1500 * ms}
	r.Start(3, at(0))
	start, _ := r.Next(at(0))
	require.Equal(t, 0, start)
	_, wait := r.Next(at(0))
	require.Equal(t, time.Second, wait)
	start, _ = r.Next(at(1000))
	require.Equal(t, 1, start)
	_, wait = r.Next(at(1000))
	require.Equal(t, 500*ms, wait, "the end comes before the next start")
	start, wait = r.Next(at(1500))
	require.Equal(t, -1, start)
	require.Zero(t, wait)
	require.True(t, r.IsRunning(0))
	require.True(t, r.IsRunning(1))
	require.False(t, r.IsRunning(2))

	r.Start(1, at(2000)) // it is used again
	require.Zero(t, r.Running())
	start, _ = r.Next(at(2000))
	require.Equal(t, 0, start)
}

func TestRaceOfNone(t *testing.T) {
	var r backend.Race
	start, wait := r.Next(at(0))
	require.Equal(t, -1, start)
	require.LessOrEqual(t, wait, time.Duration(0))
	r.Start(0, at(0))
	start, wait = r.Next(at(0))
	require.Equal(t, -1, start)
	require.Zero(t, wait)
	r.Failed(-1)
	r.Failed(99)
	require.False(t, r.Connected(0))
}

func TestRaceIsBounded(t *testing.T) {
	var r backend.Race
	r.Start(1000, at(0))
	n := 0
	for i := range 1000 {
		if start, _ := r.Next(at(i * 250)); start >= 0 {
			n++
		}
	}
	require.Equal(t, backend.MaxRace, n, "of 1000, 250 ms apart, within 5 s")
}

// FuzzRace lets events come in any order: each attempt starts at most once, in
// order, and there is at most one winner.
func FuzzRace(f *testing.F) {
	f.Add(uint8(3), []byte{0, 0, 4, 1, 0, 2})
	f.Add(uint8(16), []byte{0, 7, 0, 7, 0, 7, 9, 200})
	f.Fuzz(func(t *testing.T, n uint8, events []byte) {
		var r backend.Race
		r.Start(int(n), at(0))
		now, last, winners := 0, -1, 0
		for _, e := range events {
			now += int(e)
			start, wait := r.Next(at(now))
			if start >= 0 {
				if start != last+1 || start >= int(n) || r.Won() {
					t.Fatalf("attempt %d started after %d of %d", start, last, n)
				}
				last = start
			} else if wait <= 0 && !r.Won() && r.Running() > 0 && now < 5000 {
				t.Fatalf("over at %d ms although %d run", now, r.Running())
			}
			switch i := int(e>>2) - 1; e & 3 {
			case 1:
				r.Failed(i)
			case 2:
				if r.Connected(i) {
					winners++
				}
			}
			if r.Running() > last+1 || winners > 1 {
				t.Fatalf("%d run of %d, %d winners", r.Running(), last+1, winners)
			}
		}
	})
}
