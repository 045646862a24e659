package serialcon_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func TestManyReadersAndOneWriter(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		w := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
		r := l.attach(serialcon.AttachOptions{Who: "bob"})
		spy := l.attach(serialcon.AttachOptions{Mode: serialcon.Spy, Who: "carol"})
		require.Equal(t, serialcon.ReadWrite, w.Mode())
		require.Equal(t, serialcon.ReadOnly, r.Mode())
		require.Equal(t, serialcon.Spy, spy.Mode())

		w.types(t, "ls\r")
		r.types(t, "rm -rf /\r")
		spy.types(t, "reboot\r")
		require.Equal(t, "ls\r", string(l.uart.Typed()), "only the writer's input goes to the port")
		require.EqualValues(t, 9, r.Dropped())
		require.EqualValues(t, 7, spy.Dropped())
		l.say("bin\r\n")
		for _, v := range []*viewer{w, r, spy} {
			require.Contains(t, v.text(), "bin\r\n")
		}
		require.NoError(t, w.Close())
		for _, v := range []*viewer{r, spy} {
			_, err := v.Send(t.Context(), []byte("x"))
			require.ErrorIs(t, err, serialcon.ErrReadOnly)
			require.ErrorIs(t, v.Break(t.Context(), 0), serialcon.ErrReadOnly)
			require.ErrorIs(t, v.Acquire(true), serialcon.ErrReadOnly)
		}
	})
}

func TestTheWritersPlaceGoesToWhoAskedFirst(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		rw := serialcon.AttachOptions{Mode: serialcon.ReadWrite}
		rw.Who = "alice"
		a := l.attach(rw)
		rw.Who = "bob"
		b := l.attach(rw)
		rw.Who = "carol"
		c := l.attach(rw)
		require.Contains(t, marks(c.Tag(), c.text()), "read-only: alice is typing; you are number 2 in the queue")
		c.types(t, "xy")
		require.EqualValues(t, 2, c.Dropped())
		require.Equal(t, []string{"your input is dropped: somebody else is typing"}, marks(c.Tag(), c.text()))
		c.types(t, "z")
		require.Empty(t, c.text(), "it is told once")

		require.NoError(t, a.Close())
		require.Equal(t, serialcon.ReadWrite, b.Mode())
		require.Contains(t, marks(b.Tag(), b.text()), "you can type")
		require.Contains(t, marks(c.Tag(), c.text()), "bob can type")
		b.Release()
		require.Equal(t, serialcon.ReadWrite, c.Mode())
		require.NoError(t, c.Acquire(false), "to have is to get")
		require.NoError(t, b.Acquire(false))
		require.NoError(t, b.Acquire(false))
		require.Equal(t, 1, l.Stats().Queued)
		b.Release()
		require.NoError(t, c.Close())
		require.Empty(t, l.Stats().Writer, "who gave up waiting gets nothing")
	})
}

func TestATakeOverIsToldToBoth(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		a := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
		b := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "bob", Force: true})
		require.Equal(t, serialcon.ReadOnly, a.Mode())
		require.Equal(t, serialcon.ReadWrite, b.Mode())
		require.Contains(t, marks(a.Tag(), a.text()), "bob took over from alice")
		require.Contains(t, marks(b.Tag(), b.text()), "you can type; you took over from alice")
		logged := pick(l.log.Events(), serialcon.EventTakenOver)
		require.Len(t, logged, 1)
		require.Equal(t, "bob", logged[0].Who)
		require.Equal(t, "alice", logged[0].Text)

		a.types(t, "x")
		require.Empty(t, l.uart.Typed())
		require.NoError(t, b.Close())
		require.Equal(t, serialcon.ReadWrite, a.Mode(), "the place returns to whom it was taken from")
	})
}

func TestWatchDoesNotAskForTheWritersPlace(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Watch: true})
		require.Equal(t, serialcon.ReadOnly, v.Mode())
		require.NoError(t, v.Acquire(false))
		require.Equal(t, serialcon.ReadWrite, v.Mode())
	})
}

