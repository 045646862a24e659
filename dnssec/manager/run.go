package manager

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// queue has the zones by when they are looked at again, the next one first.
type queue struct {
	mu    sync.Mutex // guards all below
	heap  byTime
	items map[string]*item
	more  chan struct{} // somebody waits for what is first to change
}

type item struct {
	zone string
	at   time.Time
	i    int // in the heap
}

type byTime []*item

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h byTime) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].i, h[j].i = i, j }
func (h *byTime) Push(x any)        { it := x.(*item); it.i = len(*h); *h = append(*h, it) }
func (h *byTime) Pop() any {
	old := *h
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	it.i = -1
	return it
}

// put sets when a zone is looked at; a zero time is never.
func (q *queue) put(zone string, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.items[zone]
	switch {
	case it == nil && at.IsZero():
		return
	case it == nil:
		it = &item{zone: zone, at: at}
		if q.items == nil {
			q.items = map[string]*item{}
		}
		q.items[zone] = it
		heap.Push(&q.heap, it)
	case at.IsZero():
		heap.Remove(&q.heap, it.i)
		delete(q.items, zone)
	default:
		it.at = at
		heap.Fix(&q.heap, it.i)
	}
	if q.more != nil && q.heap.Len() > 0 && q.heap[0] == it {
		close(q.more)
		q.more = nil
	}
}

// sooner is put, unless the zone is looked at earlier.
func (q *queue) sooner(zone string, at time.Time) {
	q.mu.Lock()
	it := q.items[zone]
	later := it == nil || at.Before(it.at)
	q.mu.Unlock()
	if later {
		q.put(zone, at)
	}
}

// all has all zones looked at.
func (q *queue) all(at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.heap {
		if at.Before(it.at) {
			it.at = at
		}
	}
	heap.Init(&q.heap)
	if q.more != nil {
		close(q.more)
		q.more = nil
	}
}

// take takes out a zone that is due. If none is, it says when one will be, zero for
// never, and returns a channel that is closed when that changes.
func (q *queue) take(now time.Time) (zone string, next time.Time, more <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.heap.Len() > 0 {
		first := q.heap[0]
		if !first.at.After(now) {
			heap.Pop(&q.heap)
			delete(q.items, first.zone)
			return first.zone, time.Time{}, nil
		}
		next = first.at
	}
	if q.more == nil {
		q.more = make(chan struct{})
	}
	return "", next, q.more
}

// Wake has a zone looked at when its time has come, if that is sooner than it would be;
// for what only a caller can know, as that the parent was told of a change.
func (m *Manager) Wake(zone string, at time.Time) {
	if z, err := m.zone(zone); err == nil {
		m.queue.sooner(z.name, at)
	}
}

// schedule sets when a zone is looked at again.
func (m *Manager) schedule(z *zone, at time.Time) { m.queue.put(z.name, at) }

// TickDue looks at all zones that are due, one after another, and returns how many that
// were. It is for who does not use [Manager.Run].
func (m *Manager) TickDue(ctx context.Context) (int, error) {
	var errs []error
	for n := 0; ; n++ {
		name, _, _ := m.queue.take(m.now())
		if name == "" {
			return n, errors.Join(errs...)
		}
		errs = append(errs, m.turn(ctx, name))
	}
}

// turn looks at a zone that was due.
func (m *Manager) turn(ctx context.Context, name string) error {
	z, err := m.zone(name)
	if err != nil {
		return err
	}
	return m.work(ctx, z, func(ctx context.Context) error { return m.look(ctx, z) })
}

// maxSleep is how long Run sleeps at most, so that it hears of the clock.
const maxSleep = heartbeat

// Run does what is due for all zones that this process leads, until ctx ends, which is
// no error. It looks at each zone once when it begins to lead it.
func (m *Manager) Run(ctx context.Context) error {
	if m.Keys == nil || m.Store == nil {
		return errors.New("manager: Keys and Store are needed")
	}
	var group sync.WaitGroup
	for n := range max(m.Shards, 1) {
		s := m.shard(n)
		s.setRuns(true)
		group.Go(func() {
			defer s.setRuns(false)
			m.lead(ctx, s, n)
		})
	}
	group.Go(func() { m.loop(ctx) })
	group.Wait()
	return nil
}

// lead leads a shard again and again: while this process has its lock, its zones are
// looked at when they are due and when somebody else changes their records.
func (m *Manager) lead(ctx context.Context, s *shard, n int) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := m.leadOnce(ctx, s, n, func() { wait = time.Second })
		if ctx.Err() != nil {
			return
		}
		if m.Log != nil {
			m.Log.WarnContext(ctx, "not leading", "shard", n, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (m *Manager) leadOnce(ctx context.Context, s *shard, n int, leads func()) error {
	work, done, err := s.take(ctx, m.Store, true)
	if err != nil {
		return err
	}
	defer done()
	leads()
	if m.Log != nil {
		m.Log.InfoContext(ctx, "leading", "shard", n)
	}
	m.begin(n)
	err = m.Store.Watch(work, m.prefix()+"zone/", func(key string, val []byte, rev int64) {
		name, ok := m.recordZone(key)
		if !ok || m.shardOf(name) != n {
			return
		}
		if val == nil {
			m.queue.put(name, time.Time{})
			return
		}
		m.noticed(name, rev)
	})
	if err == nil {
		err = fmt.Errorf("manager: watch the records: %w", context.Cause(work))
	}
	return err
}

// begin looks at the zones of a shard that were given contents while it was not led: some
// have no record yet.
func (m *Manager) begin(shard int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, z := range m.zones {
		if m.shardOf(z.name) == shard && z.see().given {
			m.schedule(z, m.now())
		}
	}
}

// noticed looks at a zone soon whose record this process did not write.
func (m *Manager) noticed(name string, rev int64) {
	z, err := m.zone(name)
	if err != nil {
		return
	}
	if z.see().rev != rev {
		m.schedule(z, m.now())
	}
}

// loop looks at zones that are due, several at once.
func (m *Manager) loop(ctx context.Context) {
	workers := m.Workers
	if workers <= 0 {
		workers = 4
	}
	slots := make(chan struct{}, workers)
	var group sync.WaitGroup
	defer group.Wait()
	for ctx.Err() == nil {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		name, next, more := m.queue.take(m.now())
		if name == "" {
			<-slots
			m.sleep(ctx, next, more)
			continue
		}
		group.Go(func() {
			defer func() { <-slots }()
			_ = m.turn(ctx, name) // told as an event, and tried again
		})
	}
}

// sleep waits until a time, or for what changes it.
func (m *Manager) sleep(ctx context.Context, next time.Time, more <-chan struct{}) {
	wait := maxSleep
	if !next.IsZero() {
		wait = min(wait, next.Sub(m.now()))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-more:
	case <-timer.C:
		_ = m.clock.trust(ctx, m) // what it says is told when a zone is looked at
	}
}
