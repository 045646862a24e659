package dns01

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrNotVisible is wrapped by errors about records that did not appear in time.
var ErrNotVisible = errors.New("not all servers that matter have the record")

// watch is the one loop that looks for the records of a zone.
type watch struct {
	solver *Solver
	zone   string
	ctx    context.Context
	cancel context.CancelFunc
	wake   chan struct{} // gets one when a record joins
	ended  chan struct{}

	// The solver's mutex guards what is below.
	pending []*pending // those that never were looked for come first
}

// pending is a record that somebody waits for.
type pending struct {
	txt  TXT
	done chan struct{}
	last error // why it was not visible when last looked for
}

// wait waits until a record is visible. It returns the last reason why it was not.
func (s *Solver) wait(ctx context.Context, txt TXT) (last, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &pending{txt: txt, done: make(chan struct{})}
	w := s.watch(ctx, p)
	select {
	case <-p.done:
		return nil, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	w.forget(p)
	last, alone := p.last, len(w.pending) == 0
	s.mu.Unlock()
	if alone {
		<-w.ended
	}
	return last, ctx.Err()
}

// watch gives a record to its zone's loop, which is started if there is none.
func (s *Solver) watch(ctx context.Context, p *pending) *watch {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.waits[p.txt.Zone]
	if w == nil {
		w = &watch{solver: s, zone: p.txt.Zone, wake: make(chan struct{}, 1), ended: make(chan struct{})}
		w.ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
		s.waits[p.txt.Zone] = w
		go w.run()
	}
	w.pending = slices.Insert(w.pending, 0, p)
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return w
}

// forget takes a record out. A loop without records ends. The mutex is held.
func (w *watch) forget(p *pending) {
	w.pending = slices.DeleteFunc(w.pending, func(other *pending) bool { return other == p })
	if len(w.pending) == 0 {
		w.end()
	}
}

func (w *watch) end() {
	w.cancel()
	if w.solver.waits[w.zone] == w {
		delete(w.solver.waits, w.zone)
	}
}

func (w *watch) run() {
	defer close(w.ended)
	first, most := cmp.Or(w.solver.FirstPoll, time.Second), cmp.Or(w.solver.MaxPoll, 5*time.Second)
	interval := first
	if w.solver.Delay > 0 && !w.sleep(w.solver.Delay) {
		return
	}
	for {
		all := w.snapshot()
		if len(all) == 0 {
			return
		}
		if w.look(all) {
			continue // who joined meanwhile is looked for at once
		}
		switch w.pause(interval) {
		case ended:
			return
		case joined:
			const part = 10 // of the first interval, so that many who join do not ask without end
			if !w.sleep(first / part) {
				return
			}
			interval = first
		default:
			interval = min(2*interval, max(most, first))
		}
	}
}

// snapshot are the records to look for.
func (w *watch) snapshot() []*pending {
	w.solver.mu.Lock()
	defer w.solver.mu.Unlock()
	select {
	case <-w.wake: // they are in the snapshot
	default:
	}
	if len(w.pending) == 0 {
		w.end()
	}
	return slices.Clone(w.pending)
}

// look looks for the first record, and if that is visible for all others, since a
// server has all changes of a zone that came before one that it has. It says whether
// all are visible.
func (w *watch) look(all []*pending) bool {
	if !w.lookFor(all[0]) {
		w.toBack(all[0])
		return false
	}
	const atOnce = 16
	slots := make(chan struct{}, atOnce)
	seen := make([]bool, len(all))
	seen[0] = true
	var looks sync.WaitGroup
	for i := 1; i < len(all); i++ {
		slots <- struct{}{}
		looks.Go(func() {
			defer func() { <-slots }()
			seen[i] = w.lookFor(all[i])
		})
	}
	looks.Wait()
	return !slices.Contains(seen, false)
}

func (w *watch) lookFor(p *pending) bool {
	seen, err := w.solver.verifier.Visible(w.ctx, p.txt)
	w.solver.mu.Lock()
	defer w.solver.mu.Unlock()
	if !seen {
		if w.ctx.Err() == nil {
			p.last = err
		}
		return false
	}
	if slices.Contains(w.pending, p) {
		close(p.done)
		w.forget(p)
	}
	return true
}

// toBack lets another record be looked for first the next time.
func (w *watch) toBack(p *pending) {
	w.solver.mu.Lock()
	defer w.solver.mu.Unlock()
	if i := slices.Index(w.pending, p); i >= 0 {
		w.pending = append(slices.Delete(w.pending, i, i+1), p)
	}
}

// What ends a pause.
type paused int

const (
	timely paused = iota
	joined
	ended
)

func (w *watch) pause(d time.Duration) paused {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return timely
	case <-w.wake:
		return joined
	case <-w.ctx.Done():
		return ended
	}
}

func (w *watch) sleep(d time.Duration) bool { return pauseFor(w.ctx, d) }

// pauseFor says whether the time passed before the context ended.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