func TestASpyIsSeenByNobody(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		esc := serialcon.DefaultEscape()
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice", Escape: esc})
		spy := l.attach(serialcon.AttachOptions{Mode: serialcon.Spy, Who: "mallory", Escape: esc})
		v.types(t, "\x05cw")
		spy.types(t, "\x05cw")
		require.NoError(t, spy.Close())
		require.NotContains(t, v.text(), "mallory")
		for len(v.Events()) > 0 {
			require.NotEqual(t, "mallory", (<-v.Events()).Who)
		}
		logged := pick(l.log.Events(), serialcon.EventAttached)
		require.Equal(t, "mallory", logged[1].Who, "the log knows")
		require.Equal(t, "spy", logged[1].Text)
	})
}

func TestADetachedViewerFreesItsPlace(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := l.Attach(ctx, serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
		require.NoError(t, err)
		v := &viewer{Session: s}
		go v.read()
		other := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "bob"})
		cancel()
		require.True(t, v.ended(), "its Read ends")
		_, err = s.Write([]byte("x"))
		require.ErrorIs(t, err, serialcon.ErrDetached)
		_, err = s.Send(t.Context(), []byte("x"))
		require.ErrorIs(t, err, serialcon.ErrDetached)
		require.ErrorIs(t, s.Acquire(true), serialcon.ErrDetached)
		require.NoError(t, s.Close(), "Close may be called again")
		require.Equal(t, 1, l.Stats().Viewers)
		require.Equal(t, "bob", l.Stats().Writer)
		require.Equal(t, serialcon.ReadWrite, other.Mode())
		drained := 0
		for range s.Events() {
			drained++
		}
		require.NotZero(t, drained, "Events is closed")
		_, err = l.Attach(ctx, serialcon.AttachOptions{})
		require.ErrorIs(t, err, context.Canceled)
	})
}

// A client that vanished leaves its output unread: TCP takes minutes to tell.
func TestAHalfOpenWriterLosesItsPlaceToWhoWaits(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		gone := l.stalled(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "gone", NoMarks: true})
		l.say("hello\r\n")
		wait(time.Hour)
		require.Equal(t, serialcon.ReadWrite, gone.Mode(), "nobody else wants the place")
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
		l.say("more\r\n")
		require.Equal(t, serialcon.ReadOnly, gone.Mode())
		require.Equal(t, serialcon.ReadWrite, v.Mode())
		v.types(t, "x")
		require.Equal(t, "x", string(l.uart.Typed()))
	})
}

func TestAWriterWhoReadsKeepsItsPlace(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		a := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
		l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "bob"})
		for range 100 {
			l.say("line\r\n")
			wait(time.Second)
		}
		wait(time.Hour)
		l.say("line\r\n")
		require.Equal(t, serialcon.ReadWrite, a.Mode())
	})
}

func TestInputWhileThePortIsNotOpen(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite})
		l.uart.Unplug()
		synctest.Wait()
		v.types(t, "lost")
		require.Contains(t, marks(v.Tag(), v.text()), "your input is dropped: the port is not open")
		_, err := v.Send(t.Context(), []byte("x"))
		require.ErrorIs(t, err, serialcon.ErrDown)
		require.ErrorIs(t, v.Break(t.Context(), 0), serialcon.ErrDown)
		l.uart.Plug()
		wait(time.Second)
		v.types(t, "typed")
		require.Equal(t, "typed", string(l.uart.Typed()), "what was typed into the void does not come later")
	})
}

