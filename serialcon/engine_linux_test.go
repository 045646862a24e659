package serialcon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// rack is consoles on pseudo-terminals that share an engine.
type rack struct {
	t      *testing.T
	ctx    context.Context
	engine *serialcon.Engine
	shelf  []*slot
}

type slot struct {
	*serialcon.Console
	pty *serialcontest.PTY
	log *serialcontest.Log
}

func newRack(t *testing.T, e *serialcon.Engine, n int) *rack {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	r := &rack{t: t, ctx: ctx, engine: e}
	var wg sync.WaitGroup
	for i := range n {
		s := &slot{log: new(serialcontest.Log)}
		var err error
		s.pty, err = serialcontest.OpenPTY()
		require.NoError(t, err)
		s.Console = &serialcon.Console{Name: fmt.Sprintf("c%04d", i), Port: s.pty.Opener(), Log: s.log, Engine: e}
		r.shelf = append(r.shelf, s)
		wg.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		for _, s := range r.shelf {
			_ = s.pty.Close()
		}
	})
	for _, s := range r.shelf {
		r.waitEvent(s, serialcon.EventOpened)
	}
	return r
}

func (r *rack) waitEvent(s *slot, kind serialcon.EventKind) {
	r.t.Helper()
	require.NoError(r.t, s.log.Wait(r.ctx, func(_ []byte, events []serialcon.Event) bool {
		return len(pick(events, kind)) > 0
	}))
}

func (r *rack) waitBytes(s *slot, n int) {
	r.t.Helper()
	require.NoError(r.t, s.log.Wait(r.ctx, func(b []byte, _ []serialcon.Event) bool { return len(b) >= n }))
}

func TestTheEngineReadsManyPortsWithoutAThreadEach(t *testing.T) {
	before := threads(t)
	r := newRack(t, new(serialcon.Engine), 64)
	const lines = 200
	var wg sync.WaitGroup
	for _, s := range r.shelf {
		wg.Go(func() {
			host := &serialcontest.Host{Name: s.Name}
			for n := range int64(lines) {
				if _, err := s.pty.Write(host.Line(n)); err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for _, s := range r.shelf {
		r.waitBytes(s, lines*64)
		v := &serialcontest.Verifier{Name: s.Name}
		_, _ = v.Write(s.log.Bytes())
		require.EqualValues(t, lines, v.Lines, "%s: %s", s.Name, v)
		require.Zero(t, v.Missing+v.Damaged+v.Repeated+v.Foreign, "%s: %s", s.Name, v)
	}
	require.Less(t, threads(t)-before, 16)
}

func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	return len(tasks)
}

// A select(2) over descriptors cannot pass 1023.
func TestDescriptorsBeyond1023(t *testing.T) {
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if limit.Cur < 1200 {
		limit.Cur = min(limit.Max, 1200)
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	}
	require.GreaterOrEqual(t, limit.Cur, uint64(1200), "the limit of open files is too low to try")
	for {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		t.Cleanup(func() { _ = unix.Close(fd) })
		if fd >= 1024 {
			break
		}
	}
	for _, e := range []*serialcon.Engine{new(serialcon.Engine), nil} {
		r := newRack(t, e, 1)
		_, err := r.shelf[0].pty.Write([]byte("beyond"))
		require.NoError(t, err)
		r.waitBytes(r.shelf[0], 6)
		s, err := r.shelf[0].Attach(t.Context(), serialcon.AttachOptions{Mode: serialcon.ReadWrite})
		require.NoError(t, err)
		_, err = s.Send(r.ctx, []byte("typed"))
		require.NoError(t, err)
		buf := make([]byte, 16)
		n, err := r.shelf[0].pty.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "typed", string(buf[:n]))
	}
}

// writes counts the bursts that a log is given.
type writes struct {
	serialcontest.Log
	n atomic.Int64
}

func (w *writes) Write(at time.Time, p []byte) error {
	w.n.Add(1)
	return w.Log.Write(at, p)
}

// trickle is a Pollable whose bytes come at the test's word.
func startWrites(t *testing.T, e *serialcon.Engine) (*writes, *serialcontest.PTY, *serialcon.Console) {
	t.Helper()
	pty, err := serialcontest.OpenPTY()
	require.NoError(t, err)
	log := new(writes)
	c := &serialcon.Console{Name: "c", Port: pty.Opener(), Log: log, Engine: e}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		_ = pty.Close()
	})
	require.NoError(t, log.Wait(t.Context(), func(_ []byte, events []serialcon.Event) bool {
		return len(pick(events, serialcon.EventOpened)) > 0
	}))
	return log, pty, c
}

