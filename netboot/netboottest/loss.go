package netboottest

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Loss is what a [LossyLink] does to frames. Each field is a probability from 0
// to 1, and the zero value does nothing.
type Loss struct {
	Send, Recv float64 // a frame is lost on its way out, or in
	Duplicate  float64 // it arrives twice, in either direction
	Reorder    float64 // it arrives Delay later than the ones around it
	// Delay holds back every frame in either direction, and the reordered
	// ones once more.
	Delay time.Duration
	// Seed makes the choices repeatable, as far as the traffic is.
	Seed uint64
}

// LossyLink is a [Link] with faults. Its cable can be pulled and plugged in
// again.
type LossyLink struct {
	link Link
	loss Loss
	in   *queue
	down atomic.Bool
	done chan struct{}

	mu      sync.Mutex // guards all below
	rng     *rand.Rand
	timers  map[*time.Timer]bool
	dropped int
	closed  bool
}

var _ Link = (*LossyLink)(nil)

// NewLossyLink returns a link that has faults and then is l, which it closes
// when it is closed.
func NewLossyLink(l Link, loss Loss) *LossyLink {
	ll := &LossyLink{
		link: l, loss: loss, in: newQueue(), done: make(chan struct{}),
		rng: rand.New(rand.NewPCG(loss.Seed, 0)), timers: make(map[*time.Timer]bool),
	}
	go ll.receive()
	return ll
}

// SetUp pulls the cable (false) or plugs it in again (true). Frames are lost
// while it is out.
func (l *LossyLink) SetUp(up bool) { l.down.Store(!up) }

// Dropped returns how many frames were lost so far.
func (l *LossyLink) Dropped() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Send is part of [Link].
func (l *LossyLink) Send(frame []byte) error {
	if l.loss.Delay == 0 && l.loss.Reorder == 0 && l.loss.Duplicate == 0 {
		if l.passes(l.loss.Send) {
			return l.link.Send(frame)
		}
		return nil
	}
	frame = slices.Clone(frame)
	var err error
	l.carry(l.loss.Send, func() { err = l.link.Send(frame) })
	return err
}

// receive is the goroutine that moves what comes in, until the link is closed.
func (l *LossyLink) receive() {
	defer close(l.done)
	for {
		frame, err := l.link.Recv()
		if err != nil {
			l.in.close()
			return
		}
		l.carry(l.loss.Recv, func() { l.in.push(frame) })
	}
}

// carry delivers a frame by calling deliver now, later, twice or not at all.
func (l *LossyLink) carry(loss float64, deliver func()) {
	if !l.passes(loss) {
		return
	}
	times := 1
	if l.chance(l.loss.Duplicate) {
		times = 2
	}
	delay := l.loss.Delay
	if l.chance(l.loss.Reorder) {
		delay += max(l.loss.Delay, time.Millisecond)
	}
	for range times {
		if delay == 0 {
			deliver()
			continue
		}
		l.after(delay, deliver)
	}
}

func (l *LossyLink) after(delay time.Duration, deliver func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(delay, func() {
		l.mu.Lock()
		due := l.timers[timer]
		delete(l.timers, timer)
		l.mu.Unlock()
		if due && !l.down.Load() {
			deliver()
		}
	})
	l.timers[timer] = true
}

// passes reports whether a frame gets through.
func (l *LossyLink) passes(loss float64) bool {
	if !l.down.Load() && !l.chance(loss) {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped++
	return false
}

func (l *LossyLink) chance(p float64) bool {
	if p <= 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rng.Float64() < p
}

// Recv is part of [Link].
func (l *LossyLink) Recv() ([]byte, error) { return l.in.pop() }

// SetReadDeadline is part of [Link].
func (l *LossyLink) SetReadDeadline(t time.Time) error { return l.in.setDeadline(t) }

// Close is part of [Link]. Frames on their way are lost.
func (l *LossyLink) Close() error {
	l.mu.Lock()
	l.closed = true
	for t := range l.timers {
		t.Stop()
	}
	clear(l.timers)
	l.mu.Unlock()
	err := l.link.Close()
	<-l.done
	l.in.close()
	return err
}
