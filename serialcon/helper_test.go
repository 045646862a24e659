package serialcon_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// lab is a console on a fake UART, running in a synctest bubble.
type lab struct {
	*serialcon.Console
	t    *testing.T
	uart *serialcontest.UART
	log  *serialcontest.Log
	stop func() error // ends Run and returns its error

	mu     sync.Mutex
	events []serialcon.Event
}

// bubble runs fn with a console that runs and whose port is open.
func bubble(t *testing.T, setup func(c *serialcon.Console), fn func(t *testing.T, l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, uart: new(serialcontest.UART), log: new(serialcontest.Log)}
		l.Console = &serialcon.Console{Name: "pi-042", Port: l.uart, Log: l.log}
		l.Notify = func(e serialcon.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.events = append(l.events, e)
		}
		if setup != nil {
			setup(l.Console)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		l.stop = sync.OnceValue(func() error { cancel(); return <-ended })
		synctest.Wait()
		fn(t, l)
		require.NoError(t, l.stop())
	})
}

// say makes the device send, and returns when that has gone everywhere.
func (l *lab) say(text string) {
	l.t.Helper()
	require.Equal(l.t, len(text), l.uart.Say([]byte(text)), "the uart's buffer is full")
	synctest.Wait()
}

// told are the events of some kinds, or of all.
func (l *lab) told(kinds ...serialcon.EventKind) []serialcon.Event {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return pick(l.events, kinds...)
}

func pick(events []serialcon.Event, kinds ...serialcon.EventKind) []serialcon.Event {
	var out []serialcon.Event
	for _, e := range events {
		for _, k := range kinds {
			if e.Kind == k {
				out = append(out, e)
			}
		}
	}
	return out
}

func kinds(events []serialcon.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Kind.String())
	}
	return out
}

// viewer reads a session to its end.
type viewer struct {
	*serialcon.Session
	mu  sync.Mutex
	got bytes.Buffer
	err error
}

// attach adds a viewer that reads all the time.
func (l *lab) attach(o serialcon.AttachOptions) *viewer {
	l.t.Helper()
	v := l.stalled(o)
	go v.read()
	synctest.Wait()
	return v
}

// stalled adds one that does not read until read is called.
func (l *lab) stalled(o serialcon.AttachOptions) *viewer {
	l.t.Helper()
	s, err := l.Attach(l.t.Context(), o)
	require.NoError(l.t, err)
	synctest.Wait()
	return &viewer{Session: s}
}

func (v *viewer) read() {
	buf := make([]byte, 4096)
	for {
		n, err := v.Session.Read(buf)
		v.mu.Lock()
		v.got.Write(buf[:n])
		v.err = err
		v.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// text is what the viewer was shown, and forgets it.
func (v *viewer) text() string {
	synctest.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	defer v.got.Reset()
	return v.got.String()
}

func (v *viewer) ended() bool {
	synctest.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	return errors.Is(v.err, io.EOF)
}

func (v *viewer) types(t *testing.T, text string) {
	t.Helper()
	n, err := io.WriteString(v.Session, text)
	require.NoError(t, err)
	require.Equal(t, len(text), n)
	synctest.Wait()
}

// marks are the marks in a stream, without their brackets.
func marks(tag, text string) []string {
	var out []string
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, "[serialcon "+tag+" ")
		if !ok {
			return out
		}
		var m string
		m, rest, _ = strings.Cut(after, "]\r\n")
		out = append(out, m)
	}
}

// wait lets the bubble's clock advance.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// screen is a Screen that keeps everything.
type screen struct {
	order *order
	got   []byte
}

func (s *screen) Write(p []byte) {
	s.got = append(s.got, p...)
	if s.order != nil {
		s.order.note("screen")
	}
}

func (s *screen) Text() string { return string(s.got) }

func (s *screen) Replay(w io.Writer) error {
	_, err := io.WriteString(w, "<picture of "+string(s.got)+">")
	return err
}