// With a long sweep, what comes within it is one burst; with none, what is
// waited for comes alone.
func TestBurstsCoalesce(t *testing.T) {
	log, pty, _ := startWrites(t, &serialcon.Engine{Coalesce: 300 * time.Millisecond})
	say := func(n int) {
		for range n {
			_, err := pty.Write([]byte("x"))
			require.NoError(t, err)
		}
	}
	say(1)
	require.NoError(t, log.Wait(t.Context(), func(b []byte, _ []serialcon.Event) bool { return len(b) == 1 }))
	say(200)
	require.NoError(t, log.Wait(t.Context(), func(b []byte, _ []serialcon.Event) bool { return len(b) == 201 }))
	require.LessOrEqual(t, log.n.Load(), int64(20))
}

// An hour between sweeps, and yet somebody who types sees the answer.
func TestWhoTypesIsAnsweredAtOnce(t *testing.T) {
	log, pty, c := startWrites(t, &serialcon.Engine{Coalesce: time.Hour})
	s, err := c.Attach(t.Context(), serialcon.AttachOptions{Mode: serialcon.ReadWrite, NoMarks: true})
	require.NoError(t, err)
	_, err = pty.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, log.Wait(t.Context(), func(b []byte, _ []serialcon.Event) bool { return len(b) == 1 }))
	n, err := s.Read(make([]byte, 1)) // it may have come after the log
	require.NoError(t, err)
	require.Equal(t, 1, n)
	for _, key := range []string{"l", "s", "\r"} {
		_, err = s.Write([]byte(key))
		require.NoError(t, err)
		buf := make([]byte, 1)
		_, err = pty.Read(buf)
		require.NoError(t, err)
		_, err = pty.Write(buf)
		require.NoError(t, err)
		n, err := s.Read(buf)
		require.NoError(t, err)
		require.Equal(t, key, string(buf[:n]))
	}
}

func TestTheEngineSeesAHangUpAndReadsThePortAgain(t *testing.T) {
	r := newRack(t, new(serialcon.Engine), 2)
	gone, stays := r.shelf[0], r.shelf[1]
	require.NoError(t, gone.pty.Close())
	r.waitEvent(gone, serialcon.EventClosed)
	require.False(t, gone.Stats().Open)
	_, err := stays.pty.Write([]byte("still here"))
	require.NoError(t, err)
	r.waitBytes(stays, 10)
}

// swap is an Opener whose pseudo-terminal changes, as a replugged adapter's.
type swap struct {
	mu  sync.Mutex
	pty *serialcontest.PTY
}

func (s *swap) String() string { return "swap" }

func (s *swap) Open(ctx context.Context) (serialcon.Port, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pty.Opener().Open(ctx)
}

func (s *swap) replace(t *testing.T) *serialcontest.PTY {
	t.Helper()
	next, err := serialcontest.OpenPTY()
	require.NoError(t, err)
	s.mu.Lock()
	old := s.pty
	s.pty = next
	s.mu.Unlock()
	if old != nil {
		require.NoError(t, old.Close())
	}
	return next
}

