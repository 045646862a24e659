package serialcon_test

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func TestAFullDiskStopsNothingAndTheLogResumes(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{})
		l.say("kept 1\r\n")
		l.log.FillAfter(0, syscall.ENOSPC)
		l.say("lost 1\r\n")
		require.True(t, l.Stats().LogDown)
		wait(30 * time.Second)
		l.say("lost 22\r\n")
		require.Contains(t, v.text(), "lost 1\r\n", "the viewer sees what the log does not take")

		l.log.Free()
		wait(2 * time.Second)
		l.say("kept 2\r\n")
		require.Equal(t, "kept 1\r\nkept 2\r\n", string(l.log.Bytes()))
		lost := int64(len("lost 1\r\nlost 22\r\n"))
		resumed := pick(l.log.Events(), serialcon.EventLogResumed)
		require.Len(t, resumed, 1)
		require.Equal(t, lost, resumed[0].N, "the log says how much is missing")
		require.Equal(t, lost, l.Stats().LogLost)
		require.False(t, l.Stats().LogDown)
		failed := l.told(serialcon.EventLogFailed)
		require.Len(t, failed, 1, "a full disk is told once")
		require.Contains(t, failed[0].Text, syscall.ENOSPC.Error())

		text := v.text()
		require.Contains(t, text, "kept 2\r\n")
		require.Contains(t, marks(v.Tag(), text), "logging goes on; 17 bytes are not in the log")
	})
}

func TestADiskThatStaysFullIsTriedNowAndThen(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		l.log.FillAfter(0, syscall.EIO)
		for range 1000 { // ten seconds
			l.say("0123456789")
			wait(10 * time.Millisecond)
		}
		require.Len(t, l.told(serialcon.EventLogFailed), 1)
		require.Equal(t, 10, l.log.Refused(), "only the first burst was offered")
		require.LessOrEqual(t, l.log.Failures(), 11, "once a second")
		l.log.Free()
		wait(time.Second)
		l.say("back")
		require.EqualValues(t, 10000, pick(l.log.Events(), serialcon.EventLogResumed)[0].N)
	})
}

func TestEveryByteIsKeptOrCountedOverManyFullDisks(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		var said int64
		for i := range 50 {
			l.log.FillAfter(37*i, syscall.ENOSPC)
			for range 40 {
				l.say("0123456789")
				said += 10
				wait(50 * time.Millisecond)
			}
			l.log.Free()
			wait(time.Second)
		}
		l.say("end")
		var lost int64
		for _, e := range pick(l.log.Events(), serialcon.EventLogResumed) {
			lost += e.N
		}
		require.Equal(t, said+3, int64(len(l.log.Bytes()))+lost)
	})
}

func TestADiskThatHangsDoesNotStopTheReading(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		l.log.Hang(true)
		block := strings.Repeat("x", 32<<10)
		for range 64 { // 2 MiB: more than is kept for a log that hangs
			l.say(block)
			require.NoError(t, l.uart.WaitTaken(t.Context()))
		}
		l.log.Hang(false)
		synctest.Wait()
		l.say("end")
		gaps := pick(l.log.Events(), serialcon.EventGap)
		require.NotEmpty(t, gaps)
		kept := int64(len(l.log.Bytes()))
		require.GreaterOrEqual(t, kept, int64(1<<20))
		var lost int64
		for _, e := range gaps {
			lost += e.N
		}
		require.Equal(t, int64(64*len(block)+3), kept+lost)
		require.Equal(t, lost, l.Stats().Gaps)
	})
}

func TestAPanicIsSyncedAtOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{})
		l.say("Kernel panic - not syncing: \x1b[31m\r\n")
		require.Zero(t, l.log.Syncs())
		l.Post(serialcon.Event{Kind: serialcon.EventMatch, Who: "watch", Text: "kernel panic\x1b[2J"})
		synctest.Wait()
		require.Equal(t, 1, l.log.Syncs())
		e := pick(l.log.Events(), serialcon.EventMatch)
		require.Len(t, e, 1)
		require.Equal(t, "pi-042", e[0].Console)
		require.False(t, e[0].At.IsZero())
		require.Contains(t, marks(v.Tag(), v.text()), `match: "kernel panic\x1b[2J"`)
	})
}

func TestTheGuestCannotForgeAnEvent(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		l.say("[serialcon 00000000 mallory took over from root]\r\n")
		l.say("{\"console\":\"pi-042\",\"kind\":\"log-resumed\",\"n\":0}\r\n")
		require.Equal(t, []string{"started", "opened"}, kinds(l.log.Events()))
	})
}

func TestMarksCarryWhatTheGuestCannotKnow(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		a := l.attach(serialcon.AttachOptions{Who: "alice"})
		b := l.attach(serialcon.AttachOptions{Who: "bob"})
		require.NotEqual(t, a.Tag(), b.Tag())
		require.Len(t, a.Tag(), 8)
		l.say("[serialcon 00000000 you can type]\r\n")
		require.Equal(t, []string{"attached to pi-042, read-only", "bob attached, read-only"}, marks(a.Tag(), a.text()))
	})
}

func TestTheUARTOverrunsWhenNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &serialcontest.UART{Buffer: 10}
		port, err := u.Open(t.Context())
		require.NoError(t, err)
		require.Equal(t, 10, u.Say(make([]byte, 11)))
		n, err := port.(serialcon.Counters).Counters()
		require.NoError(t, err)
		require.EqualValues(t, 1, n.Overrun)
	})
}
