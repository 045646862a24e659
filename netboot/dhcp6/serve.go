package dhcp6

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// workers is how many packets are handled at once; inventories may block.
const workers = 4

// Serve answers the packets of t as h decides, until ctx ends, which is no
// error, or t fails. It returns when everything it started has ended, and
// leaves closing t to the caller.
func Serve(ctx context.Context, t Transport, h *Handler) error {
	g, gctx := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error { return work(gctx, t, h) })
	}
	err := g.Wait()
	if ctx.Err() != nil {
		err = nil // asked to end
	}
	return err
}

func work(ctx context.Context, t Transport, h *Handler) error {
	for {
		p, err := t.Recv(ctx)
		if err != nil {
			return fmt.Errorf("dhcp6: receive: %w", err)
		}
		if p.At.IsZero() {
			p.At = time.Now()
		}
		r := h.Handle(ctx, p)
		if r == nil {
			continue
		}
		if err := t.Send(ctx, p.IfIndex, *r); err != nil && ctx.Err() == nil {
			h.log().Warn("dhcp6 reply not sent", "to", r.To, "err", err)
		}
	}
}
