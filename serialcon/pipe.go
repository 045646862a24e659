package serialcon

import (
	"sync"
	"time"
)

// What a pipe takes is in blocks of blockSize, of which maxSpare are kept for
// later, as are maxIdle items.
const (
	blockSize = 32 << 10
	maxSpare  = 16
	maxIdle   = 4096
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
	blocks [][]byte // free ones
	closed bool
}

// A batch is what came while the batch before it was logged.
type batch struct {
	blocks [][]byte // hold the bytes of items; all but the last are full
	size   int      // of the bytes
	items  []item
	calls  []func()           // after all else
	lost   map[*Console]int64 // bytes after the last that is in blocks; nil is none
}

// An item is bytes of a console, [from:to] of a block, or an event.
type item struct {
	c               *Console
	at              time.Time
	block, from, to int32
	event           *Event
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
	if b.lost[c] > 0 || b.size+len(data) > p.limit || len(b.items) >= maxItems {
		if b.lost == nil {
			b.lost = map[*Console]int64{}
		}
		b.lost[c] += int64(len(data))
		return true
	}
	last := b.last(c)
	if n := len(b.blocks); n == 0 || len(b.blocks[n-1])+len(data) > cap(b.blocks[n-1]) {
		b.blocks = append(b.blocks, p.block(len(data)))
		last = nil
	}
	block := &b.blocks[len(b.blocks)-1]
	from := len(*block)
	*block = append(*block, data...)
	b.size += len(data)
	if last == nil {
		b.items = append(b.items, item{c: c, at: at, block: int32(len(b.blocks) - 1), from: int32(from)})
		last = &b.items[len(b.items)-1]
	}
	last.to = int32(len(*block))
	return b.size >= blockSize
}

// block returns an empty block with room for n bytes. It is called with mu held.
func (p *pipe) block(n int) []byte {
	if last := len(p.blocks) - 1; last >= 0 && n <= blockSize {
		block := p.blocks[last]
		p.blocks = p.blocks[:last]
		return block[:0]
	}
	return make([]byte, 0, max(n, blockSize))
}

// free gives a block back.
func (p *pipe) free(block []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.blocks) < maxSpare && cap(block) == blockSize {
		p.blocks = append(p.blocks, block)
	}
}

// post queues an event behind what its console said.
func (p *pipe) post(c *Console, e Event) {
	p.mu.Lock()
	if len(p.next.items) < maxItems {
		p.next.items = append(p.next.items, item{c: c, event: &e})
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
			p.deliver(b)
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

// recycle keeps a batch for later, unless a jam made it large.
func (p *pipe) recycle(b *batch) {
	clear(b.items)
	*b = batch{items: b.items[:0], blocks: b.blocks[:0]}
	if cap(b.items) > maxIdle {
		b.items = nil
	}
	p.mu.Lock()
	p.spare = b
	p.mu.Unlock()
}

// last returns the newest item if it is bytes of that console, with which the
// newest block ends.
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

// deliver hands everything to the consoles, and each block back behind its last
// item.
func (p *pipe) deliver(b *batch) {
	done := 0
	for i := range b.items {
		it := &b.items[i]
		if it.event != nil {
			it.c.deliverEvent(*it.event)
			continue
		}
		for ; done < int(it.block); done++ {
			p.free(b.blocks[done])
		}
		it.c.deliver(it.at, b.blocks[it.block][it.from:it.to])
	}
	for ; done < len(b.blocks); done++ {
		p.free(b.blocks[done])
	}
	clear(b.blocks)
	for c, n := range b.lost {
		c.deliverEvent(Event{Kind: EventGap, N: n, Text: "the log is too slow"})
	}
	for _, call := range b.calls {
		call()
	}
}
