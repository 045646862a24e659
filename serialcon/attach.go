package serialcon

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// AttachOptions say who attaches and how. The zero value is an unnamed
// read-only viewer without history.
type AttachOptions struct {
	// Mode is the most that the session may ever do. A ReadWrite session gets
	// the writer's place if that is free, and otherwise waits for it.
	Mode Mode
	Who  string // for events and for the other viewers
	// Force takes the writer's place from whoever holds it. Both are told.
	Force bool
	// Watch makes a ReadWrite session begin as a reader that does not ask for
	// the writer's place until Acquire.
	Watch bool
	// History is how many bytes of the past come first. Zero means none, less
	// than zero the Screen's picture or, without a Screen, all that is kept.
	History int
	// Escape makes key sequences commands, as DefaultEscape. The zero value
	// passes every byte to the port, as binary transfers need.
	Escape Escape
	// NoMarks keeps announcements out of the stream. Events tells them.
	NoMarks bool
}

// Attach adds a viewer. It works whether or not the console runs. The session
// ends with ctx, or by Close; until then what the viewer is behind costs no
// memory of its own.
func (c *Console) Attach(ctx context.Context, o AttachOptions) (*Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("serialcon: attach to %s: %w", c.Name, err)
	}
	if o.Mode > Spy {
		return nil, fmt.Errorf("serialcon: attach to %s: unknown %s", c.Name, o.Mode)
	}
	s := &Session{
		c: c, who: cleanWho(o.Who), may: o.Mode, marks: !o.NoMarks, since: time.Now(), tag: newTag(),
		ready: make(chan struct{}, 1), done: make(chan struct{}), events: make(chan Event, 64),
	}
	s.filter.keys = o.Escape

	c.refill(ctx, o.History)
	c.mu.Lock()
	c.lastID++
	s.id = c.lastID
	s.cursor = max(c.outside, c.ring.start)
	s.track.middle = c.outside != c.safe
	s.out = c.past(o.History)
	c.sessions = append(c.sessions, s)
	c.ring.setLimit(c.backlog())
	events := []Event{s.event(EventAttached, o.Mode.String())}
	if o.Mode == ReadWrite && !o.Watch {
		events = append(events, c.acquire(s, o.Force)...)
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.stop = context.AfterFunc(ctx, func() { _ = s.Close() })
	c.mu.Unlock()
	c.tellReader()
	c.postAll(events)
	return s, nil
}

// past is what a new viewer sees first. It is called with mu held.
func (c *Console) past(n int) []byte {
	if n < 0 && c.Screen != nil {
		var b bytes.Buffer
		_ = c.Screen.Replay(&b) // a Buffer takes everything
		return b.Bytes()
	}
	if n == 0 {
		return nil
	}
	from := c.ring.start
	if n > 0 {
		from = max(from, c.outside-int64(n))
	}
	if from >= c.outside {
		return nil
	}
	raw := c.ring.read(nil, from, c.outside)
	if from > c.first { // the first line is cut, maybe inside a sequence
		raw = raw[bytes.IndexByte(raw, '\n')+1:]
	}
	return c.sanitizer().Append(nil, raw)
}

// acquire gives s the writer's place if it may have it now, and else lets it
// wait. It is called with mu held, and returns what is to be told.
func (c *Console) acquire(s *Session, force bool) []Event {
	switch {
	case c.writer == s:
		return nil
	case c.writer == nil:
		return c.promote(s)
	case force:
		was := c.writer
		c.unqueue(s)
		c.writer = s
		c.queue = append([]*Session{was}, c.queue...)
		return []Event{s.event(EventTakenOver, was.who)}
	}
	if slices.Contains(c.queue, s) {
		return nil
	}
	c.queue = append(c.queue, s)
	e := s.event(EventQueued, c.writer.who)
	e.N = int64(len(c.queue))
	return []Event{e}
}

// promote makes s the writer.
func (c *Console) promote(s *Session) []Event {
	c.unqueue(s)
	c.writer = s
	return []Event{s.event(EventWriter, "")}
}

// release takes the writer's place from s, or its wish for it, and gives the
// place to whoever waits longest.
func (c *Console) release(s *Session) []Event {
	c.unqueue(s)
	if c.writer != s {
		return nil
	}
	c.writer = nil
	if len(c.queue) == 0 {
		return nil
	}
	return c.promote(c.queue[0])
}

func (c *Console) unqueue(s *Session) {
	for i, q := range c.queue {
		if q == s {
			c.queue = append(c.queue[:i:i], c.queue[i+1:]...)
			return
		}
	}
}

// dropStalled takes the place of a writer that is not there any more, as far
// as anybody can tell: a client that vanished leaves its output unread.
func (c *Console) dropStalled(now time.Time) []Event {
	w := c.writer
	if w == nil || len(c.queue) == 0 || w.unread.IsZero() || now.Sub(w.unread) < or(c.WriterStall, 30*time.Second) {
		return nil
	}
	return c.release(w)
}

// Viewer is one of those who watch a console.
type Viewer struct {
	Who    string    `json:"who"`
	Mode   Mode      `json:"mode"` // ReadWrite for the writer alone
	Spy    bool      `json:"spy,omitempty"`
	Queued int       `json:"queued,omitempty"` // 1 is the next writer
	Since  time.Time `json:"since"`
}

// Viewers lists who watches, spies among them: show those to administrators
// only.
func (c *Console) Viewers() []Viewer {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Viewer, 0, len(c.sessions))
	for _, s := range c.sessions {
		v := Viewer{Who: s.who, Mode: s.mode(), Spy: s.may == Spy, Since: s.since}
		for i, q := range c.queue {
			if q == s {
				v.Queued = i + 1
			}
		}
		out = append(out, v)
	}
	return out
}

// newTag returns what marks in one stream carry, which a guest cannot guess.
func newTag() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// cleanWho keeps a name from breaking the lines in which it is shown.
func cleanWho(who string) string {
	if who == "" {
		return "somebody"
	}
	b := []byte(who[:min(len(who), MaxName)])
	for i, x := range b {
		if x < 0x20 || x > 0x7e {
			b[i] = '?'
		}
	}
	return string(b)
}
