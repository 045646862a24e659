package serialcon

import (
	"context"
	"log/slog"
	"time"
)

// logState is what is known of the log. It belongs to the goroutine that
// delivers.
type logState struct {
	down  bool
	retry time.Time
	lost  int64 // bytes since it went down
}

// deliver hands a burst to the log, then to the screen, then to the viewers.
func (c *Console) deliver(at time.Time, p []byte) {
	c.logBytes(at, p)
	c.mu.Lock()
	if c.Screen != nil {
		c.Screen.Write(p)
	}
	from := c.ring.end
	c.ring.write(p)
	if c.recall != nil {
		c.taken = c.recall.Taken()
	}
	outside, line := c.track.write(p)
	if outside >= 0 {
		c.outside = from + int64(outside)
	}
	if line >= 0 {
		c.safe = from + int64(line)
	}
	c.stats.BytesIn += int64(len(p))
	c.stats.LastIn = at
	for _, s := range c.sessions {
		s.signal(at)
	}
	changed := c.dropStalled(at)
	c.mu.Unlock()
	if c.Tap != nil {
		c.Tap(at, p)
	}
	c.postAll(changed)
}

func (c *Console) logBytes(at time.Time, p []byte) {
	if c.Log == nil {
		return
	}
	if !c.logUp() {
		c.logState.lost += int64(len(p))
		return
	}
	if err := c.Log.Write(at, p); err != nil {
		c.logFailed(err, len(p))
	}
}

// logUp reports whether the log is worth a write. One that failed is asked
// from time to time, with the mark of what it lost.
func (c *Console) logUp() bool {
	s := &c.logState
	if !s.down {
		return true
	}
	now := time.Now()
	if now.Before(s.retry) {
		return false
	}
	s.retry = now.Add(or(c.LogRetry, time.Second))
	e := Event{Console: c.Name, Kind: EventLogResumed, At: now, N: s.lost}
	if c.Log.Event(e) != nil {
		return false
	}
	s.down, s.lost = false, 0
	c.mu.Lock()
	c.stats.LogDown = false
	c.stats.LogLost += e.N
	c.mu.Unlock()
	c.tell(e)
	return true
}

// logFailed notes that the log did not take n bytes.
func (c *Console) logFailed(err error, n int) {
	s := &c.logState
	*s = logState{down: true, lost: int64(n), retry: time.Now().Add(or(c.LogRetry, time.Second))}
	c.mu.Lock()
	c.stats.LogDown = true
	c.mu.Unlock()
	c.tell(Event{Console: c.Name, Kind: EventLogFailed, At: time.Now(), Text: err.Error()})
}

// deliverEvent hands an event to the log, then to everybody else.
func (c *Console) deliverEvent(e Event) {
	e.Console = c.Name
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if c.Log != nil && c.logUp() {
		if err := c.Log.Event(e); err != nil {
			c.logFailed(err, 0)
		} else if e.Kind == EventMatch {
			c.syncNow()
		}
	}
	c.tell(e)
}

// syncNow makes the log durable: the machine on the port may take this one down
// with it. A log that cannot be made so still takes bytes.
func (c *Console) syncNow() {
	if err := c.Log.Sync(); err != nil {
		c.tell(Event{Console: c.Name, Kind: EventNote, At: time.Now(), Who: "log", Text: "the log is not durable: " + err.Error()})
	}
}

// tell hands an event to the viewers and to whoever wants to know.
func (c *Console) tell(e Event) {
	c.mu.Lock()
	if e.Kind == EventGap {
		c.stats.Gaps += e.N
	}
	for _, s := range c.sessions {
		s.notice(e)
	}
	c.mu.Unlock()
	c.logLine(e)
	if c.Notify != nil {
		c.Notify(e)
	}
}

func (c *Console) logLine(e Event) {
	if c.Logger == nil {
		return
	}
	level := slog.LevelInfo
	switch e.Kind {
	case EventGap, EventLogFailed:
		level = slog.LevelError
	case EventClosed, EventOpenFailed, EventLogResumed, EventSkipped:
		level = slog.LevelWarn
	case EventLines, EventFrame, EventParity, EventMatch:
		level = slog.LevelDebug
	}
	c.Logger.Log(context.Background(), level, "console", "name", e.Console, "event", e.Kind.String(), "who", e.Who, "text", e.Text, "n", e.N)
}

// Post adds an event of the caller's, behind what the port said before it: to
// the log, for the viewers, for Notify. After an EventMatch the log is synced at
// once. Events of a console that does not run are not logged.
func (c *Console) Post(e Event) {
	e.session, e.spy = 0, false
	c.post(e)
}

// post queues an event, behind what the port said before it.
func (c *Console) post(e Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	c.mu.Lock()
	p := c.pipe
	c.mu.Unlock()
	if p != nil {
		p.post(c, e)
		return
	}
	e.Console = c.Name
	c.tell(e)
}

func (c *Console) postAll(events []Event) {
	for _, e := range events {
		c.post(e)
	}
}
