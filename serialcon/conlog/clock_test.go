package conlog_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// wrongClock writes with a wall clock of its own, beside the monotonic one.
type wrongClock struct {
	t   *testing.T
	l   *conlog.Log
	off time.Duration
}

func (c *wrongClock) say(text string) {
	require.NoError(c.t, c.l.Write(time.Now().Round(0).Add(c.off), []byte(text)))
	wait(10 * time.Second)
}

func TestWhichStepsOfTheClockAreMarked(t *testing.T) {
	for _, tt := range []struct {
		step time.Duration
		text string // of the mark; "" is none
	}{
		{0, ""},
		{400 * time.Millisecond, ""},
		{-400 * time.Millisecond, ""},
		{600 * time.Millisecond, "the clock was set on by 600ms"},
		{-600 * time.Millisecond, "the clock was set back by 600ms"},
		{36 * time.Hour, "the clock was set on by 36h0m0s"},
		{-50 * 365 * 24 * time.Hour, "the clock was set back by 438000h0m0s"},
	} {
		t.Run(tt.step.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := folder(t)
				c := &wrongClock{t: t, l: open(t, dir, conlog.Options{})}
				c.say("before\n")
				c.off = tt.step
				c.say("after\n")
				c.say("once\n")
				notes := events(t, dir, serialcon.EventNote)
				if tt.text == "" {
					require.Empty(t, notes)
				} else {
					require.Len(t, notes, 1)
					require.Equal(t, tt.text, notes[0].Text)
					require.Equal(t, tt.step.Milliseconds(), notes[0].N)
				}
				require.Equal(t, "before\nafter\nonce\n", raw(t, dir))
				require.NoError(t, c.l.Close())
			})
		})
	}
}

// A clock that is slewed, as by NTP, is never set: no mark however far it goes
// in the end, since each mark in a segment says where it stands.
func TestASlewedClockIsMarkedOncePerHalfSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := folder(t)
		c := &wrongClock{t: t, l: open(t, dir, conlog.Options{})}
		for range 200 {
			c.say("line\n")
			c.off += 5 * time.Millisecond // 500 ppm over ten seconds
		}
		require.LessOrEqual(t, len(events(t, dir, serialcon.EventNote)), 2)
		require.NoError(t, c.l.Close())
	})
}

// Lines are found by the times that they bear, on both sides of a step, in open
// and in compressed segments.
func TestSearchByTimeOverSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := folder(t)
		c := &wrongClock{t: t, l: open(t, dir, conlog.Options{SegmentSize: 400})}
		begin := time.Now().Round(0)
		offs := []time.Duration{0, -time.Hour, 2 * time.Hour, -24 * time.Hour, 0}
		said := map[string]time.Time{}
		for i, off := range offs {
			c.off = off
			for n := range 10 {
				text := fmt.Sprintf("step %d line %d", i, n)
				said[text] = time.Now().Round(0).Add(off)
				c.say(text + "\n")
			}
		}
		check := func() {
			for _, from := range []time.Duration{-25 * time.Hour, -time.Hour, 0, 50 * time.Second, 2 * time.Hour} {
				for _, length := range []time.Duration{time.Second, 70 * time.Second, time.Hour, 72 * time.Hour} {
					since, until := begin.Add(from), begin.Add(from+length)
					want := map[string]bool{}
					for text, at := range said {
						if !at.Before(since) && at.Before(until) {
							want[text] = true
						}
					}
					got := map[string]bool{}
					require.NoError(t, c.l.Search(t.Context(), conlog.Query{Since: since, Until: until}, func(line conlog.Line) error {
						got[string(line.Text)] = true
						require.Equal(t, said[string(line.Text)].UnixMilli(), line.At.UnixMilli())
						return nil
					}))
					require.Equal(t, want, got, "from %s for %s", from, length)
				}
			}
		}
		check()
		require.NoError(t, c.l.Keep(t.Context()))
		check()
		require.NoError(t, c.l.Close())
	})
}

// A segment is closed by its age on the monotonic clock: a wall clock that is
// set on does not close one, and one that is set back does not keep it open.
func TestAgeIsNotTheWallClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := folder(t)
		c := &wrongClock{t: t, l: open(t, dir, conlog.Options{SegmentAge: time.Hour})}
		c.off = 100 * time.Hour
		c.say("on\n")
		c.off = -100 * time.Hour
		c.say("back\n")
		require.Equal(t, "0000000001.log", names(t, dir))
		wait(time.Hour)
		c.say("next\n")
		require.Equal(t, "0000000001.log 0000000002.log", names(t, dir))
		require.NoError(t, c.l.Close())
	})
}

// Each opening of a log has a monotonic clock of its own.
func TestReplayKnowsWhichClockATimeIsOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := folder(t)
		var sessions []string
		var monos []time.Duration
		for range 3 {
			c := &wrongClock{t: t, l: open(t, dir, conlog.Options{})}
			c.say("a\n")
			c.say("b\n")
			require.NoError(t, c.l.Close())
		}
		require.NoError(t, conlog.Reader{Dir: dir}.Raw(t.Context(), time.Time{}, func(c conlog.Chunk) error {
			sessions, monos = append(sessions, c.Session), append(monos, c.Mono)
			return nil
		}))
		require.Len(t, sessions, 6)
		for i := range 3 {
			require.Equal(t, sessions[2*i], sessions[2*i+1])
			require.Equal(t, 10*time.Second, monos[2*i+1]-monos[2*i])
		}
		require.NotEqual(t, sessions[1], sessions[2])
		require.NotEqual(t, sessions[3], sessions[4])
	})
}

// Times that a stamp of four digits for the year cannot hold.
func TestTimesBeyondAStamp(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	for _, at := range []time.Time{time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(12345, 6, 7, 8, 9, 10, 0, time.UTC)} {
		require.NoError(t, l.Write(at, []byte("x\n")))
	}
	require.Equal(t, "x\nx\n", raw(t, dir))
	require.Len(t, tail(t, dir, 10), 2)
}
