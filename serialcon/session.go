package serialcon

import (
	"context"
	"io"
	"sync"
	"time"
)

// chunk is how much of the stream a Read prepares at once.
const chunk = 16 << 10

// cutDelay is how long a mark waits for the end of an unfinished sequence.
const cutDelay = 200 * time.Millisecond

// Session is a viewer of a console. Read and Write may be called at the same
// time, each by one goroutine.
type Session struct {
	c      *Console
	id     uint64
	who    string
	may    Mode
	marks  bool
	tag    string
	since  time.Time
	ctx    context.Context // ends input that waits for the port
	cancel context.CancelFunc
	stop   func() bool // of the watch over the caller's context
	ready  chan struct{}
	done   chan struct{}
	events chan Event

	// Guarded by the console's mu.
	cursor  int64 // what the viewer has of the stream
	notices []mark
	unread  time.Time // since when output waits for a Read
	closed  bool
	skipped int64
	dropped int64
	refused bool // the viewer was told that input is dropped

	rmu   sync.Mutex // guards what only Read uses
	out   []byte     // ready for the viewer
	track tracker    // where the viewer's terminal is
	raw   bool       // the stream is shown as it is
	clean Sanitizer

	wmu    sync.Mutex // guards filter, and keeps input in order
	filter filter
}

// A mark is an announcement that belongs at a place of the stream.
type mark struct {
	at   int64
	text string
	came time.Time
}

// maxMarks bounds the announcements that a viewer has not read.
const maxMarks = 32

// Who is the viewer's name.
func (s *Session) Who() string { return s.who }

// Tag is in each mark of this session's stream, "[serialcon TAG ...]". It is
// random and the port never sees it, so text of a guest that looks like a mark
// lacks it. The first mark says it.
func (s *Session) Tag() string { return s.tag }

// Mode is what the session may do now: ReadWrite while it holds the writer's
// place.
func (s *Session) Mode() Mode {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.mode()
}

func (s *Session) mode() Mode {
	switch {
	case s.c.writer == s:
		return ReadWrite
	case s.may == Spy:
		return Spy
	}
	return ReadOnly
}

// Events are the console's events from the attachment on, and are closed with
// the session. A reader that does not keep up misses some; the log does not.
func (s *Session) Events() <-chan Event { return s.events }

// Skipped is how many bytes of the stream this viewer was not shown, because
// it did not keep up.
func (s *Session) Skipped() int64 {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.skipped
}

// Dropped is how many bytes of input did not go to the port: typed without
// the writer's place, or while the port was not open.
func (s *Session) Dropped() int64 {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.dropped
}

// Acquire asks for the writer's place; force takes it. A session that cannot
// have it now waits for it. It returns ErrReadOnly for a session that was
// attached to watch only.
func (s *Session) Acquire(force bool) error {
	if s.may != ReadWrite {
		return ErrReadOnly
	}
	s.c.mu.Lock()
	if s.closed {
		s.c.mu.Unlock()
		return ErrDetached
	}
	events := s.c.acquire(s, force)
	s.c.mu.Unlock()
	s.c.postAll(events)
	return nil
}

// Release gives the writer's place back, or the wish for it.
func (s *Session) Release() {
	s.c.mu.Lock()
	events := s.c.release(s)
	s.c.mu.Unlock()
	s.c.postAll(events)
}

// Close detaches. The writer's place goes to whoever waits for it.
func (s *Session) Close() error {
	c := s.c
	c.mu.Lock()
	if s.closed {
		c.mu.Unlock()
		return nil
	}
	s.closed = true
	events := c.release(s)
	for i, other := range c.sessions {
		if other == s {
			c.sessions = append(c.sessions[:i:i], c.sessions[i+1:]...)
			break
		}
	}
	if len(c.sessions) == 0 {
		c.sessions = nil
		c.ring.setLimit(c.kept())
	}
	s.notices = nil
	close(s.events)
	close(s.done)
	c.mu.Unlock()
	s.stop()
	s.cancel()
	c.tellReader()
	c.postAll(append([]Event{s.event(EventDetached, "")}, events...))
	return nil
}

func (s *Session) event(kind EventKind, text string) Event {
	return Event{Console: s.c.Name, Kind: kind, At: time.Now(), Who: s.who, Text: text, session: s.id, spy: s.may == Spy}
}

// signal says that there is something to read. It is called with mu held.
func (s *Session) signal(at time.Time) {
	if s.unread.IsZero() {
		s.unread = at
	}
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// notice queues an event for the viewer. It is called with mu held.
func (s *Session) notice(e Event) {
	if e.spy && e.session != s.id {
		return
	}
	select {
	case s.events <- e:
	default:
	}
	if text := s.markText(e); text != "" {
		s.announce(text)
	}
}

// announce queues a mark at the end of the stream. It is called with mu held.
func (s *Session) announce(text string) {
	if !s.marks {
		return
	}
	if len(s.notices) == maxMarks {
		s.notices = append(s.notices[:0], s.notices[1:]...)
	}
	s.notices = append(s.notices, mark{at: s.c.ring.end, text: text, came: time.Now()})
	s.signal(time.Now())
}

// Read returns what the port said and, at the starts of lines, marks. It waits
// for something to return. It returns io.EOF once the session is detached.
func (s *Session) Read(p []byte) (int, error) {
	s.rmu.Lock()
	defer s.rmu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	for {
		select {
		case <-s.done:
			s.out = nil
			return 0, io.EOF
		default:
		}
		if len(s.out) > 0 {
			n := copy(p, s.out)
			if s.out = s.out[n:]; len(s.out) == 0 {
				s.out = nil
			}
			return n, nil
		}
		wait := s.prepare()
		if len(s.out) > 0 {
			continue
		}
		s.wait(wait)
	}
}

// wait returns when there may be something to read; with a time, at the latest
// then.
func (s *Session) wait(d time.Duration) {
	var late <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-s.ready:
	case <-s.done:
	case <-late:
	}
}
