package mythic

import (
	"context"
	"sync"
	"time"
)

// cache has one value that takes a request to get. Those who need it while it is being
// fetched wait for the same request.
type cache[T any] struct {
	mu       sync.Mutex // guards the fields below, and those of fetch
	current  *cached[T]
	fetching *fetch[T]
}

type cached[T any] struct {
	value T
	at    time.Time // when it was fetched
	until time.Time
}

type fetch[T any] struct {
	done    chan struct{} // closed when got and err are set
	got     *cached[T]
	err     error
	waiting int
	cancel  context.CancelFunc
}

// get returns the value, from load if there is none that is good. A load ends with the
// last of those who wait for it, not with the first.
func (c *cache[T]) get(ctx context.Context, load func(context.Context) (T, time.Duration, error)) (*cached[T], error) {
	c.mu.Lock()
	if c.current != nil && time.Now().Before(c.current.until) {
		defer c.mu.Unlock()
		return c.current, nil
	}
	f := c.fetching
	if f == nil {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = &fetch[T]{done: make(chan struct{}), cancel: cancel}
		c.fetching = f
		go c.run(own, f, load)
	}
	f.waiting++
	c.mu.Unlock()

	select {
	case <-f.done:
		return f.got, f.err
	case <-ctx.Done():
		c.leave(f)
		return nil, context.Cause(ctx)
	}
}

func (c *cache[T]) run(ctx context.Context, f *fetch[T], load func(context.Context) (T, time.Duration, error)) {
	defer f.cancel()
	start := time.Now()
	value, life, err := load(ctx)

	c.mu.Lock()
	defer c.mu.Unlock()
	if f.err = err; err == nil {
		f.got = &cached[T]{value: value, at: start, until: start.Add(life)}
	}
	if c.fetching == f {
		c.fetching = nil
		if err == nil {
			c.current = f.got
		}
	}
	close(f.done)
}

// leave is of one who waits no longer.
func (c *cache[T]) leave(f *fetch[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return
	}
	f.cancel()
	if c.fetching == f {
		c.fetching = nil
	}
}

// forget drops a value that turned out not to be good, unless there is a newer one.
func (c *cache[T]) forget(old *cached[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == old {
		c.current = nil
	}
}
