package ship

import (
	"context"
	"time"
)

// A Queue is a queue of so many texts.
type Queue struct{ q queue }

// NewQueue returns one.
func NewQueue(limit int) *Queue {
	q := new(Queue)
	q.q.init(limit)
	return q
}

// Put adds texts.
func (q *Queue) Put(texts ...string) {
	for _, text := range texts {
		q.q.put(Entry{Text: text})
	}
}

// Unsent are the texts that are to be sent.
func (q *Queue) Unsent(ctx context.Context) (texts []string) {
	entries, _ := q.q.peek(ctx)
	for _, e := range entries {
		texts = append(texts, e.Text)
	}
	return texts
}

// Sent is sent.
func (q *Queue) Sent(n int, now time.Time) { q.q.sent(n, now) }

// Rewind is rewind.
func (q *Queue) Rewind(now time.Time) { q.q.rewind(now) }

// Len is how many are kept.
func (q *Queue) Len() int { return len(q.q.items) }

// Message is an entry as it is sent to a syslog server.
func Message(e Entry, host, app string) []byte { return e.appendSyslog(nil, host, app) }