func TestReplugsUnderTheEngineLeakNothing(t *testing.T) {
	for name, engine := range map[string]*serialcon.Engine{"engine": new(serialcon.Engine), "portable": nil} {
		t.Run(name, func(t *testing.T) {
			o := new(swap)
			pty := o.replace(t)
			log := new(serialcontest.Log)
			c := &serialcon.Console{
				Name: "c", Port: o, Log: log, Engine: engine,
				RetryMin: time.Millisecond, RetryMax: time.Millisecond,
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- c.Run(ctx) }()
			var want strings.Builder
			var base int
			for i := range 40 {
				_, err := pty.Write([]byte("x"))
				require.NoError(t, err)
				want.WriteString("x")
				require.NoError(t, log.Wait(ctx, func(b []byte, _ []serialcon.Event) bool { return string(b) == want.String() }))
				if i == 5 {
					base = openFiles(t)
				}
				pty = o.replace(t)
			}
			_, err := pty.Write([]byte("y"))
			require.NoError(t, err)
			require.NoError(t, log.Wait(ctx, func(b []byte, _ []serialcon.Event) bool { return bytes.HasSuffix(b, []byte("y")) }))
			require.LessOrEqual(t, openFiles(t), base+1, "each replug leaves a descriptor open")
			cancel()
			require.NoError(t, <-ended)
			require.NoError(t, pty.Close())
		})
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(fds)
}

// A flood on one port must not starve the others.
func TestAFloodStarvesNobody(t *testing.T) {
	r := newRack(t, new(serialcon.Engine), 4)
	ctx, cancel := context.WithCancel(r.ctx)
	var wg sync.WaitGroup
	for _, s := range r.shelf[1:] {
		wg.Go(func() {
			host := &serialcontest.Host{Name: s.Name}
			_, _ = host.Run(ctx, s.pty)
		})
		r.waitBytes(s, 1<<20)
	}
	_, err := r.shelf[0].pty.Write([]byte("quiet"))
	require.NoError(t, err)
	r.waitBytes(r.shelf[0], 5)
	cancel()
	wg.Wait()
	for _, s := range r.shelf[1:] {
		v := &serialcontest.Verifier{Name: s.Name}
		_, _ = v.Write(s.log.Bytes())
		require.Zero(t, v.Missing+v.Damaged, "%s: %s", s.Name, v)
	}
}

// decoder is a Pollable whose bytes need work.
type decoder struct {
	serialcon.Port
	conn syscall.Conn
}

func (d *decoder) SyscallConn() (syscall.RawConn, error) { return d.conn.SyscallConn() }

func (d *decoder) ReadReady(p []byte) (n int, err error) {
	raw, err := d.conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := raw.Control(func(fd uintptr) { n, err = unix.Read(int(fd), p) })
	if errors.Is(err, unix.EAGAIN) {
		return 0, nil
	}
	n = copy(p, bytes.ToUpper(p[:max(n, 0)]))
	return n, errors.Join(err, cerr)
}

type decoding struct{ serialcon.Opener }

func (o decoding) Open(ctx context.Context) (serialcon.Port, error) {
	p, err := o.Opener.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &decoder{p, p.(syscall.Conn)}, nil
}

func TestTheEngineLetsAPortDecode(t *testing.T) {
	pty, err := serialcontest.OpenPTY()
	require.NoError(t, err)
	defer func() { _ = pty.Close() }()
	log := new(serialcontest.Log)
	c := &serialcon.Console{Name: "c", Port: decoding{pty.Opener()}, Log: log, Engine: new(serialcon.Engine)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	_, err = pty.Write([]byte("upper"))
	require.NoError(t, err)
	require.NoError(t, log.Wait(ctx, func(b []byte, _ []serialcon.Event) bool { return string(b) == "UPPER" }))
	cancel()
	require.NoError(t, <-ended)
}

// A port that cannot be polled is read by a goroutine, in the same engine.
func TestTheEngineTakesOtherPortsToo(t *testing.T) {
	u, log := new(serialcontest.UART), new(serialcontest.Log)
	c := &serialcon.Console{Name: "c", Port: u, Log: log, Engine: new(serialcon.Engine)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	require.NoError(t, u.WaitOpen(ctx))
	u.Say([]byte("hello"))
	require.NoError(t, log.Wait(ctx, func(b []byte, _ []serialcon.Event) bool { return string(b) == "hello" }))
	cancel()
	require.NoError(t, <-ended)
}

// The engine keeps reading while a log hangs, up to its bound.
func TestAHungLogUnderTheEngine(t *testing.T) {
	r := newRack(t, &serialcon.Engine{Queue: 64 << 10}, 1)
	s := r.shelf[0]
	s.log.Hang(true)
	block := []byte(strings.Repeat("x", 1024))
	const blocks = 1024
	for range blocks {
		_, err := s.pty.Write(block)
		require.NoError(t, err, "the port is not read")
	}
	s.log.Hang(false)
	lost := func(events []serialcon.Event) (n int64) {
		for _, e := range pick(events, serialcon.EventGap) {
			n += e.N
		}
		return n
	}
	require.NoError(t, s.log.Wait(r.ctx, func(b []byte, events []serialcon.Event) bool {
		return int64(len(b))+lost(events) == blocks*1024
	}), "every byte is in the log or counted")
	require.NotZero(t, lost(s.log.Events()))
}
