package serialcon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func TestTheLoggerIsToldOfEvents(t *testing.T) {
	var b bytes.Buffer
	bubble(t, func(c *serialcon.Console) {
		c.Logger = slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}, func(t *testing.T, l *lab) {
		l.say("never in the operator's log\n")
		l.Post(serialcon.Event{Kind: serialcon.EventMatch, Text: "evil\n\x1b[2J"})
		l.log.FillAfter(0, errors.New("disk full"))
		l.say("x")
		l.uart.Unplug()
		wait(time.Second)
		require.NoError(t, l.stop())
		levels := map[string]string{}
		for line := range strings.Lines(b.String()) {
			var r struct{ Level, Msg, Name, Event string }
			require.NoError(t, json.Unmarshal([]byte(line), &r), line)
			require.Equal(t, "console", r.Msg)
			require.Equal(t, "pi-042", r.Name)
			levels[r.Event] = r.Level
		}
		require.Equal(t, map[string]string{
			"started": "INFO", "opened": "INFO", "match": "DEBUG", "log-failed": "ERROR",
			"closed": "WARN", "open-failed": "WARN", "stopped": "INFO",
		}, levels)
		require.NotContains(t, b.String(), "never in")
	})
}

func TestSmallRings(t *testing.T) {
	for _, tc := range []struct {
		name             string
		history, backlog int
	}{
		{"no history at all", -1, 0},
		{"a history of ten bytes", 10, 0},
		{"a history of a few lines", 1024, 0},
		{"a backlog smaller than the history", 2048, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(c *serialcon.Console) { c.History, c.Backlog = tc.history, tc.backlog }, func(t *testing.T, l *lab) {
				text := strings.Repeat("012345678\n", 1000)
				l.say(text)
				v := l.attach(serialcon.AttachOptions{History: -1, NoMarks: true})
				got := v.text()
				require.LessOrEqual(t, len(got), max(tc.history, 0))
				require.Zero(t, len(got)%10, "whole lines")
				if tc.history > 100 {
					require.Greater(t, len(got), tc.history-20)
				}
				l.say("live\n")
				require.Equal(t, "live\n", v.text())
				require.Equal(t, text+"live\n", string(l.log.Bytes()))
				require.NoError(t, v.Close())
				l.say(text)
				again := l.attach(serialcon.AttachOptions{History: -1, NoMarks: true})
				require.LessOrEqual(t, len(again.text()), max(tc.history, 0), "the viewer's ring is gone with it")
			})
		})
	}
}

func TestSequencesAreFollowedWithoutAHistory(t *testing.T) {
	bubble(t, func(c *serialcon.Console) { c.History = -1 }, func(t *testing.T, l *lab) {
		l.say("\x1b[3")
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite})
		l.say("1mred\r\n")
		require.Contains(t, v.text(), "red")
		require.Zero(t, v.Skipped(), "nothing was skipped that could have been shown")
	})
}

// Whatever a person does and the machine says, in whatever order: the log has
// every byte, at most one session types, and everything ends.
func TestAStorm(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(c *serialcon.Console) { c.Backlog, c.History = 2048, 1024 }, func(t *testing.T, l *lab) {
				r := rand.New(rand.NewPCG(seed, 5)) // a storm that can be had again
				var views []*viewer
				var said strings.Builder
				plugged := true
				for range 300 {
					v := (*viewer)(nil)
					if len(views) > 0 {
						v = views[r.IntN(len(views))]
					}
					switch n := r.IntN(12); {
					case n == 0 || v == nil:
						o := serialcon.AttachOptions{
							Mode: serialcon.Mode(r.IntN(3)), Force: r.IntN(2) == 0, Watch: r.IntN(4) == 0,
							History: r.IntN(3)*500 - 1, NoMarks: r.IntN(2) == 0, Escape: serialcon.DefaultEscape(),
						}
						if r.IntN(3) == 0 {
							views = append(views, l.stalled(o))
						} else {
							views = append(views, l.attach(o))
						}
					case n == 1:
						_ = v.Close()
					case n == 2:
						_ = v.Acquire(r.IntN(2) == 0)
					case n == 3:
						v.Release()
					case n == 4:
						_, _ = v.Write([]byte("\x05c" + string("sfawrp?l0Z"[r.IntN(10)])))
					case n == 5:
						if plugged = !plugged; plugged {
							l.uart.Plug()
						} else {
							l.uart.Unplug()
						}
						wait(time.Second)
					default:
						text := [...]string{"line\r\n", "\x1b[31m", "\x1b]0;x", "\x07", "é", "\xe4", queries, strings.Repeat("x", 900)}[r.IntN(8)]
						if plugged {
							l.say(text)
							said.WriteString(text)
						}
					}
					writers := 0
					for _, x := range l.Viewers() {
						if x.Mode == serialcon.ReadWrite {
							writers++
						}
					}
					require.LessOrEqual(t, writers, 1)
					require.Equal(t, writers == 1, l.Stats().Writer != "")
				}
				require.Equal(t, said.String(), string(l.log.Bytes()))
				for _, v := range views {
					require.NoError(t, v.Close())
				}
				require.Zero(t, l.Stats().Viewers)
				require.Zero(t, l.Stats().Queued)
				require.Empty(t, l.Stats().Writer)
			})
		})
	}
}

func TestAnEngineBeginsAgainAfterItsLastConsole(t *testing.T) {
	engine := new(serialcon.Engine)
	for range 3 {
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		for range 4 {
			u, log := new(serialcontest.UART), new(serialcontest.Log)
			c := &serialcon.Console{Name: "c", Port: u, Log: log, Engine: engine}
			wg.Go(func() {
				if err := c.Run(ctx); err != nil {
					t.Errorf("Run: %v", err)
				}
			})
			require.NoError(t, u.WaitOpen(ctx))
			u.Say([]byte("x"))
			require.NoError(t, log.Wait(ctx, func(b []byte, _ []serialcon.Event) bool { return len(b) == 1 }))
		}
		cancel()
		wg.Wait()
	}
}

// stubborn is a log that cannot be synced.
type stubborn struct{ serialcontest.Log }

func (*stubborn) Sync() error { return errors.New("input/output error") }

func TestRunSaysThatTheLogWasNotSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &serialcon.Console{Name: "pi", Port: new(serialcontest.UART), Log: new(stubborn)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.EqualError(t, c.Run(ctx), "serialcon: sync the log of pi: input/output error")
	})
}

func TestViewersAreJSON(t *testing.T) {
	text, err := json.Marshal(serialcon.Viewer{Who: "alice", Mode: serialcon.ReadWrite})
	require.NoError(t, err)
	require.JSONEq(t, `{"who":"alice","mode":"read-write","since":"0001-01-01T00:00:00Z"}`, string(text))
}
