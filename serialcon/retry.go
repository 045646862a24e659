package serialcon

import (
	"context"
	"time"
)

// retry waits between tries to open a console's port.
type retry struct {
	c     *Console
	wait  time.Duration // the last one; zero before the first
	told  string        // the failure that viewers know
	early bool          // Await returned at once, and Open failed all the same
}

func (r *retry) reset() { *r = retry{c: r.c} }

// failed tells a failure once, and waits.
func (r *retry) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if why := err.Error(); why != r.told {
		r.told = why
		r.c.post(Event{Kind: EventOpenFailed, Text: why})
	}
	r.pause(ctx)
}

// pause returns when the next Open is due: after a time that doubles, or as
// soon as the Opener or somebody else says that the device came back. An
// Opener that says so at once each time does not make it spin.
func (r *retry) pause(ctx context.Context) {
	least := or(r.c.RetryMin, 100*time.Millisecond)
	r.wait = min(max(2*r.wait, least), max(or(r.c.RetryMax, 2*time.Second), least))
	timer := time.NewTimer(r.wait)
	defer timer.Stop()
	began := time.Now()
	back, stop := r.await(ctx)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.c.kick:
			return
		case <-timer.C:
			return
		case ok := <-back:
			if !ok {
				continue
			}
			if time.Since(began) >= least {
				r.early = false
				return
			}
			if !r.early {
				r.early = true
				timer.Reset(least)
				r.wait = 0
			}
		}
	}
}

// await asks the Opener, if it can tell. Stop waits for it.
func (r *retry) await(ctx context.Context) (back chan bool, stop func()) {
	awaiter, ok := r.c.Port.(Awaiter)
	if !ok {
		return nil, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	back = make(chan bool, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		back <- awaiter.Await(ctx) == nil
	}()
	return back, func() { cancel(); <-done }
}
