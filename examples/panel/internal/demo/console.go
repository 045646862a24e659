package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/mythic-beasts/hostkit/serialcon/watch"
)

// console is the serial console of a Pi, as the house keeps it.
type console struct {
	serial  serialcon.Console
	screen  *vt.Screen
	matcher watch.Matcher
	log     *conlog.Log // set before it runs
	news    *news
	slot    *slot

	mu      sync.Mutex // guards all below
	number  uint64
	changed chan struct{} // closed and replaced with each number
}

func newConsole(p *slot, n *news) *console {
	c := &console{slot: p, news: n, screen: vt.New(80, 24, 1000), number: 1, changed: make(chan struct{})}
	for _, pattern := range watch.Default() {
		if pattern.Name == watch.KernelPanic {
			pattern.Every = -1 // a Pi may panic again as soon as it is up
			c.matcher.Patterns = append(c.matcher.Patterns, pattern)
		}
	}
	c.serial.Name = p.plan.Name
	c.serial.Port = p.machine.uart
	c.serial.Screen = c.screen
	c.serial.Tap = c.tap
	c.serial.Notify = func(serialcon.Event) { c.bump() }
	return c
}

// tap is told what the port said, after the log and the screen.
func (c *console) tap(at time.Time, p []byte) {
	c.bump()
	for range c.matcher.Write(at, p) {
		c.slot.set(func(p *slot) {
			p.history.crash("Its console says that the kernel panicked. Take its power and give it back.")
		})
		c.news.tell(model.PiKind, c.slot.plan.Name)
	}
}

func (c *console) bump() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *console) since() (uint64, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.number, c.changed
}

// open reports whether the port is.
func (c *console) open() bool { return c.serial.Stats().Open }

// run keeps the console until ctx ends.
func (c *console) run(ctx context.Context) error {
	c.serial.Log = c.log
	var listening sync.WaitGroup
	listening.Go(c.slot.machine.listen)
	err := c.serial.Run(ctx)
	c.slot.machine.uart.Unplug()
	listening.Wait()
	return errors.Join(err, c.log.Close())
}

// search are the lines with a text, whatever its case, the latest first.
func (c *console) search(ctx context.Context, text string, n int) ([]model.LogLine, error) {
	q := conlog.Query{}
	if text != "" {
		q.Regexp = regexp.MustCompile("(?i)" + regexp.QuoteMeta(text))
	}
	var lines []model.LogLine
	err := c.log.Search(ctx, q, func(l conlog.Line) error {
		if len(lines) == 2*n { // those before cannot be among the last
			lines = append(lines[:0], lines[n:]...)
		}
		lines = append(lines, model.LogLine{At: l.At, Text: string(vt.Strip(nil, l.Text))})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("demo: search the log of %s: %w", c.slot.plan.Name, err)
	}
	lines = lines[max(0, len(lines)-n):]
	slices.Reverse(lines)
	return lines, nil
}

// session is somebody at a console.
type session struct {
	console  *console
	session  *serialcon.Session
	draining sync.WaitGroup
}

var _ model.Console = (*session)(nil)

// attach opens a session, which ends with ctx or by Close.
func (c *console) attach(ctx context.Context, o model.ConsoleOptions) (*session, error) {
	mode := serialcon.ReadOnly
	if o.Keyboard {
		mode = serialcon.ReadWrite
	}
	s, err := c.serial.Attach(ctx, serialcon.AttachOptions{Mode: mode, Who: o.By, Force: o.Keyboard && o.Take, NoMarks: true})
	if err != nil {
		return nil, fmt.Errorf("demo: open the console of %s: %w", c.slot.plan.Name, err)
	}
	v := &session{console: c, session: s}
	// The screen is what is shown. A writer that leaves its stream unread would lose
	// its place.
	v.draining.Go(func() { _, _ = io.Copy(io.Discard, s) })
	return v, nil
}

// Screen implements model.Console.
func (s *session) Screen(ctx context.Context, after uint64) (model.Screen, error) {
	for {
		number, changed := s.console.since()
		if number != after {
			return s.screen(number), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return model.Screen{}, ctx.Err()
		}
	}
}

func (s *session) screen(number uint64) model.Screen {
	v := model.Screen{Number: number, Keyboard: s.session.Mode() == serialcon.ReadWrite}
	s.console.serial.OnScreen(func(serialcon.Screen) {
		v.HTML, v.Text = s.console.screen.HTML(), s.console.screen.Text()
	})
	if !v.Keyboard {
		v.Holder = s.console.serial.Stats().Writer
	}
	return v
}

// Type implements model.Console.
func (s *session) Type(ctx context.Context, keys []byte) error {
	_, err := s.session.Send(ctx, keys)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, serialcon.ErrReadOnly):
		why := "nobody has the keyboard: open the console with it"
		if who := s.console.serial.Stats().Writer; who != "" {
			why = fmt.Sprintf("%q has the keyboard: ask for it, or take it", who)
		}
		return fmt.Errorf("demo: type into the console of %s: %s: %w", s.console.slot.plan.Name, why, model.ErrRefused)
	}
	return fmt.Errorf("demo: type into the console of %s: %w", s.console.slot.plan.Name, err)
}

// Close implements model.Console.
func (s *session) Close() error {
	err := s.session.Close()
	s.draining.Wait()
	return err
}
