package serialcon

import (
	"sync"
	"time"
)

// maxArena and maxIdle are how much an idle pipe keeps for its next batch, in
// bytes and in items.
const (
	maxArena = 1 << 18
	maxIdle  = 4096
)

// maxItems bounds the bursts and events that wait for a log that hangs.
const maxItems = 1 << 16

// A pipe takes what ports said from readers to the one goroutine that logs it,
// so that a disk that is slow for a while does not stop the reading. It is
// bounded: beyond limit bytes a reader's bytes are counted, not kept.
type pipe struct {
	limit int
	wake  chan struct{} // holds one token

	mu     sync.Mutex // guards what follows
	next   *batch
	spare  *batch
	closed bool
}

// A batch is what came while the batch before it was logged.
type batch struct {
	arena []byte
	items []item
	calls []func()           // after all else
	lost  map[*Console]int64 // bytes after the last that is in arena; nil is none
}

// An item is bytes of a console, arena[from:to], or an event.
type item struct {
	c        *Console
	at       time.Time
	from, to int
	event    *Event
}

func newPipe(limit int) *pipe {
	return &pipe{limit: limit, wake: make(chan struct{}, 1), next: new(batch), spare: new(batch)}
}

// put keeps a copy of what a console said, and reports whether so much waits
// that it should be told by signal, which whoever put something does at the end
// anyway. Bursts that follow each other without having been taken become one, as
// of the first one's time.
func (p *pipe) put(c *Console, at time.Time, data []byte) (much bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.next
	switch last := b.last(c); {
	case b.lost[c] > 0 || len(b.arena)+len(data) > p.limit || len(b.items) >= maxItems:
		if b.lost == nil {
			b.lost = map[*Console]int64{}
		}
		b.lost[c] += int64(len(data))
	case last != nil:
		b.arena = append(b.arena, data...)
		last.to = len(b.arena)
	default:
		from := len(b.arena)
		b.arena = append(b.arena, data...)
		b.add(item{c: c, at: at, from: from, to: len(b.arena)})
	}
	return len(b.arena) >= maxArena/4
}

// post queues an event behind what its console said.
func (p *pipe) post(c *Console, e Event) {
	p.mu.Lock()
	if len(p.next.items) < maxItems {
		p.next.add(item{c: c, event: &e})
	}
	p.mu.Unlock()
	p.signal()
}

// flush returns when all that was put before has been handled.
func (p *pipe) flush() {
	done := make(chan struct{})
	p.mu.Lock()
	p.next.calls = append(p.next.calls, func() { close(done) })
	p.mu.Unlock()
	p.signal()
	<-done
}

// close makes run return once everything is handled.
func (p *pipe) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.signal()
}

func (p *pipe) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run handles batches until close.
func (p *pipe) run() {
	for {
		<-p.wake
		for {
			b, closed := p.take()
			if b == nil && closed {
				return
			}
			if b == nil {
				break
			}
			b.deliver()
			p.recycle(b)
		}
	}
}

func (p *pipe) take() (b *batch, closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.next.items) == 0 && len(p.next.calls) == 0 && len(p.next.lost) == 0 {
		return nil, p.closed
	}
	b, p.next = p.next, p.spare
	p.spare = nil
	if p.next == nil {
		p.next = new(batch)
	}
	return b, p.closed
}

// recycle keeps a batch's memory for later, unless a jam made it large.
func (p *pipe) recycle(b *batch) {
	clear(b.items)
	b.items, b.calls, b.lost = b.items[:0], nil, nil
	if cap(b.items) > maxIdle {
		b.items = nil
	}
	b.arena = b.arena[:0]
	if cap(b.arena) > maxArena {
		b.arena = nil
	}
	p.mu.Lock()
	p.spare = b
	p.mu.Unlock()
}

// last returns the newest item if it is bytes of that console, which the
// arena ends with.
func (b *batch) last(c *Console) *item {
	if len(b.items) == 0 {
		return nil
	}
	it := &b.items[len(b.items)-1]
	if it.c != c || it.event != nil {
		return nil
	}
	return it
}

func (b *batch) add(it item) { b.items = append(b.items, it) }

func (b *batch) deliver() {
	for i := range b.items {
		it := &b.items[i]
		if it.event != nil {
			it.c.deliverEvent(*it.event)
			continue
		}
		it.c.deliver(it.at, b.arena[it.from:it.to])
	}
	for c, n := range b.lost {
		c.deliverEvent(Event{Kind: EventGap, N: n, Text: "the log is too slow"})
	}
	for _, call := range b.calls {
		call()
	}
}
