package netboottest

import (
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// Link carries Ethernet frames, without their check sequence, between an
// emulated machine and a network. Send and Recv may be called at the same time.
type Link interface {
	// Send sends a frame. Like a cable it does not tell whether it arrived.
	Send(frame []byte) error
	// Recv waits for a frame, which the caller may keep. It returns an error
	// that is [os.ErrDeadlineExceeded] at the deadline, and one that is
	// [net.ErrClosed] after Close.
	Recv() ([]byte, error)
	// SetReadDeadline bounds this and later Recv calls, also those that wait
	// already. The zero time means no bound.
	SetReadDeadline(t time.Time) error
	// Close ends the link and all that it started. Calls after the first do
	// nothing.
	Close() error
}

const maxQueued = 1024 // frames; a real card drops what nobody fetches, too

// Pipe returns the two ends of a cable in memory. Waiting on it blocks durably
// in a [testing/synctest] bubble. An end drops frames once 1024 wait in it.
func Pipe() (Link, Link) {
	a, b := newQueue(), newQueue()
	return &pipeEnd{in: a, out: b}, &pipeEnd{in: b, out: a}
}

type pipeEnd struct{ in, out *queue }

var _ Link = (*pipeEnd)(nil)

func (p *pipeEnd) Send(frame []byte) error {
	if p.in.isClosed() {
		return net.ErrClosed
	}
	p.out.push(slices.Clone(frame))
	return nil
}

func (p *pipeEnd) Recv() ([]byte, error)             { return p.in.pop() }
func (p *pipeEnd) SetReadDeadline(t time.Time) error { return p.in.setDeadline(t) }
func (p *pipeEnd) Close() error                      { return p.in.close() }

// queue holds frames for a reader that has a deadline.
type queue struct {
	mu     sync.Mutex // guards all below
	change *sync.Cond
	frames [][]byte
	closed bool
	at     time.Time   // the deadline
	timer  *time.Timer // wakes the reader at the deadline
}

func newQueue() *queue {
	q := &queue{}
	q.change = sync.NewCond(&q.mu)
	return q
}

func (q *queue) push(frame []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.frames) >= maxQueued {
		return
	}
	q.frames = append(q.frames, frame)
	q.change.Broadcast()
}

func (q *queue) pop() ([]byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.closed:
			return nil, net.ErrClosed
		case !q.at.IsZero() && !time.Now().Before(q.at):
			return nil, os.ErrDeadlineExceeded
		case len(q.frames) > 0:
			frame := q.frames[0]
			q.frames[0] = nil
			q.frames = q.frames[1:]
			return frame, nil
		}
		q.change.Wait()
	}
}

func (q *queue) setDeadline(t time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return net.ErrClosed
	}
	q.at = t
	switch wait := time.Until(t); {
	case t.IsZero():
		if q.timer != nil {
			q.timer.Stop()
		}
	case q.timer == nil:
		q.timer = time.AfterFunc(wait, q.wake)
	default:
		q.timer.Reset(wait)
	}
	q.change.Broadcast()
	return nil
}

func (q *queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.change.Broadcast()
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

func (q *queue) close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.frames = nil
	if q.timer != nil {
		q.timer.Stop()
	}
	q.change.Broadcast()
	return nil
}

// isTimeout reports whether err says that a deadline has passed.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
