package quic

import (
	"container/list"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/limit"
)

// state is where a connection is.
type state uint8

const (
	collecting state = iota // the hello is not whole
	connecting              // no server has answered
	relaying
	refused // what still comes is passed over
	gone
)

// flow is one connection of a client's.
type flow struct {
	l      *listener
	client netip.AddrPort

	collector Collector // used by the reading goroutine, and once the hello is whole by run

	// Guarded by l.mu.
	state    state
	ids      [][]byte // of long headers; ids[0] is the client's own first choice
	later    [][]byte // of short headers
	held     [][]byte
	heldSize int64
	conn     net.Conn      // to the server that is tried or has answered
	place    *list.Element // in l.waiting
	timer    *time.Timer   // ends collecting and refused
	byClient limit.Lease
	bySite   limit.Lease

	// Set before run begins, and then run's own.
	decision  sniproxy.Decision
	earlyData bool // nothing may be sent to two servers
	rebound   bool // goes on where another flow was
	record    sniproxy.Record

	active         atomic.Int64 // when the last datagram passed, in Unix nanoseconds
	received, sent atomic.Int64
	validated      atomic.Bool // the client's address is no forgery
	unreachable    atomic.Bool // the server's machine refuses datagrams
}

// add makes a flow of a client's if limits allow it. Called with mu held.
func (l *listener) add(from netip.AddrPort) *flow {
	c := l.clients[from]
	if l.closed || l.s.stopped() {
		l.s.counts.ignored.Add(1)
		return nil
	}
	if c != nil && len(c.flows) >= maxPerPort || !l.room() {
		l.s.counts.result(sniproxy.Limited)
		return nil
	}
	f := &flow{l: l, client: from}
	f.record = sniproxy.Record{
		Proto: sniproxy.QUIC, Start: time.Now(), Local: l.local,
		Client: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()),
	}
	if l.s.Limiter != nil {
		lease, err := l.s.Limiter.Client(f.record.Client.Addr())
		if err != nil {
			l.s.counts.result(sniproxy.Limited)
			return nil
		}
		f.byClient = lease
	}
	if c == nil {
		c = new(client)
		l.clients[from] = c
	}
	c.flows = slices.Insert(c.flows, 0, f)
	l.s.counts.active.Add(1)
	l.s.counts.accepted.Add(1)
	return f
}

// room says whether one more connection is allowed, giving up the oldest that has
// no server if need be. Called with mu held.
func (l *listener) room() bool {
	for l.s.counts.active.Load() >= l.s.maxFlows() {
		if !l.evict(nil) {
			return false
		}
	}
	return true
}

// evict gives up the connection that waits for its hello's end the longest, but
// for one. Called with mu held.
func (l *listener) evict(but *flow) bool {
	for e := l.waiting.Front(); e != nil; e = e.Next() {
		if f, ok := e.Value.(*flow); ok && f != but {
			if f.state == collecting {
				l.evicted = append(l.evicted, f)
			}
			f.remove()
			return true
		}
	}
	return false
}

// unlock unlocks mu, and then reports who was evicted meanwhile.
func (l *listener) unlock() {
	evicted := l.evicted
	l.evicted = nil
	l.mu.Unlock()
	for _, f := range evicted {
		f.report(sniproxy.Limited, nil)
	}
}

// wait lists the flow as one without a server, for some time. Called with mu held.
func (f *flow) wait(d time.Duration) {
	f.place = f.l.waiting.PushBack(f)
	f.timer = time.AfterFunc(d, f.expire)
}

// proceed undoes wait. Called with mu held.
func (f *flow) proceed() {
	if f.place != nil {
		f.l.waiting.Remove(f.place)
		f.timer.Stop()
		f.place, f.timer = nil, nil
	}
}

// expire ends a flow that has waited long enough.
func (f *flow) expire() {
	f.l.mu.Lock()
	late := f.place != nil && f.state == collecting
	if f.place != nil {
		f.remove()
	}
	f.l.mu.Unlock()
	if late {
		f.report(sniproxy.HelloTimeout, nil)
	}
}

// hold keeps a datagram for a server to come. Called with mu held.
func (f *flow) hold(b []byte) {
	const most = 8 // datagrams
	for f.l.s.held.Load()+int64(len(b)) > f.l.s.maxHeld() && f.l.evict(f) {
	}
	if len(f.held) >= most || f.l.s.held.Load()+int64(len(b)) > f.l.s.maxHeld() {
		f.l.s.counts.dropped.Add(1)
		return
	}
	f.held = append(f.held, slices.Clone(b))
	f.heldSize += int64(len(b))
	f.l.s.held.Add(int64(len(b)))
}

// release forgets what is held. Called with mu held.
func (f *flow) release() {
	f.l.s.held.Add(-f.heldSize)
	f.held, f.heldSize = nil, 0
}

// remove takes the flow out of everything. Called with mu held.
func (f *flow) remove() {
	if f.state == gone {
		return
	}
	f.state = gone
	f.proceed()
	f.release()
	l := f.l
	l.forget(f)
	c := l.clients[f.client]
	c.flows = slices.DeleteFunc(c.flows, func(x *flow) bool { return x == f })
	if len(c.flows) == 0 {
		delete(l.clients, f.client)
	}
	f.uncount()
	l.s.counts.active.Add(-1)
	l.s.flowEnded()
}

// uncount gives back what limits counted. Called with mu held.
func (f *flow) uncount() {
	f.byClient.Release()
	f.bySite.Release()
	f.byClient, f.bySite = limit.Lease{}, limit.Lease{}
}

// report tells what became of the flow, once.
func (f *flow) report(r sniproxy.Result, err error) {
	f.l.s.counts.result(r)
	if f.l.s.Observer == nil || f.l.s.Observer.Connection == nil {
		return
	}
	f.record.Result, f.record.Err = r, err
	f.record.Received, f.record.Sent = f.received.Load(), f.sent.Load()
	f.record.Took = time.Since(f.record.Start)
	f.l.s.Observer.Connection(&f.record)
}

// shut ends the flow from outside: run notices.
func (f *flow) shut() {
	f.l.mu.Lock()
	defer f.l.mu.Unlock()
	if f.conn != nil {
		_ = f.conn.Close()
	}
	if f.state == collecting || f.state == refused {
		f.remove()
	}
}
