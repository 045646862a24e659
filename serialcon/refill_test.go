package serialcon_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// memory is a log that gives back what it took, and before that what an earlier
// process left.
type memory struct {
	serialcontest.Log
	earlier string

	mu    sync.Mutex
	asked []int
	err   error
	hang  chan struct{} // Recall waits for it, unless it is nil
	then  func()        // while it waits
}

func (m *memory) Taken() int64 { return int64(len(m.Bytes())) }

func (m *memory) Recall(_ context.Context, before int64, n int) ([]byte, error) {
	m.mu.Lock()
	m.asked = append(m.asked, n)
	err, hang, then := m.err, m.hang, m.then
	m.mu.Unlock()
	if then != nil {
		then()
	}
	if hang != nil {
		<-hang
	}
	all := m.earlier + string(m.Bytes()[:before])
	return []byte(all[max(0, len(all)-n):]), err
}

// recalls runs fn with a console whose log is a memory.
func recalls(t *testing.T, m *memory, setup func(c *serialcon.Console), fn func(t *testing.T, l *lab)) {
	t.Helper()
	bubble(t, func(c *serialcon.Console) {
		c.Log = m
		if setup != nil {
			setup(c)
		}
	}, fn)
}

func TestThePastComesFromALogThatHasIt(t *testing.T) {
	m := &memory{earlier: "long ago\r\n"}
	recalls(t, m, nil, func(t *testing.T, l *lab) {
		l.say("one\r\ntwo\r\nthree")
		v := l.attach(serialcon.AttachOptions{History: -1, NoMarks: true})
		require.Equal(t, "long ago\r\none\r\ntwo\r\nthree", v.text(), "also what was said before this process")
		l.say(" four\r\n")
		require.Equal(t, " four\r\n", v.text())
		w := l.attach(serialcon.AttachOptions{History: 15, NoMarks: true})
		require.Equal(t, "three four\r\n", w.text(), "whole lines of so many bytes")
		require.Equal(t, []int{16 << 10}, m.asked, "while somebody watches, memory has it")

		require.NoError(t, v.Close())
		require.NoError(t, w.Close())
		l.say("five\r\n")
		x := l.attach(serialcon.AttachOptions{History: -1, NoMarks: true})
		require.Equal(t, "long ago\r\none\r\ntwo\r\nthree four\r\nfive\r\n", x.text())
		require.Len(t, m.asked, 2)
	})
}

func TestAsMuchOfThePastAsIsAskedFor(t *testing.T) {
	line := strings.Repeat("x", 98) + "\r\n"
	for _, tc := range []struct {
		name             string
		backlog, history int
		asked, shown     int
	}{
		{"none", 0, 0, 16 << 10, 0},
		{"the usual", 0, -1, 16 << 10, 16300},
		{"a little", 0, 250, 16 << 10, 200},
		{"much", 0, 64 << 10, 64 << 10, 65500},
		{"more than the backlog", 32 << 10, 1 << 20, 32 << 10, 32700},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := &memory{earlier: strings.Repeat(line, 2000)}
			recalls(t, m, func(c *serialcon.Console) { c.Backlog = tc.backlog }, func(t *testing.T, l *lab) {
				v := l.attach(serialcon.AttachOptions{History: tc.history, NoMarks: true})
				require.Equal(t, []int{tc.asked}, m.asked)
				text := v.text()
				require.Equal(t, tc.shown, len(text))
				require.Zero(t, len(text)%100, "whole lines")
				l.say("live\r\n")
				require.Equal(t, "live\r\n", v.text())
			})
		})
	}
}

func TestHistoryInMemoryDoesNotAskTheLog(t *testing.T) {
	m := &memory{earlier: "earlier\r\n"}
	recalls(t, m, func(c *serialcon.Console) { c.History = 1024 }, func(t *testing.T, l *lab) {
		l.say("one\r\n")
		require.Equal(t, "one\r\n", l.attach(serialcon.AttachOptions{History: -1, NoMarks: true}).text())
		require.Empty(t, m.asked)
	})
	recalls(t, m, func(c *serialcon.Console) { c.History = -1 }, func(t *testing.T, l *lab) {
		l.say("one\r\n")
		require.Empty(t, l.attach(serialcon.AttachOptions{History: -1, NoMarks: true}).text())
		require.Empty(t, m.asked)
	})
}

