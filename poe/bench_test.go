package poe_test

import (
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/stretchr/testify/require"
)

// BenchmarkSequence96 switches on a shelf on real time, with a journal on the
// disk, and reports by how much it takes longer than its 95 gaps.
func BenchmarkSequence96(b *testing.B) {
	const gap = 100 * time.Millisecond
	var over float64
	for b.Loop() {
		l, ports := darkLab(b, 96)
		l.sw.PowerUp = 20 * time.Millisecond
		l.Journal = &poe.FileStore{Dir: b.TempDir()}
		l.Policy.Poll = 5 * time.Millisecond
		_, err := l.Sequence(b.Context(), ports, poe.SequenceOptions{Gap: gap, InFlight: -1})
		require.NoError(b, err)
		at := l.onTimes()
		over += 100 * (at["96"].Sub(at["1"]).Seconds()/(95*gap).Seconds() - 1)
	}
	b.ReportMetric(over/float64(b.N), "%over")
}

// BenchmarkDeltas compares two looks at a switch of 48 ports.
func BenchmarkDeltas(b *testing.B) {
	l := newLab(48)
	p := poe.Poller{Targets: []poe.Target{{Switch: l.sw}}}
	before, after := p.Poll(b.Context())[0], p.Poll(b.Context())[0]
	b.ReportAllocs()
	for b.Loop() {
		if events := poe.Deltas(before, after, 0); len(events) > 0 {
			b.Fatal(events)
		}
	}
}
