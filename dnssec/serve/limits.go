package serve

import (
	"cmp"
	"context"
	"net/netip"
	"sync"
	"time"
)

func (l Limits) connections() int            { return cmp.Or(l.Connections, 1024) }
func (l Limits) perAddress() int             { return cmp.Or(l.ConnectionsPerAddress, 128) }
func (l Limits) transfers() int              { return cmp.Or(l.Transfers, 32) }
func (l Limits) transferWait() time.Duration { return cmp.Or(l.TransferWait, 30*time.Second) }
func (l Limits) idle() time.Duration         { return cmp.Or(l.Idle, 10*time.Second) }
func (l Limits) write() time.Duration        { return cmp.Or(l.Write, 30*time.Second) }
func (l Limits) transfer() time.Duration     { return cmp.Or(l.Transfer, time.Hour) }
func (l Limits) drain() time.Duration        { return cmp.Or(l.Drain, 10*time.Second) }

// slots bounds how many transfers go on at once.
type slots struct {
	once sync.Once
	free chan struct{}
}

func (s *slots) take(ctx context.Context, n int, wait time.Duration) bool {
	s.once.Do(func() { s.free = make(chan struct{}, n) })
	select {
	case s.free <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case s.free <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

func (s *slots) give() { <-s.free }

// crowd counts connections by address.
type crowd struct {
	mu    sync.Mutex // guards what is below
	total int
	of    map[netip.Addr]int
}

func (c *crowd) enter(a netip.Addr, l Limits) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= l.connections() || c.of[a] >= l.perAddress() {
		return false
	}
	if c.of == nil {
		c.of = make(map[netip.Addr]int)
	}
	c.total++
	c.of[a]++
	return true
}

func (c *crowd) leave(a netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if c.of[a]--; c.of[a] == 0 {
		delete(c.of, a)
	}
}
