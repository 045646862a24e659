package telnet

import (
	"errors"
	"net"
	"sync"
	"time"
)

var errStuck = errors.New("telnet: the line takes no bytes, and the client goes on sending")

// The bytes that wait for a line: as many as there may be, and from how many on
// a client is asked not to send, until few are left.
const (
	inboxMax  = 64 << 10
	inboxHigh = 32 << 10
	inboxLow  = 4 << 10
)

// inbox holds what a client sent until the line takes it.
type inbox struct {
	tell     func(suspend bool) // asks the client; called without locks
	patience time.Duration      // with a line that takes nothing while there is no room

	mu      sync.Mutex
	cond    *sync.Cond
	buf     []byte
	writing bool // what was taken last is not written yet
	held    bool // the client was asked not to send
	closed  bool
	moved   time.Time // when the line took something last
}

func newInbox(patience time.Duration, tell func(suspend bool)) *inbox {
	b := &inbox{patience: patience, tell: tell}
	b.cond = sync.NewCond(&b.mu)
	return b
}

// put adds p, and waits for room, but not for ever: nobody would notice that the
// client is gone.
func (b *inbox) put(p []byte) error {
	suspend, err := b.add(p)
	if suspend {
		b.tell(true)
	}
	return err
}

func (b *inbox) add(p []byte) (suspend bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for since := time.Now(); len(b.buf)+len(p) > inboxMax && !b.closed; {
		if b.moved.After(since) {
			since = b.moved
		}
		left := b.patience - time.Since(since)
		if left <= 0 {
			return false, errStuck
		}
		timer := time.AfterFunc(left, b.cond.Broadcast)
		b.cond.Wait()
		timer.Stop()
	}
	if b.closed {
		return false, net.ErrClosed
	}
	b.buf = append(b.buf, p...)
	suspend = !b.held && len(b.buf) >= inboxHigh
	b.held = b.held || suspend
	b.cond.Broadcast()
	return suspend, nil
}

// take fills p with what is next and waits for it. What was taken before is
// written. It returns 0 once the inbox is closed.
func (b *inbox) take(p []byte) int {
	b.mu.Lock()
	b.writing = false
	b.cond.Broadcast()
	resume := b.held && len(b.buf) <= inboxLow
	b.held = b.held && !resume
	b.mu.Unlock()
	if resume {
		b.tell(false)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.buf) == 0 && !b.closed {
		b.cond.Wait()
	}
	if b.closed {
		return 0
	}
	n := copy(p, b.buf)
	b.moved = time.Now()
	b.buf = append(b.buf[:0], b.buf[n:]...)
	b.writing = true
	b.cond.Broadcast()
	return n
}

// drained waits until all is written, but not for long.
func (b *inbox) drained(patience time.Duration) {
	late := false
	timer := time.AfterFunc(patience, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		late = true
		b.cond.Broadcast()
	})
	defer timer.Stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	for (len(b.buf) > 0 || b.writing) && !b.closed && !late {
		b.cond.Wait()
	}
}

// clear drops what waits.
func (b *inbox) clear() {
	b.mu.Lock()
	b.buf = b.buf[:0]
	resume := b.held
	b.held = false
	b.cond.Broadcast()
	b.mu.Unlock()
	if resume {
		b.tell(false)
	}
}

func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.cond.Broadcast()
}
