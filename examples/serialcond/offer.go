package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

// offer gives the console to programs that speak telnet and RFC 2217, until ctx
// ends. They are viewers as all others: one of all types.
func (c *console) offer(ctx context.Context) error {
	if c.config.Offer == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.config.Offer)
	if err != nil {
		return fmt.Errorf("console %s: offer: %w", c.Name, err)
	}
	s := &telnet.Server{
		Open:  telnet.Attach(c.Console, serialcon.AttachOptions{Mode: serialcon.ReadWrite}),
		Allow: c.config.Allow, Logger: c.rack.log,
	}
	c.offered.Go(func() {
		if err := s.Serve(ctx, l); err != nil && !errors.Is(err, context.Canceled) {
			c.rack.log.Error("a console is not offered any more", "console", c.Name, "err", err)
		}
	})
	return nil
}
