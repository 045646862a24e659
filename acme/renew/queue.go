package renew

import (
	"container/heap"
	"time"
)

// queue has the entries that wait, the next one due first.
type queue []*entry

func (q *queue) put(e *entry, due time.Time) {
	e.due = due
	heap.Push(q, e)
}

func (q *queue) remove(e *entry) { heap.Remove(q, e.index) }

// shift moves all times. Their order stays.
func (q queue) shift(by time.Duration) {
	for _, e := range q {
		e.due = e.due.Add(by)
	}
}

// due takes out the next entry if its time has come.
func (q *queue) due(now time.Time) *entry {
	if len(*q) == 0 || (*q)[0].due.After(now) {
		return nil
	}
	e, _ := heap.Pop(q).(*entry)
	return e
}

// Len implements [heap.Interface].
func (q queue) Len() int { return len(q) }

// Less implements [heap.Interface].
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

// Swap implements [heap.Interface].
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements [heap.Interface].
func (q *queue) Push(x any) {
	e, _ := x.(*entry)
	e.index = len(*q)
	*q = append(*q, e)
}

// Pop implements [heap.Interface].
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	e.index = -1
	return e
}
