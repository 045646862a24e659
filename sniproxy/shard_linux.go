package sniproxy

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A shard is one event loop with its own listeners and connections. Its goroutine
// waits in the runtime's poller for the epoll descriptor itself: against a thread
// that blocks in epoll_wait, no wake-up hands a processor over.
type shard struct {
	run   *running
	ep    int32
	file  *os.File // of ep
	raw   syscall.RawConn
	wake  int32 // eventfd
	clock int32 // timerfd

	events    []unix.EpollEvent
	nevents   int
	wait      func(fd uintptr) bool
	base      time.Time
	now       time.Time
	elapsed   time.Duration // now since base
	wheel     wheel
	armed     time.Duration // what clock is set to; 0 = nothing
	conns     connTable
	listeners []*acceptor
	spare     int32 // a descriptor to have one when none is left
	again     []turn
	turns     []turn
	pipes     pipes

	buf     []byte // what is read and not kept
	out     []byte // header and hello
	addrs   []netip.AddrPort
	opening *opening
	heads   heads
	record  Record  // of the connection that ends
	asked   Request // that is routed
	unused  struct {
		conns    []*conn
		awaiting []*awaiting
		dialing  []*dialing
		openings []*opening
		bytes    [][]byte
	}

	mu       sync.Mutex // guards posts
	posts    []func()
	closed   bool // no more posts
	drains   []chan struct{}
	ended    chan struct{}
	ending   bool
	draining bool // connections of HTTP end after their request
}

// A turn is an end that is to be read on, after the others had theirs.
type turn struct {
	id  connID
	end uint8
}

func newShard(r *running) (*shard, error) {
	s := &shard{
		run: r, ep: -1, wake: -1, clock: -1, spare: -1, base: time.Now(),
		events: make([]unix.EpollEvent, 256), buf: make([]byte, bufSize), ended: make(chan struct{}),
	}
	s.pipes.count = &r.counts.pipes
	s.opening = new(opening)
	s.wait = s.ready
	if err := s.open(); err != nil {
		s.closeOwn()
		return nil, err
	}
	go s.loop()
	return s, nil
}

func (s *shard) open() error {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("sniproxy: %w", os.NewSyscallError("epoll_create1", err))
	}
	s.ep = int32(ep)
	if err := unix.SetNonblock(ep, true); err != nil { // so that os.File has the poller watch it
		return fmt.Errorf("sniproxy: epoll descriptor: %w", os.NewSyscallError("fcntl", err))
	}
	s.file = os.NewFile(uintptr(ep), "epoll")
	if s.raw, err = s.file.SyscallConn(); err != nil {
		return fmt.Errorf("sniproxy: epoll descriptor: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("sniproxy: %w", os.NewSyscallError("eventfd", err))
	}
	s.wake = int32(wake)
	clock, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("sniproxy: %w", os.NewSyscallError("timerfd_create", err))
	}
	s.clock = int32(clock)
	s.takeSpare()
	for fd, slot := range map[int32]int32{s.wake: slotWake, s.clock: slotTimer} {
		if e := sysEpollAdd(s.ep, fd, ownEvent(slot, evIn)); e != 0 {
			return fmt.Errorf("sniproxy: %w", os.NewSyscallError("epoll_ctl", e))
		}
	}
	return nil
}

// closeOwn closes the shard's own descriptors.
func (s *shard) closeOwn() {
	for _, fd := range []*int32{&s.wake, &s.clock, &s.spare} {
		if *fd >= 0 {
			sysClose(*fd)
			*fd = -1
		}
	}
	if s.file != nil {
		_ = s.file.Close()
	}
	s.pipes.closeAll()
}

// loop serves until the shard is closed.
func (s *shard) loop() {
	defer close(s.ended)
	s.tick()
	for !s.ending {
		s.poll()
		s.tick()
		for i := range s.nevents {
			s.event(&s.events[i])
		}
		s.takeTurns()
		s.wheel.advance(s.elapsed, s.due)
		s.arm()
	}
	s.closeOwn()
}

func (s *shard) tick() {
	s.now = time.Now()
	s.elapsed = s.now.Sub(s.base)
}

// poll gets the next events, and waits for them if there is nothing else to do.
func (s *shard) poll() {
	if len(s.again) != 0 {
		s.nevents = sysEpollWait(s.ep, s.events)
		return
	}
	s.nevents = 0
	if err := s.raw.Read(s.wait); err != nil {
		s.run.log.Error("sniproxy: event loop", "err", err) // cannot be: nobody else closes it
		s.ending = true
	}
}

func (s *shard) ready(fd uintptr) bool {
	s.nevents = sysEpollWait(int32(fd), s.events)
	return s.nevents > 0
}

