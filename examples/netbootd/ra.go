package main

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/netboot/ra"
)

// startRA answers router solicitations. Boots go on without, only slower, so
// where it cannot run the rest does.
func (s *server) startRA(ctx context.Context, g *errgroup.Group) error {
	if off(s.settings.Cures.RA) {
		return nil
	}
	advertised := ra.Config{Managed: s.settings.IPv6, Other: s.settings.IPv6}
	server := &ra.Server{
		Interface: func(name string) (ra.Config, bool) { return advertised, s.settings.match(name) },
		Log:       s.Log,
	}
	g.Go(func() error {
		if err := server.Serve(ctx); err != nil {
			s.Log.Error("no router advertisements: iPXE waits 16 s for one", "err", err)
		}
		return nil
	})
	return nil
}