func TestAPortThatTakesNothingHoldsUpNobodyElse(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
		l.uart.Stop(true)
		began := time.Now()
		v.types(t, "stuck")
		require.Equal(t, 10*time.Second, time.Since(began))
		require.Contains(t, marks(v.Tag(), v.text()), "your input is dropped: the port takes nothing")
		go func() { _, _ = io.WriteString(v.Session, "stuck again") }()
		synctest.Wait()
		l.say("still read\r\n")
		require.Contains(t, string(l.log.Bytes()), "still read")
		require.Contains(t, v.text(), "still read")

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := v.Send(ctx, []byte("x"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		began = time.Now()
		require.NoError(t, v.Close())
		synctest.Wait()
		require.Zero(t, time.Since(began))
		w := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite})
		l.uart.Stop(false)
		w.types(t, "free")
		require.Equal(t, "free", string(l.uart.Typed()))
	})
}

func TestABreakHasBounds(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
		other := l.attach(serialcon.AttachOptions{})
		for _, d := range []time.Duration{0, -time.Second, time.Millisecond, 700 * time.Millisecond, time.Hour} {
			require.NoError(t, v.Break(t.Context(), d))
		}
		synctest.Wait()
		ms := time.Millisecond
		require.Equal(t, []time.Duration{500 * ms, 500 * ms, 500 * ms, 700 * ms, 3000 * ms}, l.uart.Breaks())
		sent := pick(l.log.Events(), serialcon.EventBreakSent)
		require.Len(t, sent, 5)
		require.EqualValues(t, 3000, sent[4].N)
		require.Equal(t, "alice", sent[4].Who)
		require.Contains(t, marks(other.Tag(), other.text()), "alice sent a BREAK of 700 ms")
	})
}

// mute is a port that can do no more than a Port must.
type mute struct{ serialcon.Opener }

func (m mute) Open(ctx context.Context) (serialcon.Port, error) {
	p, err := m.Opener.Open(ctx)
	return struct{ serialcon.Port }{p}, err
}

func TestAPortWithoutBreak(t *testing.T) {
	bubble(t, func(c *serialcon.Console) { c.Port = mute{c.Port} }, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite})
		require.ErrorIs(t, v.Break(t.Context(), 0), serialcon.ErrNoBreak)
		require.Empty(t, l.told(serialcon.EventBreakSent))
	})
}

func TestNamesOfViewersAreMadeSafe(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{Who: "eve\x1b[2J\r\n" + strings.Repeat("x", 1000)})
		require.NotContains(t, v.Who(), "\x1b")
		require.NotContains(t, v.Who(), "\n")
		require.Len(t, v.Who(), 64)
		require.Equal(t, "somebody", l.attach(serialcon.AttachOptions{}).Who())
	})
}

func TestAttachRefusesAModeThatIsNone(t *testing.T) {
	c := &serialcon.Console{Name: "pi", Port: new(serialcontest.UART)}
	_, err := c.Attach(t.Context(), serialcon.AttachOptions{Mode: 7})
	require.ErrorContains(t, err, "mode-7")
}

func TestAttachBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(serialcontest.UART)
		c := &serialcon.Console{Name: "pi", Port: u}
		s, err := c.Attach(t.Context(), serialcon.AttachOptions{Mode: serialcon.ReadWrite, NoMarks: true})
		require.NoError(t, err)
		_, err = s.Send(t.Context(), []byte("x"))
		require.ErrorIs(t, err, serialcon.ErrDown)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		require.NoError(t, u.WaitOpen(ctx))
		u.Say([]byte("hello"))
		buf := make([]byte, 5)
		_, err = io.ReadFull(s, buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf))
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestViewersListsThem(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
		l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "bob"})
		l.attach(serialcon.AttachOptions{Mode: serialcon.Spy, Who: "carol"})
		now := time.Now()
		require.Equal(t, []serialcon.Viewer{
			{Who: "alice", Mode: serialcon.ReadWrite, Since: now},
			{Who: "bob", Mode: serialcon.ReadOnly, Queued: 1, Since: now},
			{Who: "carol", Mode: serialcon.Spy, Spy: true, Since: now},
		}, l.Viewers())
	})
}