// A disk that hangs keeps nobody from the present.
func TestALogThatDoesNotAnswerGivesNoPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{earlier: "earlier\r\n", hang: make(chan struct{})}
		u := new(serialcontest.UART)
		c := &serialcon.Console{Name: "pi", Port: u, Log: m}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		require.NoError(t, u.WaitOpen(ctx))
		began := time.Now()
		s, err := c.Attach(ctx, serialcon.AttachOptions{History: -1, NoMarks: true})
		require.NoError(t, err)
		require.Equal(t, 2*time.Second, time.Since(began))
		v := &viewer{Session: s}
		go v.read()
		u.Say([]byte("live\r\n"))
		require.Equal(t, "live\r\n", v.text())
		close(m.hang)
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestALogThatCannotRecall(t *testing.T) {
	m := &memory{err: errors.New("input/output error")}
	recalls(t, m, nil, func(t *testing.T, l *lab) {
		l.say("one\r\n")
		v := l.attach(serialcon.AttachOptions{History: -1, NoMarks: true})
		v.text()
		l.say("two\r\n")
		require.Equal(t, "two\r\n", v.text())
	})
}

// What comes while the log is asked is behind the past, each byte once.
func TestWhatComesMeanwhileIsNotLost(t *testing.T) {
	for name, size := range map[string]int{"a little": 100, "more than is kept": 300 << 10} {
		t.Run(name, func(t *testing.T) {
			m := &memory{earlier: strings.Repeat("e", 98) + "\r\n"}
			recalls(t, m, nil, func(t *testing.T, l *lab) {
				l.say("one\r\n")
				meanwhile := strings.Repeat(strings.Repeat("m", 98)+"\r\n", size/100)
				m.then = func() {
					for at := 0; at < len(meanwhile); at += 10_000 {
						l.uart.Say([]byte(meanwhile[at:min(at+10_000, len(meanwhile))]))
						_ = l.uart.WaitTaken(t.Context())
					}
					<-time.After(time.Millisecond)
				}
				v := l.attach(serialcon.AttachOptions{History: -1, NoMarks: true})
				m.then = nil
				text := v.text()
				all := m.earlier + "one\r\n" + meanwhile
				require.True(t, strings.HasSuffix(all, text), "%d bytes", len(text))
				if size < 1000 {
					require.Equal(t, all, text)
				}
				l.say("live\r\n")
				require.Equal(t, "live\r\n", v.text())
				require.Equal(t, "one\r\n"+meanwhile+"live\r\n", string(m.Bytes()))
			})
		})
	}
}

func TestTwoAttachAtOnce(t *testing.T) {
	m := &memory{earlier: "earlier\r\n"}
	recalls(t, m, nil, func(t *testing.T, l *lab) {
		l.say("one\r\n")
		m.mu.Lock()
		m.hang = make(chan struct{})
		m.mu.Unlock()
		views := make(chan *viewer, 2)
		for range 2 {
			go func() {
				s, err := l.Attach(t.Context(), serialcon.AttachOptions{History: -1, NoMarks: true})
				if err != nil {
					t.Errorf("Attach: %v", err)
				}
				v := &viewer{Session: s}
				go v.read()
				views <- v
			}()
		}
		synctest.Wait()
		close(m.hang)
		for range 2 {
			require.Equal(t, "earlier\r\none\r\n", (<-views).text())
		}
		l.say("two\r\n")
	})
}

// The commands that show the last lines show those of the log.
func TestTheLastLinesAreThoseOfTheLog(t *testing.T) {
	var earlier strings.Builder
	for range 100 {
		earlier.WriteString("earlier\r\n")
	}
	m := &memory{earlier: earlier.String()}
	recalls(t, m, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{Escape: serialcon.DefaultEscape()})
		v.text()
		l.say("now\r\n")
		v.types(t, "\x05cr")
		text := v.text()
		require.Equal(t, 19, strings.Count(text, "earlier\r\n"), text)
		require.Contains(t, text, "now\r\n")
	})
}

// A log that took nothing for a while does not shift the past.
func TestThePastOfALogWithAHole(t *testing.T) {
	m := new(memory)
	recalls(t, m, nil, func(t *testing.T, l *lab) {
		l.say("one\r\n")
		m.FillAfter(0, errors.New("disk full"))
		l.say("lost\r\n")
		m.Free()
		wait(2 * time.Second)
		l.say("two\r\n")
		v := l.attach(serialcon.AttachOptions{History: -1, NoMarks: true})
		require.Equal(t, "one\r\ntwo\r\n", v.text())
	})
}

// A log that cannot be made durable still takes what the port says.
func TestAFailedSyncOfAPanicLosesNothing(t *testing.T) {
	log := new(stubborn)
	bubble(t, func(c *serialcon.Console) { c.Log = log }, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{})
		l.say("Kernel panic\r\n")
		l.Post(serialcon.Event{Kind: serialcon.EventMatch, Text: "kernel panic"})
		synctest.Wait()
		l.say("and more\r\n")
		require.Equal(t, "Kernel panic\r\nand more\r\n", string(log.Bytes()))
		require.False(t, l.Stats().LogDown)
		require.Contains(t, strings.Join(marks(v.Tag(), v.text()), "\n"), "not durable")
		require.Error(t, l.stop())
		l.stop = func() error { return nil }
	})
}
