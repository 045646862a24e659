package main

import (
	"context"
	"sync"

	"github.com/mythic-beasts/hostkit/acme/renew"
)

// events lets callers wait for what becomes of a certificate.
type events struct {
	mu      sync.Mutex // guards waiting
	waiting map[string][]chan renew.Event
}

func newEvents() *events { return &events{waiting: map[string][]chan renew.Event{}} }

// next is a channel that gets the next outcome of a certificate: a new one, or a failure.
func (e *events) next(name string) chan renew.Event {
	ch := make(chan renew.Event, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting[name] = append(e.waiting[name], ch)
	return ch
}

// drop ends the wait of a channel.
func (e *events) drop(name string, ch chan renew.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var left []chan renew.Event
	for _, other := range e.waiting[name] {
		if other != ch {
			left = append(left, other)
		}
	}
	if e.waiting[name] = left; len(left) == 0 {
		delete(e.waiting, name)
	}
}

func (e *events) tell(ev renew.Event) {
	switch ev.Kind {
	case renew.Issued, renew.Renewed, renew.Failed, renew.StoreFailed:
	default:
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ch := range e.waiting[ev.Name] {
		ch <- ev
	}
	delete(e.waiting, ev.Name)
}

// await is the outcome of what begin begins.
func (e *events) await(ctx context.Context, name string, begin func() error) (renew.Event, error) {
	ch := e.next(name)
	defer e.drop(name, ch)
	if err := begin(); err != nil {
		return renew.Event{}, err
	}
	select {
	case ev := <-ch:
		return ev, ev.Err
	case <-ctx.Done():
		return renew.Event{}, context.Cause(ctx)
	}
}
