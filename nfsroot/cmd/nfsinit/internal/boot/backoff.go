package boot

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff says how long to wait before another attempt: twice as long each time,
// less up to a half by chance, so that a rack that lost power does not ask in
// step.
type backoff struct {
	first, most time.Duration
	next        time.Duration
}

func (b *backoff) delay() time.Duration {
	if b.next == 0 {
		b.next = b.first
	}
	d := b.next
	b.next = min(2*b.next, b.most)
	return d - time.Duration(rand.Int64N(int64(d/2)+1)) //nolint:gosec // it guards nothing
}

// wait returns early, with an error, when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
