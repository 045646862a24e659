package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/ship"
	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/mythic-beasts/hostkit/serialcon/watch"
)

// console is a console with all that hangs on it.
type console struct {
	*serialcon.Console
	config  consoleConfig
	keeper  *keeper
	log     *conlog.Log
	screen  *vt.Screen
	matcher *watch.Matcher
	rack    *rack
	last    atomic.Pointer[incident]

	cancel  context.CancelFunc
	offered sync.WaitGroup
	ended   chan struct{}
	err     error // of Run, once ended is closed
}

// incident is what was on the screen when a pattern matched.
type incident struct {
	Console string    `json:"console"`
	Machine string    `json:"machine"`
	Pattern string    `json:"pattern"`
	At      time.Time `json:"at"`
	Line    string    `json:"line"`
	Screen  string    `json:"screen"`
}

func (r *rack) newConsole(cfg consoleConfig, k *keeper, log *conlog.Log) *console {
	c := &console{
		config: cfg, keeper: k, log: log, rack: r, ended: make(chan struct{}),
		screen:  vt.New(r.settings.Screen.Columns, r.settings.Screen.Rows, r.settings.Screen.Scrollback),
		matcher: &watch.Matcher{Patterns: r.settings.Watch.patterns(), Silence: durationOf(r.settings.Watch.Silence)},
	}
	if cfg.Silence != 0 {
		c.matcher.Silence = max(0, durationOf(cfg.Silence))
	}
	if r.shipper != nil {
		c.screen.Lines = func(at time.Time, text []byte) {
			r.shipper.send(ship.Entry{Console: cfg.Name, At: at, Text: string(text)})
		}
	}
	c.Console = &serialcon.Console{
		Name: cfg.Name, Port: k, Log: log, Screen: c.screen, Engine: &r.engine, Logger: r.log,
		NewSanitizer: func() serialcon.Sanitizer { return new(vt.Sanitizer) },
		Notify:       r.notify,
		Tap: func(at time.Time, p []byte) {
			c.found(c.matcher.Write(at, p))
		},
	}
	return c
}

// run reads the port until stop.
func (c *console) run(ctx context.Context) error {
	ctx, c.cancel = context.WithCancel(ctx)
	go func() {
		defer close(c.ended)
		c.err = c.Run(ctx)
	}()
	return c.offer(ctx)
}

// stop returns when all that the port said is in the log.
func (c *console) stop() error {
	c.cancel()
	c.offered.Wait()
	<-c.ended
	if err := errors.Join(c.err, c.log.Close()); err != nil {
		return fmt.Errorf("console %s: %w", c.Name, err)
	}
	return nil
}

// tick finds prompts and silence, if it is time to.
func (c *console) tick(now time.Time) {
	if due := c.matcher.Due(); due.IsZero() || due.After(now) {
		return
	}
	c.found(c.matcher.Tick(now))
}

// found makes events of matches, and incidents of those that are faults.
func (c *console) found(matches []watch.Match) {
	for _, m := range matches {
		c.rack.counts.matched(m.Name)
		if m.Name == watch.Silence {
			c.Post(serialcon.Event{Kind: serialcon.EventSilence, At: m.At, N: int64(m.For / time.Second)})
		} else {
			c.Post(serialcon.Event{Kind: serialcon.EventMatch, At: m.At, Text: m.Name})
		}
		in := &incident{
			Console: c.Name, Machine: c.config.Machine, Pattern: m.Name, At: m.At, Line: m.Text, Screen: c.screen.Text(),
		}
		if m.Name != watch.Login {
			c.last.Store(in)
		}
		c.rack.hook.tell(in)
	}
}

// severities are those of the built-in patterns.
var severities = map[string]ship.Severity{
	watch.KernelPanic: ship.Critical, watch.Oops: ship.Error, watch.Lockup: ship.Error,
	watch.OutOfMemory: ship.Error, watch.Filesystem: ship.Error, watch.HungTask: ship.Warning,
}

// notify counts and ships the events of all consoles.
func (r *rack) notify(e serialcon.Event) {
	r.counts.event(e.Kind)
	if r.shipper == nil {
		return
	}
	text := e.Text
	if e.Who != "" {
		text = e.Who + " " + text
	}
	if e.N != 0 {
		text = fmt.Sprintf("%s (%d)", text, e.N)
	}
	entry := ship.Entry{Console: e.Console, At: e.At, Event: e.Kind.String(), Text: text}
	switch e.Kind {
	case serialcon.EventMatch:
		entry.Severity = severities[e.Text]
	case serialcon.EventGap, serialcon.EventLogFailed, serialcon.EventLogResumed:
		entry.Severity = ship.Error
	case serialcon.EventClosed, serialcon.EventOpenFailed:
		entry.Severity = ship.Warning
	}
	r.shipper.send(entry)
}

// tickEvery is how late a prompt or a silence may be noticed.
const tickEvery = 250 * time.Millisecond

// ticks looks for prompts and silence until ctx ends.
func (r *rack) ticks(ctx context.Context) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			for _, c := range r.all() {
				c.tick(now)
			}
		}
	}
}
