package acme

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"
)

func (p PollPolicy) maxRetryAfter() time.Duration { return cmp.Or(p.MaxRetryAfter, time.Minute) }

var errPollTimeout = errors.New("the authority was not done in time")

// bounded is ctx for one wait.
func (p PollPolicy) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, cmp.Or(p.Timeout, 10*time.Minute), errPollTimeout)
}

// delay is how long to wait after try (from 0) brought the header.
func (p PollPolicy) delay(try int, h http.Header, now time.Time) time.Duration {
	if d := retryAfter(h, now); d > 0 {
		return min(d, p.maxRetryAfter())
	}
	first := cmp.Or(p.First, 50*time.Millisecond)
	return min(first<<min(try, 16), max(first, cmp.Or(p.Max, 5*time.Second)))
}

// poll calls ask until it is done. Between, it waits as the reply asked for.
func (c *Client) poll(ctx context.Context, last *reply, ask func(context.Context) (r *reply, done bool, err error)) error {
	ctx, cancel := c.Poll.bounded(ctx)
	defer cancel()
	for try := 0; ; try++ {
		var h http.Header
		if last != nil {
			h = last.header
		}
		if err := sleep(ctx, jitter(c.Poll.delay(try, h, c.now()))); err != nil {
			return err
		}
		r, done, err := ask(ctx)
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if done || err != nil {
			return err
		}
		last = r
	}
}
