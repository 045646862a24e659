package tty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// port is an open tty. The descriptor stays out of the runtime's poller until
// a call has to wait, so that an Engine's sweep is all that it costs.
type port struct {
	path   string
	pty    bool
	counts bool // the driver counts errors: marks of them are not told twice
	parity bool
	gone   chan struct{} // closed with the descriptor

	mu      sync.RWMutex // held for reading while fd is used, for writing to close it
	fd      int
	file    *os.File // owns fd, once it is there
	err     error    // why it is closed
	readBy  time.Time
	writeBy time.Time

	reading  sync.Mutex // guards unmarker
	unmarker unmarker

	told     sync.Mutex // guards what follows
	notify   func(serialcon.Event)
	notes    []serialcon.Event
	breaking sync.Mutex // one BREAK at a time
}

var (
	_ serialcon.Port        = (*port)(nil)
	_ serialcon.Breaker     = (*port)(nil)
	_ serialcon.ModemLines  = (*port)(nil)
	_ serialcon.Counters    = (*port)(nil)
	_ serialcon.Notifier    = (*port)(nil)
	_ serialcon.Pollable    = (*port)(nil)
	_ serialcon.ReadyReader = (*port)(nil)
)

// with calls fn with the descriptor, unless it is closed. fn does not wait.
func (p *port) with(fn func(fd int) error) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.err != nil {
		return p.err
	}
	return fn(p.fd)
}

// polled returns the file by which the runtime waits for the descriptor.
func (p *port) polled() (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	if p.file == nil {
		p.file = os.NewFile(uintptr(p.fd), p.path)
		if err := errors.Join(p.file.SetReadDeadline(p.readBy), p.file.SetWriteDeadline(p.writeBy)); err != nil {
			return p.file, fmt.Errorf("tty: poll %s: %w", p.path, err)
		}
	}
	return p.file, nil
}

// Read waits for bytes.
func (p *port) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	file, err := p.polled()
	if err != nil {
		return 0, err
	}
	p.reading.Lock()
	defer p.reading.Unlock()
	for {
		n, err := file.Read(b)
		n = p.unmark(b[:n])
		if err != nil {
			return n, p.failed("read", err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// ReadReady reads what is there.
func (p *port) ReadReady(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	p.reading.Lock()
	defer p.reading.Unlock()
	err = p.with(func(fd int) (err error) {
		n, err = unix.Read(fd, b)
		return err
	})
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return 0, nil
	case err != nil:
		return 0, p.failed("read", err)
	case n == 0: // hung up: a raw tty has no other end of file
		return 0, p.failed("read", io.EOF)
	}
	return p.unmark(b[:n]), nil
}

// Write waits until the driver has taken all of b.
func (p *port) Write(b []byte) (n int, err error) {
	file, late := p.writer()
	if file == nil && !late {
		n, err = p.writeNow(b)
		if err != nil || n == len(b) {
			return n, err
		}
	}
	if file, err = p.polled(); err != nil {
		return n, err
	}
	more, err := file.Write(b[n:])
	if err != nil {
		err = p.failed("write", err)
	}
	return n + more, err
}

// writer returns the polled file, if there is one yet, and whether the write
// deadline has passed.
func (p *port) writer() (file *os.File, late bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.file, !p.writeBy.IsZero() && !time.Now().Before(p.writeBy)
}

// writeNow writes what the driver takes at once.
func (p *port) writeNow(b []byte) (n int, err error) {
	err = p.with(func(fd int) (err error) {
		n, err = unix.Write(fd, b)
		return err
	})
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return 0, nil
	case err != nil:
		return 0, p.failed("write", err)
	}
	return n, nil
}

// SetReadDeadline ends a Read at a time.
func (p *port) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readBy = t
	if p.err == nil && p.file != nil {
		return p.file.SetReadDeadline(t)
	}
	return p.err
}

// SetWriteDeadline ends a Write at a time.
func (p *port) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writeBy = t
	if p.err == nil && p.file != nil {
		return p.file.SetWriteDeadline(t)
	}
	return p.err
}

// failed closes the port if the device is gone: a descriptor that is kept
// would keep the device's name, and the adapter come back as another.
func (p *port) failed(op string, err error) error {
	if why := p.reason(); why != nil {
		return why
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, unix.EIO), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		err = fmt.Errorf("tty: %s %s: the device is gone: %w", op, p.path, err)
		p.shut(err)
		return err
	}
	return fmt.Errorf("tty: %s %s: %w", op, p.path, err)
}

