package serve

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/tsig"
)

// notify has every secondary of a zone told.
func (s *Server) notify(zone dnssec.Name, serial uint32) {
	for _, peer := range s.config(zone).Notify {
		s.courier(peer).tell(zone, serial)
	}
}

// courier is the one of a peer, which runs as long as the server does.
func (s *Server) courier(peer Peer) *courier {
	if peer.Addr.Port() == 0 {
		peer.Addr = netip.AddrPortFrom(peer.Addr.Addr(), 53)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.couriers[peer]
	if c == nil {
		c = &courier{
			peer: peer, retry: s.Retry.full(), dial: s.Dial, log: s.log(), counters: &s.counters,
			tasks: make(map[dnssec.Name]*task), wake: make(chan struct{}, 1),
		}
		if c.dial == nil {
			c.dial = new(net.Dialer).DialContext
		}
		if s.couriers == nil {
			s.couriers = make(map[Peer]*courier)
		}
		s.couriers[peer] = c
		if g, keys := s.running, s.keys; g != nil {
			g.wg.Go(func() { c.run(g.ctx, keys) })
		}
	}
	return c
}

func (r Retry) full() Retry {
	return Retry{
		First: cmp.Or(r.First, 2*time.Second), Max: cmp.Or(r.Max, 5*time.Minute),
		Tries: cmp.Or(r.Tries, 20), Parallel: cmp.Or(r.Parallel, 16),
	}
}

// courier tells one peer of changed zones: of each as often as it takes, and of no
// more than the newest serial.
type courier struct {
	peer     Peer
	retry    Retry
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	log      *slog.Logger
	counters *counters
	wake     chan struct{}

	mu    sync.Mutex // guards what is below
	tasks map[dnssec.Name]*task
	queue queue
	busy  int
}

// task is a zone to tell of.
type task struct {
	zone   dnssec.Name
	serial uint32
	tries  int
	due    time.Time
	at     int // in the queue; negative while it is being told
}

func (c *courier) tell(zone dnssec.Name, serial uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tasks[zone]
	if t == nil {
		t = &task{zone: zone, at: -1}
		c.tasks[zone] = t
		heap.Push(&c.queue, t)
	} else if serialAfter(t.serial, serial) {
		return // publications may come here in another order
	}
	t.serial, t.tries, t.due = serial, 0, time.Now()
	if t.at >= 0 {
		heap.Fix(&c.queue, t.at)
	}
	c.poke()
}

func (c *courier) forget(zone dnssec.Name) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tasks[zone]; t != nil {
		delete(c.tasks, zone)
		if t.at >= 0 {
			heap.Remove(&c.queue, t.at)
		}
	}
}

func (c *courier) pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.tasks)
}

func (c *courier) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run tells until ctx ends, and waits for what is under way.
func (c *courier) run(ctx context.Context, keys keyring) {
	var wg sync.WaitGroup
	defer wg.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		t, wait := c.next(time.Now())
		if t != nil {
			serial := t.serial
			wg.Go(func() { c.deliver(ctx, keys, t, serial) })
			continue
		}
		if wait > 0 {
			timer.Reset(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-timer.C:
		}
	}
}

// next takes the first task that is due, or says when one will be.
func (c *courier) next(now time.Time) (*task, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 || c.busy >= c.retry.Parallel {
		return nil, 0
	}
	if wait := c.queue[0].due.Sub(now); wait > 0 {
		return nil, wait
	}
	t, _ := heap.Pop(&c.queue).(*task)
	t.at = -1
	t.tries++
	t.due = time.Time{}
	c.busy++
	return t, 0
}

// deliver says it once.
func (c *courier) deliver(ctx context.Context, keys keyring, t *task, serial uint32) {
	c.mu.Lock()
	tries := t.tries
	c.mu.Unlock()
	wait := c.retry.wait(tries)
	err := c.exchange(ctx, keys, t.zone, serial, wait)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy--
	c.poke()
	if err != nil && ctx.Err() == nil {
		c.counters.notifyFailed.Add(1)
	}
	switch {
	case c.tasks[t.zone] != t: // the zone was removed
		return
	case !t.due.IsZero(): // there is another change to tell of
	case err == nil:
		c.counters.notified.Add(1)
		delete(c.tasks, t.zone)
		return
	case tries >= c.retry.Tries:
		delete(c.tasks, t.zone)
		c.log.Error("serve: a secondary was not told of a change: it will find out by its refresh timer",
			"zone", t.zone, "serial", serial, "peer", c.peer.Addr, "tries", tries, "err", err)
		return
	default:
		c.log.Debug("serve: NOTIFY", "zone", t.zone, "peer", c.peer.Addr, "try", tries, "err", err)
		t.due = time.Now().Add(wait)
		if ctx.Err() != nil {
			t.due, t.tries = time.Now(), 0 // for the next run
		}
	}
	heap.Push(&c.queue, t)
}

// wait is how long a try waits for its answer, and then for the next try. The last
// part is chance, so that zones do not come in step.
func (r Retry) wait(try int) time.Duration {
	d := r.First
	for range min(try-1, 30) {
		if d *= 2; d >= r.Max {
			d = r.Max
			break
		}
	}
	return d - d/8 + rand.N(d/4+1) //nolint:gosec // not a secret
}

// exchange sends a NOTIFY and waits for its answer, not longer than a few seconds.
func (c *courier) exchange(ctx context.Context, keys keyring, zone dnssec.Name, serial uint32, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, min(wait, 10*time.Second))
	defer cancel()
	m := new(dns.Msg)
	m.SetNotify(zone.String())
	m.Id = uint16(rand.Uint32()) //nolint:gosec // a signature proves who answers
	m.Answer = []dns.RR{&dns.SOA{
		Hdr: dns.RR_Header{Name: zone.String(), Rrtype: dns.TypeSOA, Class: dns.ClassINET},
		Ns:  ".", Mbox: ".", Serial: serial,
	}}
	raw, err := m.Pack()
	if err != nil {
		return err
	}
	var chain *tsig.Chain
	if c.peer.Key != "" {
		name, err := keyName(c.peer.Key)
		if err != nil {
			return err
		}
		key := keys[name]
		if key == nil {
			return fmt.Errorf("serve: key %q is not one of the server's", name)
		}
		chain = key.Chain(nil)
		raw = chain.Sign(raw, time.Now())
	}
	conn, err := c.dial(ctx, "udp", c.peer.Addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(raw); err != nil {
		return err
	}
	return heard(conn, raw, chain)
}

// heard reads until the answer comes.
func heard(conn net.Conn, request []byte, chain *tsig.Chain) error {
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		raw := buf[:n]
		if n < 12 || binary.BigEndian.Uint16(raw) != binary.BigEndian.Uint16(request) || raw[2]&0xf8 != 0x80|dns.OpcodeNotify<<3 {
			continue
		}
		if chain != nil {
			body, record, err := tsig.Split(raw)
			if err == nil {
				err = chain.Verify(body, record, time.Now())
			}
			if err != nil {
				if record != nil && record.Error != 0 {
					return fmt.Errorf("the peer says %s", dns.RcodeToString[int(record.Error)])
				}
				return err
			}
		}
		if rcode := int(raw[3] & 15); rcode != dns.RcodeSuccess {
			return errors.New("the peer says " + dns.RcodeToString[rcode])
		}
		return nil
	}
}

// queue is a heap by when a task is due.
type queue []*task

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push and Pop are for container/heap.
func (q *queue) Push(x any) {
	t, _ := x.(*task)
	t.at = len(*q)
	*q = append(*q, t)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	*q = (*q)[:last]
	return t
}
