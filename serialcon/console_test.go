package serialcon_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func TestRunRefusesAConsoleThatCannotWork(t *testing.T) {
	for _, tc := range []struct {
		name string
		c    *serialcon.Console
		want error
	}{
		{"no name", &serialcon.Console{Port: new(serialcontest.UART)}, serialcon.ErrName},
		{"a path", &serialcon.Console{Name: "../../etc/cron.d/x", Port: new(serialcontest.UART)}, serialcon.ErrName},
		{"no port", &serialcon.Console{Name: "pi"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.c.Run(t.Context())
			require.Error(t, err)
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
			}
		})
	}
}

func TestRunTwiceAtOnceIsRefused(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		require.ErrorIs(t, l.Run(t.Context()), serialcon.ErrRunning)
	})
}

func TestAConsoleRunsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, log := new(serialcontest.UART), new(serialcontest.Log)
		c := &serialcon.Console{Name: "pi", Port: u, Log: log}
		for _, text := range []string{"one ", "two"} {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- c.Run(ctx) }()
			require.NoError(t, u.WaitOpen(ctx))
			u.Say([]byte(text))
			synctest.Wait()
			cancel()
			require.NoError(t, <-ended)
		}
		require.Equal(t, "one two", string(log.Bytes()))
		require.Equal(t, 2, log.Syncs())
		require.Equal(t, []string{"started", "opened", "stopped", "started", "opened", "stopped"}, kinds(log.Events()))
	})
}

func TestThePortIsReadThoughNobodyWatches(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		host := &serialcontest.Host{Name: "h", Rate: 11520}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		lines, err := host.Run(ctx, l.uart.Far())
		require.NoError(t, err)
		synctest.Wait()

		v := &serialcontest.Verifier{Name: "h"}
		_, _ = v.Write(l.log.Bytes())
		require.Equal(t, lines, v.Lines, v)
		require.Zero(t, v.Missing+v.Damaged+v.Repeated+v.Foreign, v)
		require.Equal(t, lines*64, l.Stats().BytesIn)
	})
}

// order notes who was called.
type order struct {
	mu    sync.Mutex
	calls []string
}

func (o *order) note(who string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, who)
}

type orderLog struct {
	serialcontest.Log
	order *order
}

func (l *orderLog) Write(at time.Time, p []byte) error {
	l.order.note("log")
	return l.Log.Write(at, p)
}

func TestTheLogComesFirst(t *testing.T) {
	var o order
	bubble(t, func(c *serialcon.Console) {
		c.Log = &orderLog{order: &o}
		c.Screen = &screen{order: &o}
		c.Tap = func(time.Time, []byte) { o.note("tap") }
	}, func(t *testing.T, l *lab) {
		s, err := l.Attach(t.Context(), serialcon.AttachOptions{NoMarks: true})
		require.NoError(t, err)
		go func() {
			if _, err := s.Read(make([]byte, 10)); err == nil {
				o.note("viewer")
			}
		}()
		l.say("x")
		require.Equal(t, "log", o.calls[0])
		require.Equal(t, "screen", o.calls[1])
		require.ElementsMatch(t, []string{"log", "screen", "tap", "viewer"}, o.calls)
	})
}

func TestAnUnplugIsAnEventAndARepluggedPortIsReadAtOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		l.say("before ")
		l.uart.Unplug()
		wait(time.Hour)
		require.False(t, l.Stats().Open)
		l.uart.Plug()
		synctest.Wait()
		require.True(t, l.Stats().Open, "the console waits though it was told")
		l.say("after")

		require.Equal(t, "before after", string(l.log.Bytes()))
		require.Equal(t, []string{"started", "opened", "closed", "open-failed", "opened"}, kinds(l.log.Events()),
			"one failure is told once, however often it is tried")
		closed := pick(l.log.Events(), serialcon.EventClosed)
		require.Contains(t, closed[0].Text, "gone")
	})
}

