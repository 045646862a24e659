package demo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func TestHealAHealthyPi(t *testing.T) {
	done, what := demo.Heal(demo.HealPolicy{}, nil, "", noon)
	require.Empty(t, done)
	require.Equal(t, demo.Healing{}, what)
}

// Each power cycle waits twice as long as the one before, and after the last that the
// policy permits the Pi is left alone until the window has moved on.
func TestHealBacksOffAndGivesUp(t *testing.T) {
	p := demo.HealPolicy{Max: 4, Window: time.Hour, First: 10 * time.Second, Longest: time.Minute}
	var done demo.Healed
	var cycles []time.Duration
	var last demo.Healing
	for at := time.Duration(0); at < time.Hour; at += time.Second {
		done, last = demo.Heal(p, done, "it gave up booting", noon.Add(at))
		require.NotEmpty(t, last.Words)
		if last.Cycle {
			cycles = append(cycles, at)
		}
	}
	require.Equal(t, []time.Duration{0, 10 * time.Second, 30 * time.Second, 70 * time.Second}, cycles)
	require.Equal(t, noon.Add(time.Hour), last.Next)
	require.Contains(t, last.Words, "power-cycled 4 times in 1h0m0s without lasting effect")
	require.Contains(t, last.Words, "left alone until 13:00:00 UTC")

	done, last = demo.Heal(p, done, "it gave up booting", noon.Add(time.Hour))
	require.True(t, last.Cycle, "the first has left the window")
	require.Len(t, done, 4)
}

// A Pi that is well again keeps its record, so that one that ails now and then is left
// alone as well.
func TestHealRemembers(t *testing.T) {
	p := demo.HealPolicy{Max: 1}
	done, what := demo.Heal(p, nil, "it crashed", noon)
	require.True(t, what.Cycle)
	require.Equal(t, "power-cycled because it crashed (1 of 1)", what.Words)
	done, what = demo.Heal(p, done, "", noon.Add(time.Minute))
	require.Equal(t, demo.Healing{}, what)
	done, what = demo.Heal(p, done, "it crashed", noon.Add(2*time.Minute))
	require.False(t, what.Cycle)
	require.Len(t, done, 1)
	done, _ = demo.Heal(p, done, "", noon.Add(time.Hour))
	require.Empty(t, done)
}

func TestHealBackoffIsBounded(t *testing.T) {
	p := demo.HealPolicy{Max: 100, First: time.Second, Longest: 5 * time.Second, Window: 24 * time.Hour}
	var done demo.Healed
	now := noon
	for range 20 {
		var what demo.Healing
		done, what = demo.Heal(p, done, "it crashed", now)
		require.True(t, what.Cycle, now)
		_, what = demo.Heal(p, done, "it crashed", now)
		require.False(t, what.Cycle)
		require.LessOrEqual(t, what.Next.Sub(now), 5*time.Second)
		now = what.Next
	}
}

func TestHealLeavesItsArgumentAlone(t *testing.T) {
	before := make(demo.Healed, 1, 8)
	before[0] = noon.Add(-30 * time.Minute)
	after, _ := demo.Heal(demo.HealPolicy{}, before, "it crashed", noon)
	require.Len(t, after, 2)
	require.Equal(t, demo.Healed{noon.Add(-30 * time.Minute)}, before)
	require.Zero(t, before[:2][1])
}

func TestTend(t *testing.T) {
	steady := 2 * time.Second
	for _, c := range []struct {
		name    string
		status  backend.MemberStatus
		well    int
		drained bool
		want    demo.Tending
	}{
		{"well", backend.MemberStatus{State: backend.Up}, 2, false, demo.LeaveIt},
		{"down", backend.MemberStatus{State: backend.Down}, 1, false, demo.DrainIt},
		{"the last one stays, to be tried", backend.MemberStatus{State: backend.Down}, 0, false, demo.LeaveIt},
		{"cooling", backend.MemberStatus{State: backend.Cooling}, 1, false, demo.LeaveIt},
		{"drained by a person", backend.MemberStatus{State: backend.Draining, LastOK: noon}, 1, false, demo.LeaveIt},
		{"still bad", backend.MemberStatus{State: backend.Draining, LastFail: noon}, 1, true, demo.LeaveIt},
		{"well only just", backend.MemberStatus{State: backend.Draining, LastFail: noon.Add(-time.Second), LastOK: noon}, 1, true, demo.LeaveIt},
		{"well for a time", backend.MemberStatus{State: backend.Draining, LastFail: noon.Add(-steady), LastOK: noon}, 1, true, demo.ResumeIt},
		{"the others are gone", backend.MemberStatus{State: backend.Draining, LastFail: noon}, 0, true, demo.ResumeIt},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, demo.Tend(c.status, c.well, c.drained, steady, noon))
		})
	}
}

// Chaos is the same for a seed, and another for another.
func TestChaosRepeatsItself(t *testing.T) {
	list := func(seed uint64) (all []demo.Breakage) {
		c := demo.NewChaos(seed, 10*time.Second)
		for range 200 {
			all = append(all, c.Next())
		}
		return all
	}
	first := list(1)
	require.Equal(t, first, list(1))
	require.NotEqual(t, first, list(2))
	kinds := make(map[demo.Havoc]int)
	var total time.Duration
	for _, b := range first {
		kinds[b.Kind]++
		total += b.After
		require.GreaterOrEqual(t, b.After, 5*time.Second)
		require.LessOrEqual(t, b.After, 15*time.Second)
		require.Positive(t, b.Loss)
	}
	require.Len(t, kinds, 5)
	require.InDelta(t, 2000, total.Seconds(), 200)
}
