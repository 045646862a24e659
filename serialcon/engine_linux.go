package serialcon

import (
	"encoding/binary"
	"fmt"
	"sync"
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
	heated int // hot lines
	eager  int // lines that are not calm
	timer  *time.Timer
	due    [levels]time.Time // when to look again
	took   [levels]int       // lines of the level that had something in this look
	full   bool              // there may be more of the calm
	hurry  time.Time         // until then none waits long: one had very much
	put    bool              // the pipe has something that it was not told of
	events [levels][perLook]unix.EpollEvent
	turn   turn

	mu     sync.Mutex // guards what follows
	orders []func()
	wake   chan struct{} // holds one token: as bell, for a pause
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

// The identities of members that are no lines: the set of a level, and the bell.
const (
	idBell = -1
	idSet  = -2 // minus the level
)

const (
	// maxPerSweep is how much of one port is read before the others have a turn.
	maxPerSweep = 64 << 10
	// perLook is how many ports are read before what they said is handed on.
	perLook = 64
	// manyBytes in a look mean that a port would not wait long: a pseudo-terminal
	// holds 17 KiB, a tty of a UART 4 KiB beside its driver's buffers.
	manyBytes = 2 << 10
	// hurryFor is how long all are then read as if somebody watched.
	hurryFor = time.Second
)

func newSweep(p *pipe, e *Engine) (_ *sweep, err error) {
	w := &sweep{
		pipe: p, sets: [levels]int{-1, -1, -1}, bell: -1,
		buf: make([]byte, 16<<10), lines: map[int32]*line{}, turn: turn{round: 1}, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		timer: time.NewTimer(0),
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
	select {
	case w.wake <- struct{}{}:
	default:
	}
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
		more := false
		if level > calm && w.eager == 0 {
			w.pause(ms)
		} else {
			more = w.look(level, ms)
		}
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

// pause lets time pass while no line is to be read soon. A thread in epoll_wait
// would keep the runtime's monitor awake.
func (w *sweep) pause(ms int) {
	w.timer.Reset(time.Duration(ms) * time.Millisecond)
	select {
	case <-w.timer.C:
	case <-w.wake:
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

// A turn is one wait of the calm, in which each of them is to be read once. Many
// are read a few at a time, evenly over the turn: what they said needs less
// memory, and keeps nobody else waiting.
type turn struct {
	round  int
	since  time.Time
	seen   int // lines that had something in it so far
	before int // and in the one before
}

// rest says when the sets are due again that had something.
func (w *sweep) rest(more bool) {
	took := w.took
	w.took = [levels]int{}
	if more {
		return
	}
	now := time.Now()
	if took[warm] > 0 {
		w.due[warm] = now.Add(w.wait[warm])
	}
	if took[calm] == 0 {
		return
	}
	wait := w.wait[calm]
	if now.Before(w.hurry) {
		wait = w.wait[warm]
	}
	if w.full {
		wait = w.turn.share(wait, took[calm], len(w.lines))
	}
	w.due[calm] = now.Add(wait)
	if t := &w.turn; now.Sub(t.since) >= w.wait[calm] {
		*t = turn{round: t.round + 1, since: now, before: t.seen}
	}
}

// share is the part of a wait that is due after n lines of those that talk, of
// which there may be more.
func (t *turn) share(wait time.Duration, n, lines int) time.Duration {
	talk := t.before
	if t.seen > talk { // they become more: all of them may talk
		talk = lines
	}
	return wait * time.Duration(n) / time.Duration(max(talk, n))
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
	events := w.events[level][:]
	n, err := unix.EpollWait(w.sets[level], events, 0)
	if n == 0 && ms != 0 {
		n, err = unix.EpollWait(w.sets[level], events, ms)
	}
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
	if level == calm {
		w.full = n == len(events)
		return more
	}
	return more || n == len(events)
}

// read takes what a port has. It reports whether the port has more.
func (w *sweep) read(l *line, at time.Time) (more bool) {
	for total := 0; total < maxPerSweep; {
		n, err := l.read(w.buf)
		if n > 0 {
			if total == 0 {
				w.note(l)
			}
			w.put = true
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
		if total > manyBytes {
			w.hurry = at.Add(hurryFor)
		}
		if n < manyBytes { // a tty gives at most a page at a time
			return false
		}
	}
	return true
}

// note counts a line that had something.
func (w *sweep) note(l *line) {
	w.took[l.level]++
	if l.level == calm && l.round != w.turn.round {
		l.round = w.turn.round
		w.turn.seen++
	}
}
