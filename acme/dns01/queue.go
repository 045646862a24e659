package dns01

import (
	"context"
	"errors"
	"math/bits"
	"slices"
	"sync"
	"time"
)

// queues has one queue for each zone that has something to do.
type queues struct {
	call    func(ctx context.Context, records ...TXT) error
	before  func(ctx context.Context, records []TXT) error // an error fails all
	after   func(ctx context.Context, records []TXT)       // those that went well
	window  time.Duration
	limit   int
	timeout time.Duration // of one call

	mu    sync.Mutex // guards all that is below, and in the queues and items
	zones map[string]*queue
}

// queue are the records of a zone that no call has yet. It exists while it is run.
type queue struct {
	items []*item
	full  chan struct{} // gets one when there are enough for a call, or none
}

// item is a record that somebody waits for.
type item struct {
	txt    TXT
	ctx    context.Context
	flight *flight // nil: still in the queue
	gone   bool    // nobody waits any more
	done   chan struct{}
	err    error
}

// flight is the items of one call, or of several after an error.
type flight struct {
	queues   *queues
	items    []*item
	ctx      context.Context
	cancel   context.CancelFunc
	failures int // in a row
	budget   int // of failures in a row
	err      error
}

// do puts a record into a call of its zone and waits for the outcome. When the
// context ends, a record that no call has yet is taken back; else it waits for the
// call, which ends if nobody else has records in it.
func (q *queues) do(ctx context.Context, txt TXT) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	it := &item{txt: txt, ctx: ctx, done: make(chan struct{})}
	q.put(it)
	select {
	case <-it.done:
		return it.err
	case <-ctx.Done():
	}
	if q.leave(it) {
		return ctx.Err()
	}
	<-it.done
	if errors.Is(it.err, context.Canceled) {
		return ctx.Err() // why it was
	}
	return it.err
}

func (q *queues) put(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	zone := q.zones[it.txt.Zone]
	if zone == nil {
		zone = &queue{full: make(chan struct{}, 1)}
		q.zones[it.txt.Zone] = zone
		go q.run(it.txt.Zone, zone)
	}
	zone.items = append(zone.items, it)
	if len(zone.items) >= q.limit {
		zone.hurry()
	}
}

func (z *queue) hurry() {
	select {
	case z.full <- struct{}{}:
	default:
	}
}

// leave takes an item back, and says whether it was in time.
func (q *queues) leave(it *item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	it.gone = true
	if it.flight != nil {
		if !slices.ContainsFunc(it.flight.items, func(other *item) bool { return !other.gone }) {
			it.flight.cancel()
		}
		return false
	}
	zone := q.zones[it.txt.Zone]
	zone.items = slices.DeleteFunc(zone.items, func(other *item) bool { return other == it })
	if len(zone.items) == 0 {
		zone.hurry()
	}
	return true
}

// run makes calls for a zone until there is nothing left.
func (q *queues) run(name string, zone *queue) {
	for {
		q.gather(zone)
		f := q.take(name, zone)
		if f == nil {
			return
		}
		f.fly()
	}
}

func (q *queues) empty(zone *queue) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(zone.items) == 0
}

// gather waits for more items while the window is open.
func (q *queues) gather(zone *queue) {
	if q.window <= 0 || q.empty(zone) {
		return
	}
	timer := time.NewTimer(q.window)
	defer timer.Stop()
	select {
	case <-zone.full:
	case <-timer.C:
	}
}

func (q *queues) take(name string, zone *queue) *flight {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(zone.items) == 0 {
		delete(q.zones, name)
		return nil
	}
	n := min(len(zone.items), q.limit)
	f := &flight{queues: q, items: slices.Clone(zone.items[:n])}
	zone.items = slices.Clone(zone.items[n:])
	if len(zone.items) < q.limit {
		select {
		case <-zone.full:
		default:
		}
	}
	const more = 8 // adjoining bad records that do not yet look like an outage
	f.budget = 2*bits.Len(uint(n)) + more
	f.ctx, f.cancel = context.WithCancel(context.WithoutCancel(f.items[0].ctx))
	for _, it := range f.items {
		it.flight = f
	}
	return f
}

func (f *flight) fly() {
	defer f.cancel()
	q := f.queues
	if q.before != nil {
		if err := q.before(f.ctx, records(f.items)); err != nil {
			f.settle(f.items, err)
			return
		}
	}
	f.try(f.items)
}

// try makes one call for the items. After an error it tries each half, so that one
// bad record does not fail the others, unless nothing goes well any more.
func (f *flight) try(items []*item) {
	if f.failures >= f.budget || f.failures > 0 && f.ctx.Err() != nil {
		f.settle(items, f.err)
		return
	}
	ctx, cancel := context.WithTimeout(f.ctx, f.queues.timeout)
	err := f.queues.call(ctx, records(items)...)
	cancel()
	switch {
	case err == nil:
		f.failures = 0
	case len(items) == 1, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		f.failures++
		f.err = err
	default:
		f.failures++
		f.err = err
		f.try(items[:len(items)/2])
		f.try(items[len(items)/2:])
		return
	}
	f.settle(items, err)
}

// settle tells those who wait.
func (f *flight) settle(items []*item, err error) {
	if err == nil && f.queues.after != nil {
		f.queues.after(f.ctx, records(items))
	}
	for _, it := range items {
		it.err = err
		close(it.done)
	}
}

func records(items []*item) []TXT {
	all := make([]TXT, len(items))
	for i, it := range items {
		all[i] = it.txt
	}
	return all
}
