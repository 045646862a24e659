package serialcon

import (
	"fmt"
	"time"
)

// A part is the next piece of a viewer's stream.
type part struct {
	skipped int64  // bytes passed over before data
	line    bool   // data begins at the start of a line
	data    []byte // as the port said it
	marks   []mark // due after data
	writer  bool   // the viewer holds the writer's place
	wait    time.Duration
}

// prepare fills s.out with what is next. It returns how long at most to wait
// for more if that is nothing; zero means for ever.
func (s *Session) prepare() time.Duration {
	p := s.next()
	if p.skipped > 0 {
		s.skip(p)
	}
	s.show(p.data, p.writer)
	for _, m := range p.marks {
		s.insert(m.text)
	}
	if p.skipped > 0 {
		s.c.tellSkipped(s, p.skipped)
	}
	return p.wait
}

// next takes the viewer's next piece from the ring.
func (s *Session) next() part {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.closed {
		return part{}
	}
	p := part{writer: c.writer == s}
	s.unread = time.Time{}
	if s.cursor < c.ring.start {
		to := c.resume()
		p.skipped, p.line = to-s.cursor, to == c.safe
		s.cursor = to
		s.skipped += p.skipped
	}
	end := min(c.ring.end, s.cursor+chunk)
	track := s.track
	if p.skipped > 0 {
		track = tracker{}
	}
	if len(s.notices) > 0 {
		end = min(end, s.upTo(s.notices[0].at, track.outside()))
	}
	p.data = c.ring.read(nil, s.cursor, end)
	s.cursor = end
	if len(s.notices) > 0 {
		track.write(p.data)
		p.marks, p.wait = s.due(track.outside())
	}
	return p
}

// resume is where a viewer goes on that fell behind: the newest start of a
// line, or else the newest place outside a sequence.
func (c *Console) resume() int64 {
	if c.safe >= c.ring.start && c.ring.end-c.safe < int64(len(c.ring.buf)/2) {
		return c.safe
	}
	return max(c.outside, c.ring.start)
}

// upTo is how far the stream is shown before a mark that belongs at a place:
// to that place or, if that is inside a sequence, byte by byte to its end.
func (s *Session) upTo(at int64, outside bool) int64 {
	if at <= s.cursor && !outside {
		return s.cursor + 1
	}
	return max(at, s.cursor)
}

// due takes the marks that belong where the viewer is. Inside a sequence they
// wait for its end, but not for long: a guest could hold them off.
func (s *Session) due(outside bool) ([]mark, time.Duration) {
	n := 0
	for ; n < len(s.notices) && s.notices[n].at <= s.cursor; n++ {
		left := cutDelay - time.Since(s.notices[n].came)
		if !outside && left > 0 {
			return s.take(n), left
		}
	}
	return s.take(n), 0
}

func (s *Session) take(n int) []mark {
	if n == 0 {
		return nil
	}
	out := append([]mark(nil), s.notices[:n]...)
	s.notices = append(s.notices[:0], s.notices[n:]...)
	return out
}

// show adds what the port said to the output: as it is for the writer, whose
// terminal may answer, and made safe for everybody else. It changes from the
// one to the other outside sequences only.
func (s *Session) show(data []byte, writer bool) {
	if s.clean == nil {
		s.clean, s.raw = s.c.sanitizer(), writer
	}
	if s.raw != writer {
		n := s.settle(data)
		if n < 0 {
			s.add(data)
			return
		}
		s.add(data[:n])
		data = data[n:]
		s.raw, s.clean = writer, s.c.sanitizer()
	}
	s.add(data)
}

// settle is the length of data up to the first place outside, or -1.
func (s *Session) settle(data []byte) int {
	track := s.track
	for i := 0; ; i++ {
		if track.outside() {
			return i
		}
		if i == len(data) {
			return -1
		}
		track.step(data[i])
	}
}

func (s *Session) add(data []byte) {
	if len(data) == 0 {
		return
	}
	s.track.write(data)
	if s.raw {
		s.out = append(s.out, data...)
		return
	}
	s.out = s.clean.Append(s.out, data)
}

// skip puts the mark of skipped bytes into the output, and goes on as at the
// place behind them.
func (s *Session) skip(p part) {
	text := fmt.Sprintf("... %d bytes skipped ...", p.skipped)
	if s.marks {
		s.insert(text)
	} else {
		s.cut()
	}
	s.track = tracker{}
	s.track.middle = !s.marks && !p.line
}

// insert puts a mark on a line of its own into the output.
func (s *Session) insert(text string) {
	s.cut()
	if s.track.middle {
		s.out = append(s.out, '\r', '\n')
	}
	s.out = append(s.out, "[serialcon "+s.tag+" "+text+"]\r\n"...)
	s.track.middle = false
}

// cut ends an unfinished sequence on the viewer's terminal.
func (s *Session) cut() {
	if s.track.outside() {
		return
	}
	if s.track.state != ground {
		s.out = append(s.out, charCAN)
	}
	s.track.state, s.track.more = ground, 0
	s.clean = s.c.sanitizer()
}

// tellSkipped makes a skip an event. It is not logged: the log has the bytes.
func (c *Console) tellSkipped(s *Session, n int64) {
	e := s.event(EventSkipped, "")
	e.N = n
	c.mu.Lock()
	c.stats.Skipped += n
	if !s.closed {
		select {
		case s.events <- e:
		default:
		}
	}
	c.mu.Unlock()
	c.logLine(e)
	if c.Notify != nil {
		c.Notify(e)
	}
}

// markText is an event as the viewer is told it in the stream; "" is not.
func (s *Session) markText(e Event) string {
	mine := e.session == s.id
	switch e.Kind {
	case EventOpened:
		return "the port is open"
	case EventClosed, EventOpenFailed:
		return fmt.Sprintf("the port is not open: %.200q", e.Text)
	case EventStopped:
		return "the console is stopped"
	case EventGap:
		return fmt.Sprintf("... %d bytes lost: %.200q ...", e.N, e.Text)
	case EventLogFailed:
		return "this is not being logged: the log fails"
	case EventLogResumed:
		return fmt.Sprintf("logging goes on; %d bytes are not in the log", e.N)
	case EventBreakSent:
		return fmt.Sprintf("%s sent a BREAK of %d ms", e.Who, e.N)
	case EventAttached:
		if mine {
			return "attached to " + s.c.Name + ", " + e.Text
		}
		return e.Who + " attached, " + e.Text
	case EventDetached:
		return e.Who + " detached"
	case EventQueued:
		if mine {
			return fmt.Sprintf("read-only: %s is typing; you are number %d in the queue", e.Text, e.N)
		}
		return e.Who + " waits to type"
	case EventWriter:
		if mine {
			return "you can type"
		}
		return e.Who + " can type"
	case EventTakenOver:
		if mine {
			return "you can type; you took over from " + e.Text
		}
		return e.Who + " took over from " + e.Text
	case EventMatch, EventSilence, EventNote:
		return fmt.Sprintf("%s: %.200q", e.Kind, e.Text)
	}
	return ""
}