// reason says why the port is closed; nil is open.
func (p *port) reason() error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.err
}

// drain is how long a Close waits for bytes that were written.
const drain = 200 * time.Millisecond

// Close closes the port. Bytes that the line does not take soon are given up:
// the kernel would wait 30 s for a far end that holds CTS.
func (p *port) Close() error {
	p.drain()
	p.shut(fmt.Errorf("tty: %s: %w", p.path, os.ErrClosed))
	return nil
}

func (p *port) drain() {
	waiting := func() bool {
		n := 0
		err := p.with(func(fd int) (err error) {
			n, err = unix.IoctlGetInt(fd, unix.TIOCOUTQ)
			return err
		})
		return err == nil && n > 0
	}
	for end := time.Now().Add(drain); waiting(); {
		if time.Now().After(end) {
			_ = p.with(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH) })
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// shut closes the descriptor, for a reason. A BREAK ends before it.
func (p *port) shut(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return
	}
	p.err = why
	close(p.gone)
	if !p.pty {
		_ = ioctl(p.fd, unix.TIOCCBRK)
		_ = ioctl(p.fd, unix.TIOCNXCL)
	}
	if p.file != nil {
		_ = p.file.Close()
		return
	}
	_ = unix.Close(p.fd)
}

func ioctl(fd int, request uint) error { return unix.IoctlSetInt(fd, request, 0) }

// Notify says whom to tell of BREAKs and damaged characters.
func (p *port) Notify(fn func(serialcon.Event)) {
	p.told.Lock()
	notes := p.notes
	p.notify, p.notes = fn, nil
	p.told.Unlock()
	for _, e := range notes {
		fn(e)
	}
}

// unmark takes the marks out of b, and tells of them.
func (p *port) unmark(b []byte) int {
	n, m := p.unmarker.unmark(b)
	if m == (marks{}) {
		return n
	}
	p.told.Lock()
	fn := p.notify
	p.told.Unlock()
	if fn == nil {
		return n
	}
	if m.breaks > 0 {
		fn(serialcon.Event{Kind: serialcon.EventBreakIn, At: time.Now(), N: m.breaks})
	}
	if m.errors > 0 && !p.counts {
		kind := serialcon.EventFrame
		if p.parity {
			kind = serialcon.EventParity
		}
		fn(serialcon.Event{Kind: kind, At: time.Now(), N: m.errors})
	}
	return n
}

// SyscallConn gives the descriptor to an Engine.
func (p *port) SyscallConn() (syscall.RawConn, error) { return rawConn{p}, nil }

// rawConn is a port's descriptor. Its owner waits by its own poll.
type rawConn struct{ p *port }

func (r rawConn) Control(fn func(fd uintptr)) error {
	return r.p.with(func(fd int) error {
		fn(uintptr(fd))
		return nil
	})
}

func (r rawConn) Read(fn func(fd uintptr) (done bool)) error { return r.wait(fn, syscall.RawConn.Read) }
func (r rawConn) Write(fn func(fd uintptr) (done bool)) error {
	return r.wait(fn, syscall.RawConn.Write)
}

func (r rawConn) wait(fn func(uintptr) bool, by func(syscall.RawConn, func(uintptr) bool) error) error {
	file, err := r.p.polled()
	if err != nil {
		return err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	return by(raw, fn)
}

// Break holds the line in the BREAK state for a time. However it ends, the
// line does not stay so.
func (p *port) Break(ctx context.Context, d time.Duration) error {
	if p.pty {
		return errors.Join(p.with(func(int) error { return nil }),
			fmt.Errorf("tty: %s: a pseudo-terminal has no BREAK: %w", p.path, errors.ErrUnsupported))
	}
	p.breaking.Lock()
	defer p.breaking.Unlock()
	err := holdBreak(ctx, p.gone, d, func(on bool) error {
		request := uint(unix.TIOCCBRK)
		if on {
			request = unix.TIOCSBRK
		}
		return p.with(func(fd int) error { return ioctl(fd, request) })
	})
	if err != nil {
		return fmt.Errorf("tty: BREAK on %s: %w", p.path, unsupported(err))
	}
	return nil
}
