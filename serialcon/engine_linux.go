package serialcon

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A sweep reads many descriptors, of which it has three sets: calm ones are
// looked at once in a while, warm ones, which somebody watches, more often, and
// hot ones, to which somebody types, as soon as they have something. The set of
// the hot is itself a member of the warm, and that of the calm, so that one wait
// covers all.
type sweep struct {
	pipe *pipe
	sets [levels]int           // epoll
	wait [levels]time.Duration // between two looks
	bell int                   // an eventfd among the hot: there are orders, or the end
	buf  []byte

	// Belong to run.
	lines  map[int32]*line
	lastID int32
	heated int
	due    [levels]time.Time // when to look again
	took   [levels]bool      // a line of the level had something in this look
	much   bool              // and one had so much that it must not wait long
	put    bool              // the pipe has something that it was not told of
	events []unix.EpollEvent
	few    [levels][32]unix.EpollEvent

	mu     sync.Mutex // guards what follows
	orders []func()
	closed bool
	ended  chan struct{}
}

// The levels of a line.
const (
	calm = iota
	warm
	hot
	levels
)

// A line is a port in a sweep.
type line struct {
	c      *Console
	raw    syscall.RawConn
	ready  ReadyReader // nil: the descriptor is read
	id     int32
	level  int
	failed chan error
	until  time.Time // hot until then

	// What the function readFD reads into, and what became of it.
	buf    []byte
	n      int
	err    error
	readFD func(fd uintptr)
}

// The identities of members that are no lines: the set of a level, and the bell.
const (
	idBell = -1
	idSet  = -2 // minus the level
)

const (
	// maxPerSweep is how much of one port is read before the others have a turn.
	maxPerSweep = 64 << 10
	// manyBytes in a look mean that a port would not wait long: a pseudo-terminal
	// holds 17 KiB, a tty of a UART 4 KiB beside its driver's buffers.
	manyBytes = 2 << 10
)

func newSweep(p *pipe, e *Engine) (_ *sweep, err error) {
	w := &sweep{
		pipe: p, sets: [levels]int{-1, -1, -1}, bell: -1,
		buf: make([]byte, 16<<10), lines: map[int32]*line{}, ended: make(chan struct{}),
	}
	w.wait[warm], w.wait[calm] = e.waits()
	defer func() {
		if err != nil {
			w.closeAll()
			err = fmt.Errorf("serialcon: start the engine: %w", err)
		}
	}()
	for level := range w.sets {
		if w.sets[level], err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
			return nil, err
		}
		if level > 0 {
			if err = epollAdd(w.sets[level-1], w.sets[level], int32(idSet-level)); err != nil {
				return nil, err
			}
		}
	}
	if w.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, err
	}
	return w, epollAdd(w.sets[hot], w.bell, idBell)
}

func epollAdd(set, fd int, id int32) error {
	return unix.EpollCtl(set, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: id})
}

