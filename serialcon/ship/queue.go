package ship

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// queue is bounded and never makes a sender wait. The zero value is not ready.
type queue struct {
	limit int
	mu    sync.Mutex
	wake  chan struct{}
	items []Entry
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
	if len(q.items) < q.limit {
		q.items = append(q.items, e)
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

// peek waits for entries and returns the oldest ones, which stay queued.
func (q *queue) peek(ctx context.Context) ([]Entry, error) {
	for {
		q.mu.Lock()
		if n := min(len(q.items), 64); n > 0 {
			out := append([]Entry(nil), q.items[:n]...)
			q.mu.Unlock()
			return out, nil
		}
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// drop removes the n oldest, which were sent. What was lost takes a place.
func (q *queue) drop(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items[:0], q.items[n:]...)
	if q.lost > 0 {
		q.items = append(q.items, Entry{At: q.since, Event: "gap", Severity: Warning,
			Text: strconv.FormatInt(q.lost, 10) + " messages were lost, because the receiver did not keep up"})
		q.lost = 0
	}
}
