package serialcon

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A sweep reads many descriptors. Those in calm are looked at once in a while,
// those in hot, to which somebody types, as soon as they have something. The
// set hot is itself a member of calm, so that one wait covers all.
type sweep struct {
	pipe     *pipe
	coalesce time.Duration
	calm     int // epoll sets
	hot      int
	bell     int // an eventfd in hot: there are orders, or the end
	buf      []byte

	// Belong to run.
	lines  map[int32]*line
	lastID int32
	heated int
	took   bool // a calm line had something in this sweep

	mu     sync.Mutex // guards what follows
	orders []func()
	closed bool
	ended  chan struct{}
}

// A line is a port in a sweep.
type line struct {
	c      *Console
	raw    syscall.RawConn
	ready  ReadyReader // nil: the descriptor is read
	id     int32
	failed chan error
	until  time.Time // hot until then; zero is calm

	// What the function readFD reads into, and what became of it.
	buf    []byte
	n      int
	err    error
	readFD func(fd uintptr)
}

// The identities of members that are no lines.
const (
	idHot  = -1
	idBell = -2
)

// maxPerSweep is how much of one port is read before the others have a turn.
const maxPerSweep = 64 << 10

func newSweep(p *pipe, coalesce time.Duration) (_ *sweep, err error) {
	w := &sweep{
		pipe: p, coalesce: coalesce, calm: -1, hot: -1, bell: -1,
		buf: make([]byte, 16<<10), lines: map[int32]*line{}, ended: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			w.closeAll()
			err = fmt.Errorf("serialcon: start the engine: %w", err)
		}
	}()
	if w.calm, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if w.hot, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if w.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, err
	}
	if err = epollAdd(w.calm, w.hot, idHot); err != nil {
		return nil, err
	}
	return w, epollAdd(w.hot, w.bell, idBell)
}

func epollAdd(set, fd int, id int32) error {
	return unix.EpollCtl(set, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: id})
}

func (w *sweep) closeAll() {
	for _, fd := range []int{w.calm, w.hot, w.bell} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// order makes run call fn. It reports false when run has ended.
func (w *sweep) order(fn func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.orders = append(w.orders, fn)
	w.ring()
	return true
}

// ring wakes run. It is called with mu held: the eventfd is open.
func (w *sweep) ring() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(w.bell, one[:]) // full is rung as well
}

func (w *sweep) close() {
	w.mu.Lock()
	w.closed = true
	w.ring()
	w.mu.Unlock()
	<-w.ended
	w.closeAll()
}

// run sweeps until close.
func (w *sweep) run() {
	defer close(w.ended)
	events := make([]unix.EpollEvent, 512)
	for {
		w.took = false
		more := w.look(w.calm, events, -1)
		if !w.obey() {
			return
		}
		w.cool()
		if more || !w.took {
			continue
		}
		for next := time.Now().Add(w.coalesce); ; {
			left := time.Until(next)
			if left <= 0 {
				break
			}
			w.look(w.hot, events, int((left+time.Millisecond-1)/time.Millisecond))
			if !w.obey() {
				return
			}
		}
	}
}

// obey does what was ordered, and reports whether to go on.
func (w *sweep) obey() bool {
	w.mu.Lock()
	orders := w.orders
	w.orders = nil
	closed := w.closed
	w.mu.Unlock()
	for _, fn := range orders {
		fn()
	}
	return !closed
}

// look waits for a set and reads what is ready in it. It reports whether there
// is more than it took.
func (w *sweep) look(set int, events []unix.EpollEvent, ms int) (more bool) {
	n, err := unix.EpollWait(set, events, ms)
	if err != nil {
		return errors.Is(err, unix.EINTR) && ms < 0
	}
	at := time.Now()
	for _, e := range events[:n] {
		switch e.Fd {
		case idBell:
			var b [8]byte
			_, _ = unix.Read(w.bell, b[:])
		case idHot:
			more = w.look(w.hot, make([]unix.EpollEvent, 64), 0) || more
		default:
			if l := w.lines[e.Fd]; l != nil {
				more = w.read(l, at) || more
			}
		}
	}
	return more || n == len(events)
}