func (w *sweep) closeAll() {
	for _, fd := range append(w.sets[:], w.bell) {
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

// do is order, and returns when fn has.
func (w *sweep) do(fn func()) bool {
	done := make(chan struct{})
	ok := w.order(func() { fn(); close(done) })
	if ok {
		<-done
	}
	return ok
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
	for {
		level, ms := w.next(time.Now())
		more := w.look(level, ms)
		if w.put {
			w.put = false
			w.pipe.signal()
		}
		if !w.obey() {
			return
		}
		w.cool()
		w.rest(more)
	}
}

// next is the set to wait for, which includes those above it, and for how many
// milliseconds: until one below it is due.
func (w *sweep) next(now time.Time) (level, ms int) {
	for level = range levels {
		if !now.Before(w.due[level]) {
			break
		}
	}
	if level == calm {
		return level, -1
	}
	left := w.due[calm].Sub(now)
	for _, due := range w.due[calm:level] {
		left = min(left, due.Sub(now))
	}
	return level, int((left + time.Millisecond - 1) / time.Millisecond)
}

// rest says when the sets are due again that had something.
func (w *sweep) rest(more bool) {
	took, much := w.took, w.much
	w.took, w.much = [levels]bool{}, false
	if more {
		return
	}
	now := time.Now()
	for level := range hot {
		if took[level] {
			w.due[level] = now.Add(w.wait[level])
		}
	}
	if took[calm] && much {
		w.due[calm] = now.Add(w.wait[warm])
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

// look waits for a set and reads what is ready in it, and in those above. It
// reports whether there is more than it took.
func (w *sweep) look(level, ms int) (more bool) {
	events := w.room(level)
	n, err := unix.EpollWait(w.sets[level], events, ms)
	if err != nil {
		return false
	}
	at := time.Now()
	for _, e := range events[:n] {
		switch {
		case e.Fd == idBell:
			var b [8]byte
			_, _ = unix.Read(w.bell, b[:])
		case e.Fd <= idSet:
			more = w.look(int(idSet-e.Fd), 0) || more
		default:
			if l := w.lines[e.Fd]; l != nil {
				more = w.read(l, at) || more
			}
		}
	}
	return more || n == len(events)
}

// room is where a set's events go. The calm may be many; a look at the others is
// within one at them.
func (w *sweep) room(level int) []unix.EpollEvent {
	if level > calm {
		return w.few[level][:]
	}
	if n := len(w.lines) + 8; len(w.events) < n {
		w.events = make([]unix.EpollEvent, n+n/4)
	}
	return w.events
}

// read takes what a port has. It reports whether the port has more.
func (w *sweep) read(l *line, at time.Time) (more bool) {
	for total := 0; total < maxPerSweep; {
		n, err := l.read(w.buf)
		if n > 0 {
			w.took[l.level], w.put = true, true
			if w.pipe.put(l.c, at, w.buf[:n]) {
				w.pipe.signal()
			}
		}
		if err != nil {
			w.drop(l)
			l.failed <- err
			return false
		}
		total += n
		w.much = w.much || total > manyBytes
		if n < 1024 { // a tty gives at most a page at a time
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

// add takes a line in, among the calm.
func (w *sweep) add(l *line) error {
	for w.lastID++; w.lastID < 0 || w.lines[w.lastID] != nil; w.lastID++ {
		w.lastID = max(w.lastID, 0)
	}
	l.id = w.lastID
	if err := l.move(-1, w.sets[calm]); err != nil {
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

// drop forgets a line, whatever state its descriptor is in.
func (w *sweep) drop(l *line) {
	if w.lines[l.id] != l {
		return
	}
	_ = l.move(w.sets[l.level], -1)
	if l.level == hot {
		w.heated--
	}
	delete(w.lines, l.id)
}

// bring brings a line to a level. One that fails to move stays where it is read.
func (w *sweep) bring(l *line, level int) {
	if l.level == level || l.move(w.sets[l.level], w.sets[level]) != nil {
		return
	}
	switch hot {
	case l.level:
		w.heated--
	case level:
		w.heated++
	}
	l.level = level
}

// pace makes a line be read at once for some time, if somebody types, or else as
// often as it is due to those who watch it.
func (w *sweep) pace(l *line, typed bool) {
	if w.lines[l.id] != l {
		return
	}
	if typed {
		l.until = time.Now().Add(typedFor)
		w.bring(l, hot)
	}
	if l.level != hot {
		w.bring(l, l.ease())
	}
}

// ease is the level of a line to which nobody types.
func (l *line) ease() int {
	if l.c.watched() {
		return warm
	}
	return calm
}

// cool takes lines from the hot to which nobody types any more.
func (w *sweep) cool() {
	if w.heated == 0 {
		return
	}
	now := time.Now()
	for _, l := range w.lines {
		if l.level == hot && now.After(l.until) {
			w.bring(l, l.ease())
		}
	}
}

// read has a port read in the sweep, until it fails or is dropped. It returns
// errNoSweep for a descriptor that cannot be polled.
func (e *Engine) read(c *Console, port Pollable) (failed <-chan error, drop func(), err error) {
	w := e.current()
	raw, err := port.SyscallConn()
	if err != nil || w == nil {
		return nil, nil, errNoSweep
	}
	l := &line{c: c, raw: raw, failed: make(chan error, 1)}
	l.ready, _ = port.(ReadyReader)
	l.readFD = l.fromFD
	if !w.do(func() { err = w.add(l) }) {
		return nil, nil, errNoSweep
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: poll: %w", errNoSweep, err)
	}
	c.paceBy(func(typed bool) { w.order(func() { w.pace(l, typed) }) })
	c.tellReader()
	return l.failed, func() { w.do(func() { w.drop(l) }) }, nil
}
