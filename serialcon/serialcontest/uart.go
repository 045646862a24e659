package serialcontest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// UART is a serial adapter in memory, with a device at its far end. As a
// serialcon.Opener it may be opened by one at a time. Its methods are the
// device's side, the cable and the hand that pulls it. The zero value is
// plugged in. It works in a testing/synctest bubble.
type UART struct {
	// Name is what String returns; "" means "fake uart".
	Name string
	// Buffer is how many bytes wait for a reader before an overrun. Zero means
	// 64 KiB.
	Buffer int
	// Blind makes Await fail, as of a port that cannot tell when it comes back.
	Blind bool

	mu      sync.Mutex
	change  chan struct{} // closed at the next change
	gone    bool
	stopped bool
	port    *uartPort
	opens   int
	in      []byte // waits for a reader
	typed   []byte
	breaks  []time.Duration
	counts  serialcon.Counts
	lines   serialcon.Lines
	notify  func(serialcon.Event)
}

var (
	_ serialcon.Opener     = (*UART)(nil)
	_ serialcon.Awaiter    = (*UART)(nil)
	_ serialcon.Breaker    = (*uartPort)(nil)
	_ serialcon.ModemLines = (*uartPort)(nil)
	_ serialcon.Counters   = (*uartPort)(nil)
	_ serialcon.Notifier   = (*uartPort)(nil)
)

// String is the adapter's name.
func (u *UART) String() string {
	if u.Name == "" {
		return "fake uart"
	}
	return u.Name
}

// changed wakes whoever waits. It is called with mu held.
func (u *UART) changed() {
	if u.change != nil {
		close(u.change)
		u.change = nil
	}
}

// wait returns a channel that the next change closes. It is called with mu held.
func (u *UART) wait() <-chan struct{} {
	if u.change == nil {
		u.change = make(chan struct{})
	}
	return u.change
}

// until returns once ok, called with mu held, is true, or ctx ends.
func (u *UART) until(ctx context.Context, ok func() bool) error {
	for {
		u.mu.Lock()
		if ok() {
			u.mu.Unlock()
			return nil
		}
		change := u.wait()
		u.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Open opens the adapter: fs.ErrNotExist while it is unplugged, fs.ErrExist
// while it is open.
func (u *UART) Open(ctx context.Context) (serialcon.Port, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case u.gone:
		return nil, &fs.PathError{Op: "open", Path: u.String(), Err: fs.ErrNotExist}
	case u.port != nil:
		return nil, &fs.PathError{Op: "open", Path: u.String(), Err: fs.ErrExist}
	}
	u.port = &uartPort{u: u}
	u.opens++
	u.lines.DTR, u.lines.RTS = true, true
	u.changed()
	return u.port, nil
}

// Await returns once the adapter is plugged in.
func (u *UART) Await(ctx context.Context) error {
	if u.Blind {
		return errors.ErrUnsupported
	}
	return u.until(ctx, func() bool { return !u.gone })
}

// Say makes the device send. Bytes beyond Buffer are lost and counted as an
// overrun, and so is what is said while nobody has the port open; while the
// adapter is unplugged they go nowhere. It returns how many were kept.
func (u *UART) Say(p []byte) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.gone || u.port == nil {
		return 0
	}
	limit := u.Buffer
	if limit == 0 {
		limit = 64 << 10
	}
	n := min(len(p), limit-len(u.in))
	u.in = append(u.in, p[:n]...)
	if n < len(p) {
		u.counts.Overrun++
	}
	u.changed()
	return n
}

// Far is the device as a stream: Write says, waiting for room and for the
// port to be open; Read takes what was typed; Close unplugs.
func (u *UART) Far() io.ReadWriteCloser { return far{u} }

// Unplug pulls the adapter out: the open port fails, what waited is lost.
func (u *UART) Unplug() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.gone, u.in, u.port = true, nil, nil
	u.changed()
}

// Plug puts it back.
func (u *UART) Plug() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.gone = false
	u.changed()
}

// Stop makes the device take nothing (flow control), or take it again.
func (u *UART) Stop(stopped bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stopped = stopped
	u.changed()
}

// Fault adds to the error counters.
func (u *UART) Fault(n serialcon.Counts) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.counts.Frame += n.Frame
	u.counts.Parity += n.Parity
	u.counts.Overrun += n.Overrun
	u.counts.Break += n.Break
	u.counts.BufferOverrun += n.BufferOverrun
}

// BreakIn makes the device send a BREAK, which the port tells at once.
func (u *UART) BreakIn() {
	u.mu.Lock()
	u.counts.Break++
	notify := u.notify
	open := u.port != nil
	u.mu.Unlock()
	if notify != nil && open {
		notify(serialcon.Event{Kind: serialcon.EventBreakIn, N: 1})
	}
}

// SetInputs sets CTS, DSR, CD and RI, as the device drives them.
func (u *UART) SetInputs(l serialcon.Lines) {
	u.mu.Lock()
	defer u.mu.Unlock()
	l.DTR, l.RTS = u.lines.DTR, u.lines.RTS
	u.lines = l
}

// Lines are the modem lines now.
func (u *UART) Lines() serialcon.Lines {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.lines
}

// Typed is what was written to the port so far.
func (u *UART) Typed() []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]byte(nil), u.typed...)
}

// Breaks are the BREAKs that were sent to the device.
func (u *UART) Breaks() []time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]time.Duration(nil), u.breaks...)
}

// Opens is how often the port was opened.
func (u *UART) Opens() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.opens
}

// WaitOpen returns once the port is open.
func (u *UART) WaitOpen(ctx context.Context) error {
	return u.until(ctx, func() bool { return u.port != nil })
}

// WaitTaken returns once everything that was said has been read.
func (u *UART) WaitTaken(ctx context.Context) error {
	return u.until(ctx, func() bool { return len(u.in) == 0 })
}

// far is the device's side.
type far struct{ u *UART }

func (f far) Read(p []byte) (int, error) {
	var n int
	err := f.u.until(context.Background(), func() bool {
		n = copy(p, f.u.typed)
		f.u.typed = f.u.typed[n:]
		return n > 0 || f.u.gone || len(p) == 0
	})
	if err == nil && n == 0 && len(p) > 0 {
		err = io.EOF
	}
	return n, err
}

func (f far) Write(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		var gone bool
		_ = f.u.until(context.Background(), func() bool {
			gone = f.u.gone
			return gone || f.u.port != nil && len(f.u.in) < 64<<10
		})
		if gone {
			return total, io.ErrClosedPipe
		}
		n := f.u.Say(p[:min(len(p), 1<<10)])
		total += n
		p = p[n:]
	}
	return total, nil
}

func (f far) Close() error {
	f.u.Unplug()
	return nil
}

// errGone is what a tty says after its adapter was pulled out.
var errGone = errors.New("input/output error: the adapter is gone")

// timedOut is the error of a deadline.
var timedOut = os.ErrDeadlineExceeded
