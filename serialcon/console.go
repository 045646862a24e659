package serialcon

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Console is one port, its log, its screen and its viewers. Name and Port are
// required. The fields are not changed once Run or Attach was called, and a
// Console is not copied.
type Console struct {
	Name   string // as CheckName allows it
	Port   Opener // opened by Run, again and again
	Log    Log    // nil keeps nothing; Run syncs it and leaves it open
	Screen Screen // nil: history on attach is the last bytes

	// NewSanitizer makes the sanitiser of history and of the stream that is
	// shown to a viewer who is not the writer. Nil lets nothing through but
	// text, line ends, tabs and backspaces.
	NewSanitizer func() Sanitizer

	// Engine reads the port together with those of other consoles, if the port
	// is Pollable, and runs their logs in one goroutine. Nil means goroutines
	// of this console's own.
	Engine *Engine

	// History is how many of the last bytes are kept in memory while nobody
	// watches. Zero means 16 KiB or, with a Log that is a Recaller, none: then
	// the log gives them back to the first who attaches. Less than zero means
	// none at all.
	History int
	// Backlog is how many are kept while somebody does: a viewer that is
	// further behind skips to the live end. Zero means 256 KiB.
	Backlog int

	// RetryMin and RetryMax are the first and the longest wait between tries
	// to open the port. Zero means 100 ms and 2 s.
	RetryMin, RetryMax time.Duration
	// LogRetry is the wait before a log that failed is tried again. Zero means
	// one second.
	LogRetry time.Duration
	// WriterStall is how long the writer may leave output unread while
	// somebody waits for its place, before it loses it. Zero means 30 s.
	WriterStall time.Duration

	// Notify is told each event, after the log. Several goroutines may call
	// it at once. It must not block.
	Notify func(Event)
	// Tap is given each burst, after the log and the screen. It must not
	// block, nor keep p.
	Tap func(at time.Time, p []byte)

	Logger *slog.Logger // nil discards

	kick     chan struct{} // asks for an Open now; holds one token
	out      chan struct{} // held by whoever writes to the port
	logState logState      // of the goroutine that delivers

	mu       sync.Mutex // guards what follows
	ready    bool
	running  bool
	pipe     *pipe            // while running
	port     Port             // while open
	pace     func(typed bool) // tells the port's reader that somebody types, or watches
	ring     ring
	recall   Recaller // nil: the past is what the ring has
	taken    int64    // by it, of what came before ring.end
	first    int64    // where the first line of all starts, as far as is known
	track    tracker
	safe     int64 // the last start of a line, outside a sequence
	outside  int64 // the last place outside a sequence
	sessions []*Session
	lastID   uint64
	writer   *Session
	queue    []*Session // who waits for the writer's place
	stats    Stats
}

// prepare makes the zero value work. It is called with mu held.
func (c *Console) prepare() {
	if c.ready {
		return
	}
	c.ready = true
	c.kick = make(chan struct{}, 1)
	c.out = make(chan struct{}, 1)
	if c.History == 0 {
		c.recall, _ = c.Log.(Recaller)
	}
	if c.recall != nil {
		c.taken = c.recall.Taken()
		c.ring.start, c.ring.end, c.first, c.safe, c.outside = longAgo, longAgo, longAgo, longAgo, longAgo
	}
	c.ring.limit = c.kept()
}

// longAgo leaves room for offsets of bytes that came before this Console ran.
const longAgo = 1 << 40

// kept is how much of the past is in memory while nobody watches.
func (c *Console) kept() int {
	if c.recall != nil {
		return 0
	}
	return c.history()
}

func (c *Console) history() int {
	if c.History == 0 {
		return 16 << 10
	}
	return max(c.History, 0)
}

func (c *Console) backlog() int {
	return max(or(c.Backlog, 256<<10), c.history(), minRing)
}

func (c *Console) sanitizer() Sanitizer {
	if c.NewSanitizer == nil {
		return new(stripper)
	}
	return c.NewSanitizer()
}

// or is v, or otherwise what zero means.
func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (c *Console) check() error {
	if err := CheckName(c.Name); err != nil {
		return err
	}
	if c.Port == nil {
		return fmt.Errorf("serialcon: console %s has no port", c.Name)
	}
	return nil
}

// Run opens the port, reads it, and opens it again whenever it is lost, until
// ctx ends. What the port said until then is in the log when Run returns.
// Whatever happens to the port, the log or a viewer is an event and not an
// error: Run fails with a Console that cannot work (ErrName, no port,
// ErrRunning) or a log that cannot be synced at the end.
func (c *Console) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	p, stop, err := c.begin()
	if err != nil {
		return err
	}
	apart(func() { c.post(Event{Kind: EventStarted, Text: c.Port.String()}) })
	c.serve(ctx)
	apart(func() { c.post(Event{Kind: EventStopped}) })
	p.flush()
	c.mu.Lock()
	c.pipe, c.running = nil, false
	c.mu.Unlock()
	stop()
	if c.Log == nil {
		return nil
	}
	if err := c.Log.Sync(); err != nil {
		return fmt.Errorf("serialcon: sync the log of %s: %w", c.Name, err)
	}
	return nil
}

// maxQueue bounds what a console of its own reads ahead of its log.
const maxQueue = 1 << 20

// begin marks the console as running and starts what delivers.
func (c *Console) begin() (p *pipe, stop func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		return nil, nil, fmt.Errorf("%w: %s", ErrRunning, c.Name)
	}
	c.prepare()
	if c.Engine != nil {
		p, err = c.Engine.join()
		if err != nil {
			return nil, nil, err
		}
		stop = c.Engine.leave
	} else {
		p = newPipe(maxQueue)
		var wg sync.WaitGroup
		wg.Go(p.run)
		stop = func() { p.close(); wg.Wait() }
	}
	c.running, c.pipe = true, p
	return p, stop, nil
}

// Reopen tells the console that its port came back: a wait before the next
// try to open it ends now.
func (c *Console) Reopen() {
	c.mu.Lock()
	c.prepare()
	c.mu.Unlock()
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// OnScreen calls fn with the screen while nothing writes to it. fn is brief:
// the console's viewers and its log wait.
func (c *Console) OnScreen(fn func(Screen)) {
	if c.Screen == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	fn(c.Screen)
}

// apart runs fn on a stack of its own. Hundreds of consoles wait in Run, and
// each would keep a stack of the size that an Open once needed.
func apart(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	<-done
}

// serve keeps the port open and read until ctx ends.
func (c *Console) serve(ctx context.Context) {
	retry := retry{c: c}
	for ctx.Err() == nil {
		u := new(use)
		apart(func() { u.open(ctx, c) })
		if u.port == nil {
			retry.failed(ctx, u.err)
			continue
		}
		opened := time.Now()
		u.wait(ctx)
		apart(func() { u.close(ctx) })
		if time.Since(opened) > or(c.RetryMax, 2*time.Second) {
			retry.reset()
		}
		retry.pause(ctx)
	}
}

// setPort says which port is open.
func (c *Console) setPort(port Port) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.port, c.pace = port, nil
	c.stats.Open = port != nil
	if port != nil {
		c.stats.Opens++
	}
}

// paceBy says how to tell the port's reader that somebody types, or began or
// ceased to watch.
func (c *Console) paceBy(pace func(typed bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pace = pace
}

func (c *Console) watched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sessions) > 0
}

// tellReader lets the port's reader see whether somebody watches.
func (c *Console) tellReader() {
	c.mu.Lock()
	pace := c.pace
	c.mu.Unlock()
	if pace != nil {
		pace(false)
	}
}
