package ship

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// linger is how long an entry that was sent is kept to be sent again, should the
// connection break: a receiver that was not about to stop has read it by then. Syslog
// acknowledges nothing, so there is no better sign.
const linger = 10 * time.Second

// held is an entry in the queue.
type held struct {
	Entry
	sent time.Time
}

// queue is bounded and never makes a sender wait. The zero value is not ready.
type queue struct {
	limit int
	mu    sync.Mutex
	wake  chan struct{}
	items []held // of which the first next were sent, not long ago
	next  int
	lost  int64
	since time.Time // of the first loss
}

func (q *queue) init(limit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.wake == nil {
		q.limit, q.wake = limit, make(chan struct{}, 1)
	}
}

func (q *queue) put(e Entry) {
	q.mu.Lock()
	if len(q.items) >= q.limit && q.next > 0 {
		q.forget(1) // what was sent makes room for what was not
	}
	if len(q.items) < q.limit {
		q.items = append(q.items, held{Entry: e})
	} else {
		if q.lost == 0 {
			q.since = time.Now()
		}
		q.lost++
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// forget drops the n oldest. It is called with mu held.
func (q *queue) forget(n int) {
	clear(q.items[:n])
	q.items = q.items[n:]
	q.next = max(q.next-n, 0)
}

// peek waits for entries that were not sent and returns the oldest ones, which
// stay queued. It returns none that come after ctx ended.
func (q *queue) peek(ctx context.Context) ([]held, error) {
	for ctx.Err() == nil {
		q.mu.Lock()
		if n := min(len(q.items)-q.next, 64); n > 0 {
			out := append([]held(nil), q.items[q.next:q.next+n]...)
			q.mu.Unlock()
			return out, nil
		}
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-ctx.Done():
		}
	}
	return nil, ctx.Err()
}

// sent says that the n oldest that were not sent were, and drops what was sent
// long enough ago. What was lost takes a place.
func (q *queue) sent(n int, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.items[q.next:min(q.next+n, len(q.items))] {
		q.items[q.next+i].sent = now
	}
	q.next = min(q.next+n, len(q.items))
	q.settle(now)
	if q.lost > 0 {
		q.items = append(q.items, held{Entry: Entry{At: q.since, Event: "gap", Severity: Warning,
			Text: strconv.FormatInt(q.lost, 10) + " messages were lost, because the receiver did not keep up"}})
		q.lost = 0
	}
}

// settle drops what was sent long enough ago. It is called with mu held.
func (q *queue) settle(now time.Time) {
	n := 0
	for n < q.next && now.Sub(q.items[n].sent) >= linger {
		n++
	}
	q.forget(n)
}

// rewind makes what was sent last be sent again: the connection broke.
func (q *queue) rewind(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settle(now)
	q.next = 0
}