func TestAPortThatCannotTellIsTriedWithinTwoSeconds(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		l.uart.Blind = true
		l.uart.Unplug()
		wait(time.Hour)
		l.uart.Plug()
		back := time.Now()
		require.NoError(t, l.uart.WaitOpen(t.Context()))
		require.LessOrEqual(t, time.Since(back), 2*time.Second)
	})
}

func TestReopenEndsAWait(t *testing.T) {
	bubble(t, func(c *serialcon.Console) { c.RetryMin, c.RetryMax = time.Hour, time.Hour }, func(t *testing.T, l *lab) {
		l.uart.Blind = true
		l.uart.Unplug()
		synctest.Wait()
		l.uart.Plug()
		synctest.Wait()
		require.False(t, l.Stats().Open)
		l.Reopen()
		synctest.Wait()
		require.True(t, l.Stats().Open)
	})
}

// busy is a device that is always there and never opens.
type busy struct {
	mu    sync.Mutex
	tries int
}

func (*busy) String() string              { return "busy" }
func (*busy) Await(context.Context) error { return nil }
func (b *busy) Open(context.Context) (serialcon.Port, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tries++
	return nil, &fs.PathError{Op: "open", Path: "busy", Err: errors.New("device or resource busy")}
}

func TestADeviceThatIsThereAndDoesNotOpenIsNotSpunOn(t *testing.T) {
	b := new(busy)
	bubble(t, func(c *serialcon.Console) { c.Port = b }, func(t *testing.T, l *lab) {
		wait(100 * time.Second)
		b.mu.Lock()
		defer b.mu.Unlock()
		require.Greater(t, b.tries, 40)
		require.Less(t, b.tries, 120)
	})
}

func TestWhatWasSaidBeforeTheEndIsInTheLog(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		text := strings.Repeat("boot ", 1000)
		l.uart.Say([]byte(text))
		require.NoError(t, l.uart.WaitTaken(t.Context()))
		require.NoError(t, l.stop())
		require.Equal(t, text, string(l.log.Bytes()))
		require.Equal(t, 1, l.log.Syncs())
	})
}

func TestModemLinesAndErrorCountersBecomeEvents(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		l.uart.SetInputs(serialcon.Lines{CTS: true, CD: true})
		wait(1100 * time.Millisecond)
		l.uart.SetInputs(serialcon.Lines{CTS: true})
		l.uart.Fault(serialcon.Counts{Frame: 3, Parity: 2, Overrun: 1, BufferOverrun: 4})
		l.uart.BreakIn()
		wait(1100 * time.Millisecond)

		wait(5 * time.Second)
		lines := l.told(serialcon.EventLines)
		require.Len(t, lines, 2)
		require.Equal(t, "CTS on, CD on", lines[0].Text)
		require.Equal(t, "CD off", lines[1].Text)
		count := map[string]int64{}
		for _, e := range l.told(serialcon.EventFrame, serialcon.EventParity, serialcon.EventOverrun, serialcon.EventBreakIn) {
			count[e.Kind.String()] += e.N
		}
		require.Equal(t, map[string]int64{"frame": 3, "parity": 2, "overrun": 5, "break-in": 1}, count)
		require.Equal(t, kinds(l.log.Events()), kinds(l.told(all()...)))
	})
}

func all() []serialcon.EventKind {
	var out []serialcon.EventKind
	for k := serialcon.EventStarted; k <= serialcon.EventNote; k++ {
		out = append(out, k)
	}
	return out
}

func TestCountersThatWrapAreNotAFlood(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		l.uart.Fault(serialcon.Counts{Frame: ^uint32(0)})
		wait(1100 * time.Millisecond)
		l.uart.Fault(serialcon.Counts{Frame: 2})
		wait(1100 * time.Millisecond)
		frames := l.told(serialcon.EventFrame)
		require.EqualValues(t, 2, frames[len(frames)-1].N)
	})
}
