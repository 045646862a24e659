package poe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Target is a switch to be looked at.
type Target struct {
	Name   string
	Switch Switch
}

// Poller looks at many switches again and again and says what changed. Its fields
// must not change while it runs.
type Poller struct {
	Targets []Target

	// Interval is the time between two looks at a switch. 0 means 30 seconds.
	Interval time.Duration
	// Concurrency is how many switches are looked at at a time. 0 means 64.
	Concurrency int
	// Timeout bounds one look at one switch. 0 means 10 seconds.
	Timeout time.Duration
	// Unreachable is how many looks in a row must fail for an
	// [EventUnreachable]. 0 means 2.
	Unreachable int
	// MaxBackoff bounds the time between two looks at a switch that does not
	// answer, which doubles from Interval on. 0 means 5 minutes.
	MaxBackoff time.Duration
	// Threshold is the use of a supply in percent that is an
	// [EventBudgetHigh], where the switch has none of its own. 0 means
	// [DefaultThreshold].
	Threshold int

	// OnEvent, if not nil, is called with each event, and OnSnapshot with each
	// look, failed ones included. Run calls them one at a time.
	OnEvent    func(Event)
	OnSnapshot func(Snapshot)
	// Log gets failed looks at level Debug, and switches that stop or begin to
	// answer at Warn and Info. Nil discards.
	Log *slog.Logger
}

// Poll looks at each switch once, and returns what it saw in the order of
// Targets. What a switch does not answer is in its Snapshot's Err.
func (p *Poller) Poll(ctx context.Context) []Snapshot {
	seen := make([]Snapshot, len(p.Targets))
	places := p.places()
	var looking sync.WaitGroup
	for i, target := range p.Targets {
		looking.Go(func() { seen[i] = p.look(ctx, places, target) })
	}
	looking.Wait()
	return seen
}

func (p *Poller) places() chan struct{} {
	return make(chan struct{}, max(1, cmp.Or(p.Concurrency, 64)))
}

// look takes one of the places and looks at a switch.
func (p *Poller) look(ctx context.Context, places chan struct{}, target Target) Snapshot {
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	case <-ctx.Done():
		return Snapshot{Switch: target.Name, At: time.Now(), Err: context.Cause(ctx)}
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, 10*time.Second))
	defer cancel()
	s := Snapshot{Switch: target.Name, At: time.Now()}
	s.Ports, s.Err = target.Switch.Ports(ctx)
	if s.Err == nil {
		s.Budgets, s.Err = target.Switch.Budgets(ctx)
		if errors.Is(s.Err, errors.ErrUnsupported) {
			s.Err = nil
		}
	}
	if s.Err != nil {
		s.Ports, s.Err = nil, fmt.Errorf("poe: look at switch %q: %w", target.Name, s.Err)
	}
	s.Took = time.Since(s.At)
	return s
}

// Run looks at the switches until the context ends, and returns its error. The
// first look at a switch is what the second is compared with; it tells only of
// what is wrong with supplies.
func (p *Poller) Run(ctx context.Context) error {
	places := p.places()
	news := make(chan func())
	var following sync.WaitGroup
	for _, target := range p.Targets {
		following.Go(func() { p.follow(ctx, places, target, news) })
	}
	go func() {
		following.Wait()
		close(news)
	}()
	for tell := range news {
		tell()
	}
	return context.Cause(ctx)
}

// follow looks at one switch again and again.
func (p *Poller) follow(ctx context.Context, places chan struct{}, target Target, news chan<- func()) {
	w := watched{poller: p, name: target.Name}
	for ctx.Err() == nil {
		due := time.Now()
		s := p.look(ctx, places, target)
		if ctx.Err() != nil {
			return
		}
		events, wait := w.next(s)
		news <- func() { p.tell(ctx, s, events) }
		if sleep(ctx, wait-time.Since(due)) != nil {
			return
		}
	}
}

// tell hands on what was seen and what happened.
func (p *Poller) tell(ctx context.Context, s Snapshot, events []Event) {
	log := cmp.Or(p.Log, slog.New(slog.DiscardHandler))
	if s.Err != nil {
		log.LogAttrs(ctx, slog.LevelDebug, "poe switch does not answer", slog.String("switch", s.Switch), slog.Any("error", s.Err))
	}
	if p.OnSnapshot != nil {
		p.OnSnapshot(s)
	}
	for _, e := range events {
		switch e.Kind {
		case EventUnreachable:
			log.LogAttrs(ctx, slog.LevelWarn, "poe switch is unreachable", slog.String("switch", e.Switch), slog.Any("error", e.Err))
		case EventBack:
			log.LogAttrs(ctx, slog.LevelInfo, "poe switch is back", slog.String("switch", e.Switch))
		}
		if p.OnEvent != nil {
			p.OnEvent(e)
		}
	}
}

// watched is what is known of a switch between two looks.
type watched struct {
	poller *Poller
	name   string
	last   Snapshot // the last good one
	failed int      // looks in a row
	gone   bool     // there was an EventUnreachable
}

// next takes in a look and returns what happened, and how long to wait from its
// beginning to the next.
func (w *watched) next(s Snapshot) (events []Event, wait time.Duration) {
	interval := cmp.Or(w.poller.Interval, 30*time.Second)
	if s.Err != nil {
		w.failed++
		if w.failed >= cmp.Or(w.poller.Unreachable, 2) && !w.gone {
			w.gone = true
			events = append(events, Event{Kind: EventUnreachable, At: s.At, Switch: w.name, Err: s.Err})
		}
		longest := max(interval, cmp.Or(w.poller.MaxBackoff, 5*time.Minute))
		return events, min(longest, interval<<min(w.failed-1, 10))
	}
	if w.gone {
		events = append(events, Event{Kind: EventBack, At: s.At, Switch: w.name})
	}
	w.failed, w.gone = 0, false
	events = append(events, Deltas(w.last, s, w.poller.Threshold)...)
	w.last = s
	return events, interval
}
