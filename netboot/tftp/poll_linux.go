package tftp

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// pollFor is how long a thread waits in poll(2) for one packet before the
// runtime's poller takes over. In lockstep on a quick network the answer is
// there in a fraction of it, and the thread that waited goes on at once; by way
// of the runtime's poller another thread has to be woken first.
const pollFor = 2 * time.Millisecond

// tokens bound how many threads wait in poll(2) at a time, for all transfers.
type tokens struct{ left atomic.Int32 }

func newTokens(n int) *tokens {
	t := &tokens{}
	t.left.Store(int32(n))
	return t
}

func (t *tokens) take() bool {
	if t.left.Add(-1) >= 0 {
		return true
	}
	t.left.Add(1)
	return false
}

func (t *tokens) give() { t.left.Add(1) }

// receiver is one receive, kept so that its method value is made once.
type receiver struct {
	p        []byte
	deadline time.Time
	polled   bool // poll(2) had its turn
	n        int
	err      error
	polls    *tokens
	arm      func(time.Time) error
	armed    time.Time // the read deadline that is set
	fn       func(fd uintptr) bool
}

// call receives a packet, or reports false when the runtime's poller shall
// wait for it.
func (r *receiver) call(fd uintptr) bool {
	if !r.polled && r.polls.take() {
		r.polled = true
		// A packet, a deadline and a failure are all seen below.
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(pollFor.Milliseconds()))
		r.polls.give()
	}
	r.n, r.err = unix.Read(int(fd), r.p)
	for r.err == unix.EINTR {
		r.n, r.err = unix.Read(int(fd), r.p)
	}
	if r.err != unix.EAGAIN {
		return true
	}
	// Arming costs more than waking up early: a deadline that was set for
	// an earlier packet and is still ahead does.
	if r.armed.After(r.deadline) || !r.armed.After(time.Now()) {
		r.err = r.rearm()
		return r.err != nil
	}
	return false
}

func (r *receiver) rearm() error {
	r.armed = r.deadline
	return r.arm(r.deadline)
}
