package backend

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Cache keeps the answers of a Resolver, which is required. It is safe for use by
// many goroutines and is not copied.
//
// One look-up of a name runs at a time, whoever waits for it, and ends by its own
// Timeout and not with the client that caused it. Names that are asked again and
// again are looked up shortly before their time is over, so that nobody waits for
// them. Names that were asked only once cannot push the others out.
type Cache struct {
	Resolver Resolver
	// MinTTL and MaxTTL clamp how long an answer is kept, also that there is none
	// (RFC 2308); zero means 5 seconds and 5 minutes. That the servers failed is
	// kept for MinTTL.
	MinTTL, MaxTTL time.Duration
	// Stale is for how long after its time an answer is used while the servers
	// fail (RFC 8767); zero means a day, negative never. StaleAfter is how long a
	// client waits for them before it gets such an answer; zero means 1800 ms.
	// Recheck is how long they are not asked for that name after they failed; zero
	// means 30 seconds.
	Stale, StaleAfter, Recheck time.Duration
	// Timeout is how long a look-up may take; zero means 5 seconds.
	Timeout time.Duration
	// Size is how many names are kept; zero means 10,000 (2 to 4 MB).
	Size int
	// PerSecond is how many names that are not cached a client may have looked up
	// in the long run, and Burst how many at once; zero means 2 and 30, negative
	// no limit. A client is an IPv4 address or an IPv6 /56.
	PerSecond, Burst float64
	// InFlight is how many look-ups may run at a time; zero means 256.
	InFlight int

	mu      sync.Mutex // guards what follows
	begun   time.Time  // of the first use; zero before
	closed  bool
	names   map[string]*entry
	lists   lists
	flights map[string]*flight
	running sync.WaitGroup
	ctx     context.Context // of all look-ups
	cancel  context.CancelFunc
	flood   flood
	stats   CacheStats
}

// CacheStats counts what a [Cache] did since its first use.
type CacheStats struct {
	Hits    uint64 // answered from the cache, in time
	Stale   uint64 // answered with what should have been renewed
	Found   uint64 // look-ups that brought addresses
	None    uint64 // look-ups that found that there are none
	Failed  uint64 // look-ups that brought nothing
	Limited uint64 // refused with ErrLimited
	Names   int    // kept now
	Running int    // look-ups under way
}

const (
	minTTL = 5 * time.Second
	maxTTL = 5 * time.Minute
)

var errClosed = errors.New("backend: the cache is closed")

// entry is what is known of a name. Its addrs are never changed, so that they can be
// handed out.
type entry struct {
	name    string
	addrs   []netip.Addr
	err     error // in place of addrs
	expires time.Time
	renewAt time.Time // from when a hit renews it
	retryAt time.Time // the servers failed: not to be asked before
	links
}

type flight struct {
	done  chan struct{}
	addrs []netip.Addr // these two are read after done
	err   error
}

// Get returns what is cached, without waiting or allocating. ok is false when the
// name has to be looked up. The caller does not change addrs.
func (c *Cache) Get(name string) (addrs []netip.Addr, ok bool, err error) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin(now)
	e := c.find(name, now)
	if e == nil || !c.inUse(e, now) {
		return nil, false, nil
	}
	c.lists.hit(e, c.size())
	if now.Before(e.expires) {
		c.stats.Hits++
	} else {
		c.stats.Stale++
	}
	if e.err == nil && e.kept && !now.Before(e.renewAt) && !now.Before(e.retryAt) {
		_, _ = c.fly(e.name)
	}
	return e.addrs, true, e.err
}

// Lookup returns what is cached, or looks the name up for client and waits until
// ctx ends. It is ErrLimited when client, or all together, asked too much. The
// caller does not change addrs.
func (c *Cache) Lookup(ctx context.Context, name string, client netip.Addr) (addrs []netip.Addr, err error) {
	if addrs, ok, err := c.Get(name); ok {
		return addrs, err
	}
	f, stale, err := c.await(name, client)
	if err != nil {
		if stale != nil {
			return stale, nil
		}
		return nil, err
	}
	var patience <-chan time.Time
	if stale != nil {
		timer := time.NewTimer(orElse(c.StaleAfter, 1800*time.Millisecond))
		defer timer.Stop()
		patience = timer.C
	}
	select {
	case <-f.done:
		return f.addrs, f.err
	case <-patience:
		c.mu.Lock()
		c.stats.Stale++
		c.mu.Unlock()
		return stale, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("backend: look up AAAA of %q: %w", name, context.Cause(ctx))
	}
}

