package serialcon

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A line is a port in a sweep.
type line struct {
	c      *Console
	raw    syscall.RawConn
	ready  ReadyReader // nil: the descriptor is read
	id     int32
	level  int
	round  int // the last in which it had something
	failed chan error
	until  time.Time // hot until then

	// What the function readFD reads into, and what became of it.
	buf    []byte
	n      int
	err    error
	readFD func(fd uintptr)
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
	w.count(l.level, -1)
	delete(w.lines, l.id)
}

// bring brings a line to a level. One that fails to move stays where it is read.
func (w *sweep) bring(l *line, level int) {
	if l.level == level || l.move(w.sets[l.level], w.sets[level]) != nil {
		return
	}
	w.count(l.level, -1)
	w.count(level, 1)
	l.level = level
}

// count keeps the numbers of lines that are not calm.
func (w *sweep) count(level, n int) {
	if level > calm {
		w.eager += n
	}
	if level == hot {
		w.heated += n
	}
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