// read takes what a port has. It reports whether the port has more.
func (w *sweep) read(l *line, at time.Time) (more bool) {
	for total := 0; total < maxPerSweep; {
		n, err := l.read(w.buf)
		if n > 0 {
			w.pipe.put(l.c, at, w.buf[:n])
			w.took = w.took || l.until.IsZero()
		}
		if err != nil {
			w.drop(l)
			l.failed <- err
			return false
		}
		if total += n; n < 1024 { // a tty gives at most a page at a time
			return false
		}
	}
	return true
}

func (l *line) read(buf []byte) (int, error) {
	if l.ready != nil {
		return l.ready.ReadReady(buf)
	}
	l.buf, l.n, l.err = buf, 0, nil
	if err := l.raw.Control(l.readFD); err != nil {
		return 0, err
	}
	return l.n, l.err
}

// fromFD is one read of the descriptor, which does not wait.
func (l *line) fromFD(fd uintptr) {
	n, err := unix.Read(int(fd), l.buf)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
	case err != nil:
		l.err = err
	case n == 0:
		l.err = io.EOF
	default:
		l.n = n
	}
}

// add takes a line into the calm set.
func (w *sweep) add(l *line) error {
	for w.lastID++; w.lastID < 0 || w.lines[w.lastID] != nil; w.lastID++ {
		w.lastID = max(w.lastID, 0)
	}
	l.id = w.lastID
	if err := l.move(-1, w.calm); err != nil {
		return err
	}
	w.lines[l.id] = l
	return nil
}

// move takes the descriptor out of one epoll set and into another; -1 is none.
func (l *line) move(from, to int) error {
	var inner error
	err := l.raw.Control(func(fd uintptr) {
		if from >= 0 {
			inner = unix.EpollCtl(from, unix.EPOLL_CTL_DEL, int(fd), nil)
		}
		if to >= 0 {
			inner = epollAdd(to, int(fd), l.id)
		}
	})
	return errors.Join(err, inner)
}

func (w *sweep) set(l *line) int {
	if l.until.IsZero() {
		return w.calm
	}
	return w.hot
}

// drop forgets a line, whatever state its descriptor is in.
func (w *sweep) drop(l *line) {
	if w.lines[l.id] != l {
		return
	}
	_ = l.move(w.set(l), -1)
	if !l.until.IsZero() {
		w.heated--
	}
	delete(w.lines, l.id)
}

// heat makes a line be read at once, for some time.
func (w *sweep) heat(l *line) {
	if w.lines[l.id] != l {
		return
	}
	if l.until.IsZero() {
		if l.move(w.calm, w.hot) != nil {
			return
		}
		w.heated++
	}
	l.until = time.Now().Add(typedFor)
}

// cool makes lines calm to which nobody types any more.
func (w *sweep) cool() {
	if w.heated == 0 {
		return
	}
	now := time.Now()
	for _, l := range w.lines {
		if !l.until.IsZero() && now.After(l.until) && l.move(w.hot, w.calm) == nil {
			l.until = time.Time{}
			w.heated--
		}
	}
}

// read reads a port in the sweep until it fails or ctx ends. It returns
// errNoSweep for a descriptor that cannot be polled.
func (e *Engine) read(ctx context.Context, c *Console, port Pollable) error {
	w := e.current()
	raw, err := port.SyscallConn()
	if err != nil || w == nil {
		return errNoSweep
	}
	l := &line{c: c, raw: raw, failed: make(chan error, 1)}
	l.ready, _ = port.(ReadyReader)
	l.readFD = l.fromFD
	added := make(chan error, 1)
	if !w.order(func() { added <- w.add(l) }) {
		return errNoSweep
	}
	if err := <-added; err != nil {
		return fmt.Errorf("%w: poll: %w", errNoSweep, err)
	}
	c.heatBy(func() { w.order(func() { w.heat(l) }) })
	select {
	case err = <-l.failed:
	case <-ctx.Done():
		err = ctx.Err()
	}
	dropped := make(chan struct{})
	if w.order(func() { w.drop(l); close(dropped) }) {
		<-dropped
	}
	return err
}
