package serialcon_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// never is longer than any test.
const never = time.Hour

// kept waits until the log of a slot holds so many bytes.
func kept(t *testing.T, log *writes, n int) {
	t.Helper()
	require.NoError(t, log.Wait(t.Context(), func(b []byte, _ []serialcon.Event) bool { return len(b) >= n }))
}

// Ports that nobody watches are left for long; one that somebody watches is not,
// until he goes.
func TestWhoWatchesIsShownItSoon(t *testing.T) {
	engine := &serialcon.Engine{Coalesce: time.Millisecond, Unwatched: never}
	log, pty, c := startWrites(t, engine)
	say := func(text string) {
		_, err := io.WriteString(pty, text)
		require.NoError(t, err)
	}
	say("1")
	kept(t, log, 1) // the first byte after a pause is read at once; now the long wait begins
	s, err := c.Attach(t.Context(), serialcon.AttachOptions{NoMarks: true})
	require.NoError(t, err)
	buf := make([]byte, 1)
	for n := range 20 {
		say(fmt.Sprint(n % 10))
		_, err := s.Read(buf)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(n%10), string(buf))
	}
	kept(t, log, 21)

	other, err := c.Attach(t.Context(), serialcon.AttachOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	say("x")
	kept(t, log, 22) // somebody still watches
	require.NoError(t, other.Close())
	// Another console of the engine, which is watched, tells how time passes.
	_, pty2, c2 := startWrites(t, engine)
	w, err := c2.Attach(t.Context(), serialcon.AttachOptions{NoMarks: true})
	require.NoError(t, err)
	sweeps := func() {
		for range 20 {
			_, err := pty2.Write([]byte("z"))
			require.NoError(t, err)
			_, err = w.Read(buf)
			require.NoError(t, err)
		}
	}
	sweeps()
	say(strings.Repeat("y", 50))
	sweeps()
	require.Equal(t, 22, len(log.Bytes()), "nobody watches: what comes waits")
	again, err := c.Attach(t.Context(), serialcon.AttachOptions{})
	require.NoError(t, err)
	kept(t, log, 72)
	require.NoError(t, again.Close())
}

// A console is watched by those who attached before its port was open, too.
func TestWhoAttachedBeforeThePortWasOpenIsShownItSoon(t *testing.T) {
	pty, err := serialcontest.OpenPTY()
	require.NoError(t, err)
	defer func() { _ = pty.Close() }()
	log := new(writes)
	c := &serialcon.Console{Name: "c", Port: pty.Opener(), Log: log, Engine: &serialcon.Engine{Coalesce: time.Millisecond, Unwatched: never}}
	s, err := c.Attach(t.Context(), serialcon.AttachOptions{})
	require.NoError(t, err)
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	for n := range 10 {
		_, err = pty.Write([]byte("x"))
		require.NoError(t, err)
		kept(t, log, n+1)
	}
	cancel()
	require.NoError(t, <-ended)
}

// More ports than one look takes: each has its turn, whatever the others say.
func TestManyPortsTakeTurns(t *testing.T) {
	r := newRack(t, &serialcon.Engine{Coalesce: time.Millisecond, Unwatched: 20 * time.Millisecond}, 200)
	var wg sync.WaitGroup
	for i, s := range r.shelf {
		wg.Go(func() {
			text := strings.Repeat(fmt.Sprintf("%04d\n", i), 10)
			for range 20 {
				if _, err := s.pty.Write([]byte(text)); err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for i, s := range r.shelf {
		r.waitBytes(s, 1000)
		require.Equal(t, strings.Repeat(fmt.Sprintf("%04d\n", i), 200), string(s.log.Bytes()))
	}
	// One alone, after all of them talked.
	_, err := r.shelf[77].pty.Write([]byte("alone"))
	require.NoError(t, err)
	r.waitBytes(r.shelf[77], 1005)
}

// However many are watched and typed at, all are read, and when they calm down
// as well.
func TestManyPortsChangeTheirPace(t *testing.T) {
	r := newRack(t, &serialcon.Engine{Coalesce: time.Millisecond, Unwatched: 5 * time.Millisecond}, 80)
	var wg sync.WaitGroup
	for _, s := range r.shelf {
		wg.Go(func() {
			for n := range 20 {
				v, err := s.Attach(r.ctx, serialcon.AttachOptions{Mode: serialcon.ReadWrite})
				if err != nil {
					t.Errorf("Attach: %v", err)
					return
				}
				if n%2 == 0 {
					if _, err := v.Send(r.ctx, []byte("k")); err != nil {
						t.Errorf("Send: %v", err)
					}
				}
				if _, err := s.pty.Write([]byte("x")); err != nil {
					t.Errorf("write: %v", err)
				}
				_ = v.Close()
			}
		})
	}
	wg.Wait()
	for _, s := range r.shelf {
		r.waitBytes(s, 20)
		require.Equal(t, strings.Repeat("x", 20), string(s.log.Bytes()))
	}
}

// Bursts of all sizes through the pipe: each byte once, in order.
func TestBurstsOfEverySize(t *testing.T) {
	for name, e := range map[string]*serialcon.Engine{"engine": {Coalesce: -1}, "portable": nil} {
		t.Run(name, func(t *testing.T) {
			log, pty, _ := startWrites(t, e)
			var want bytes.Buffer
			for n := 1; n <= 1<<17; n *= 2 {
				for _, size := range []int{n - 1, n, n + 1} {
					block := bytes.Repeat([]byte{byte('a' + n%26)}, size)
					want.Write(block)
					_, err := pty.Write(block)
					require.NoError(t, err)
				}
			}
			kept(t, log, want.Len())
			require.True(t, bytes.Equal(want.Bytes(), log.Bytes()))
		})
	}
}

// A log under an engine, from the tty to the file.
func TestAnEngineWithRealLogs(t *testing.T) {
	store := &conlog.Store{Dir: t.TempDir()}
	engine := new(serialcon.Engine)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 8)
	const lines = 300
	for i := range cap(ended) {
		name := string(rune('a' + i))
		pty, err := serialcontest.OpenPTY()
		require.NoError(t, err)
		t.Cleanup(func() { _ = pty.Close() })
		log, err := store.Open(name)
		require.NoError(t, err)
		t.Cleanup(func() { _ = log.Close() })
		c := &serialcon.Console{Name: name, Port: pty.Opener(), Log: log, Engine: engine}
		go func() { ended <- c.Run(ctx) }()
		s, err := c.Attach(ctx, serialcon.AttachOptions{NoMarks: true})
		require.NoError(t, err)
		host := &serialcontest.Host{Name: name}
		for n := range int64(lines) {
			_, err := pty.Write(host.Line(n))
			require.NoError(t, err)
		}
		got := make([]byte, lines*64)
		_, err = io.ReadFull(s, got)
		require.NoError(t, err)
		require.Equal(t, string(host.Line(0)), string(got[:64]))
	}
	cancel()
	for range cap(ended) {
		require.NoError(t, <-ended)
	}
	for i := range cap(ended) {
		name := string(rune('a' + i))
		r, err := store.Reader(name)
		require.NoError(t, err)
		found := 0
		require.NoError(t, r.Search(t.Context(), conlog.Query{Text: name + " 0"}, func(l conlog.Line) error {
			require.True(t, strings.HasPrefix(string(l.Text), name+" "))
			found++
			return nil
		}))
		require.Equal(t, lines, found)
	}
}