func (s *shard) event(ev *unix.EpollEvent) {
	if ev.Fd >= 0 {
		id, role := eventOf(ev)
		if c := s.conns.get(id); c != nil {
			s.serve(c, role, ev.Events)
		}
		return
	}
	switch ev.Fd {
	case slotWake:
		s.takePosts()
	case slotTimer:
		s.armed = 0
		_, _ = sysRead(s.clock, s.buf[:8])
	default:
		s.accept(int(slotListen - ev.Fd))
	}
}

// takeTurns reads on where more is to be read.
func (s *shard) takeTurns() {
	s.turns, s.again = s.again, s.turns[:0]
	for _, t := range s.turns {
		if c := s.conns.get(t.id); c != nil {
			s.takeTurn(c, t.end)
		}
	}
}

func (s *shard) takeTurn(c *conn, end uint8) {
	switch {
	case c.state == inRelay:
		s.pump(c, end)
	case c.state == inExchange && end == client:
		s.pumpUp(c)
	case c.state == inExchange:
		s.pumpDown(c)
	case c.state == inHello && c.web != nil:
		s.nextRequest(c)
	}
}

// arm has the clock ring when the next timer is due.
func (s *shard) arm() {
	at, ok := s.wheel.next()
	if !ok || s.armed != 0 && s.armed <= at {
		return
	}
	in := max(at-s.elapsed, time.Millisecond)
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(in))}
	if err := unix.TimerfdSettime(int(s.clock), 0, &spec, nil); err == nil {
		s.armed = at
	}
}

// after sets the connection's timer.
func (s *shard) after(c *conn, d time.Duration) { s.wheel.set(&c.timer, s.elapsed+d) }

// within sees that the connection's timer is not later than that. One that is
// earlier stays: what it does then is up to the state.
func (s *shard) within(c *conn, d time.Duration) {
	if !c.timer.set || time.Duration(c.timer.at)*wheelTick > s.elapsed+d {
		s.after(c, d)
	}
}

// post has f run in the loop; false when that has ended.
func (s *shard) post(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.posts = append(s.posts, f); len(s.posts) == 1 {
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], 1)
		_, _ = unix.Write(int(s.wake), one[:])
	}
	return true
}

func (s *shard) takePosts() {
	_, _ = sysRead(s.wake, s.buf[:8])
	s.mu.Lock()
	posts := s.posts
	s.posts = nil
	s.mu.Unlock()
	for _, f := range posts {
		f()
	}
}

// stop ends the loop and all that it has; it returns when that is done.
func (s *shard) stop() {
	s.post(func() {
		for _, c := range s.conns.conns {
			switch {
			case c == nil:
			case c.state == inExchange:
				s.breakOff(c, ErrServerClosed)
			default:
				c.broke(ErrServerClosed)
				s.reset(c)
			}
		}
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.ending = true
	})
	<-s.ended
}

// drained has done closed once the shard has no connection.
func (s *shard) drained(done chan struct{}) {
	ok := s.post(func() {
		s.drains = append(s.drains, done)
		s.draining = true
		for _, c := range s.conns.conns {
			if c != nil && c.state == inHello && c.web != nil && c.web.waits && c.web.served {
				s.finish(c)
			}
		}
		s.checkDrained()
	})
	if !ok {
		close(done)
	}
}

func (s *shard) checkDrained() {
	if s.conns.n != 0 {
		return
	}
	for _, done := range s.drains {
		close(done)
	}
	s.drains = nil
}

// keep copies b into a buffer of its own.
func (s *shard) keep(b []byte) []byte {
	var own []byte
	if n := len(s.unused.bytes); n > 0 && len(b) <= keepSize {
		own = s.unused.bytes[n-1]
		s.unused.bytes = s.unused.bytes[:n-1]
	} else {
		size := keepSize
		if len(b) <= keepSize/2-keepSize/8 { // the beginning of a hello, of which many may wait
			size = keepSize / 2
		}
		own = make([]byte, 0, max(size, len(b)))
	}
	return append(own[:0], b...)
}

// Small buffers are used again: keepSize holds the hellos of today.
const (
	keepSize = 2048
	keepMany = 64
)

func (s *shard) drop(b []byte) {
	if cap(b) == keepSize && len(s.unused.bytes) < keepMany {
		s.unused.bytes = append(s.unused.bytes, b)
	}
}

// take returns an element that is no longer in use, or a new one.
func take[T any](from *[]*T) *T {
	if n := len(*from); n > 0 {
		last := (*from)[n-1]
		*from = (*from)[:n-1]
		return last
	}
	return new(T)
}

func give[T any](to *[]*T, v *T) {
	if len(*to) < keepMany {
		*to = append(*to, v)
	}
}
