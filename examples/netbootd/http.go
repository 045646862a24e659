package main

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/netboot/httpboot"
)

// startHTTP serves files by HTTP, where that is wanted.
func (s *server) startHTTP(ctx context.Context, g *errgroup.Group) error {
	c := s.settings.HTTP
	if c.Listen == "" {
		return nil
	}
	l, err := s.Listen(ctx, "http", "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	s.Log.Info("http listens", "addr", l.Addr().String())
	h := &httpboot.Handler{
		Inventory: s.dhcp.FileInventory(), Observer: s.fileObserver(),
		Transfers: c.Transfers, PerClient: c.PerClient,
	}
	g.Go(func() error { return h.Serve(ctx, l) })
	return nil
}