// await finds or starts the look-up of a name. stale is what can be used should it
// not end.
func (c *Cache) await(name string, client netip.Addr) (f *flight, stale []netip.Addr, err error) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.find(name, now)
	if e != nil && c.inUse(e, now) { // a look-up has ended meanwhile
		f := &flight{done: make(chan struct{}), addrs: e.addrs, err: e.err}
		close(f.done)
		return f, nil, nil
	}
	if e != nil {
		stale = e.addrs
	}
	if f := c.flights[name]; f != nil {
		return f, stale, nil
	}
	if e == nil && !c.mayAsk(client, now) {
		c.stats.Limited++
		return nil, nil, ErrLimited
	}
	f, err = c.fly(strings.Clone(name))
	return f, stale, err
}

func (c *Cache) mayAsk(client netip.Addr, now time.Time) bool {
	rate, burst := orElse(c.PerSecond, 2), orElse(c.Burst, 30)
	return rate < 0 || burst < 0 || c.flood.take(client, now.Sub(c.begun), rate, burst)
}

// fly starts a look-up if none is under way.
func (c *Cache) fly(name string) (*flight, error) {
	if f := c.flights[name]; f != nil {
		return f, nil
	}
	if c.closed {
		return nil, errClosed
	}
	if len(c.flights) >= orElse(c.InFlight, 256) {
		c.stats.Limited++
		return nil, ErrLimited
	}
	f := &flight{done: make(chan struct{})}
	c.flights[name] = f
	c.running.Go(func() { c.ask(name, f) })
	return f, nil
}

func (c *Cache) ask(name string, f *flight) {
	ctx, cancel := context.WithTimeout(c.ctx, orElse(c.Timeout, 5*time.Second))
	addrs, ttl, err := c.Resolver.LookupAAAA(ctx, name)
	cancel()
	if err == nil && len(addrs) == 0 {
		err = &LookupError{Name: name, Reason: NoAddress}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flights, name)
	if c.closed {
		f.err = errClosed
	} else {
		f.addrs, f.err = c.keep(name, addrs, ttl, err, time.Now())
	}
	close(f.done)
}

// keep stores the result of a look-up, and returns what those who wait get: stale
// addresses if the servers failed.
func (c *Cache) keep(name string, addrs []netip.Addr, ttl time.Duration, err error, now time.Time) ([]netip.Addr, error) {
	least := orElse(c.MinTTL, minTTL)
	ttl = min(max(ttl, least), orElse(c.MaxTTL, maxTTL))
	e := c.find(name, now)
	switch {
	case err == nil:
		c.stats.Found++
	case authoritative(err):
		c.stats.None++
		addrs = nil
	default:
		c.stats.Failed++
		if e != nil && e.err == nil {
			e.retryAt = now.Add(orElse(c.Recheck, 30*time.Second))
			return e.addrs, nil
		}
		addrs, ttl = nil, least
	}
	if e == nil {
		e = &entry{name: name}
		c.names[name] = e
		c.lists.add(e)
		if len(c.names) > c.size() {
			c.drop(c.lists.oldest())
		}
	}
	e.addrs, e.err = addrs[:min(len(addrs), maxAddrs)], err
	e.expires, e.retryAt = now.Add(ttl), time.Time{}
	e.renewAt = e.expires.Add(-ttl / 10)
	return e.addrs, err
}

// find returns what is known of a name and can still be of use.
func (c *Cache) find(name string, now time.Time) *entry {
	e := c.names[name]
	if e == nil {
		return nil
	}
	end := e.expires
	if stale := orElse(c.Stale, 24*time.Hour); e.err == nil && stale > 0 {
		end = end.Add(stale)
	}
	if !now.Before(end) {
		c.drop(e)
		return nil
	}
	return e
}

// inUse reports whether an entry is to be used without asking: it is in time, or the
// servers have just failed.
func (c *Cache) inUse(e *entry, now time.Time) bool {
	return now.Before(e.expires) || now.Before(e.retryAt)
}

func (c *Cache) drop(e *entry) {
	delete(c.names, e.name)
	c.lists.remove(e)
}

func (c *Cache) size() int { return orElse(c.Size, 10_000) }

func (c *Cache) begin(now time.Time) {
	if !c.begun.IsZero() {
		return
	}
	c.begun = now
	c.names, c.flights = make(map[string]*entry), make(map[string]*flight)
	c.ctx, c.cancel = context.WithCancel(context.Background())
}

// Stats returns what the cache did so far.
func (c *Cache) Stats() CacheStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Names, s.Running = len(c.names), len(c.flights)
	return s
}

// Close ends all look-ups and waits for them. What is cached can still be read.
func (c *Cache) Close() error {
	c.mu.Lock()
	c.begin(time.Now())
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
	return nil
}
