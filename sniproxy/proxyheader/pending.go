package proxyheader

import (
	"container/list"
	"iter"
	"net"
	"time"
)

// pending is a connection whose header has not come.
type pending struct {
	conn  net.Conn
	since time.Time
	at    *list.Element // nil when it is in no queue
}

// queue holds pending connections, the longest waiting first.
type queue struct{ list list.List }

func (q *queue) push(p *pending) { p.at = q.list.PushBack(p) }

// oldest returns the longest waiting, nil if none waits.
func (q *queue) oldest() *pending {
	front := q.list.Front()
	if front == nil {
		return nil
	}
	p, _ := front.Value.(*pending)
	return p
}

// remove reports whether p was still in the queue.
func (q *queue) remove(p *pending) bool {
	if p.at == nil {
		return false
	}
	q.list.Remove(p.at)
	p.at = nil
	return true
}

func (q *queue) all() iter.Seq[*pending] {
	return func(yield func(*pending) bool) {
		for e := q.list.Front(); e != nil; e = e.Next() {
			if p, ok := e.Value.(*pending); ok && !yield(p) {
				return
			}
		}
	}
}
