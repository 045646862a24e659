package conlog

import (
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// maxDrift is by how much the wall clock may run away from the monotonic one
// before it counts as set.
const maxDrift = 500 * time.Millisecond

// clock is a moment on both clocks.
type clock struct {
	wall time.Time     // without a monotonic reading
	mono time.Duration // since Open
}

// elapsed is the monotonic time of at since Open. A time without a monotonic
// reading is taken to be now.
func (l *Log) elapsed(at time.Time) time.Duration {
	if at == at.Round(0) { //nolint:staticcheck // Equal does not see a monotonic reading
		return time.Since(l.opened)
	}
	return at.Sub(l.opened)
}

// checkClock marks that the wall clock was set, if it was.
func (l *Log) checkClock(at time.Time) {
	mono := l.elapsed(at)
	step := at.Round(0).Sub(l.clock.wall) - (mono - l.clock.mono)
	if step.Abs() <= maxDrift {
		return
	}
	l.markClock(at, step)
	way := "on"
	if step < 0 {
		way = "back"
	}
	l.note(serialcon.Event{Kind: serialcon.EventNote, At: at, Who: "conlog", N: step.Milliseconds(),
		Text: "the clock was set " + way + " by " + step.Abs().Round(time.Millisecond).String()})
}

// markClock adds both clocks to the next write.
func (l *Log) markClock(at time.Time, step time.Duration) {
	l.clock = clock{wall: at.Round(0), mono: l.elapsed(at)}
	mark := clockMark{Session: l.session, Mono: int64(l.clock.mono), Step: step.Milliseconds()}
	if marks, err := l.stamp.json(l.marks, at, kindClock, mark); err == nil {
		l.marks = marks
	}
}
