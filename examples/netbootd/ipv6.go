package main

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/netboot/dhcp6"
)

// startIPv6 serves DHCPv6, where that is wanted.
func (s *server) startIPv6(ctx context.Context, g *errgroup.Group) error {
	if !s.settings.IPv6 {
		return nil
	}
	t, err := dhcp6.ListenLinux(dhcp6.LinuxConfig{Match: s.settings.match, Log: s.Log})
	if err != nil {
		return err
	}
	h := &dhcp6.Handler{Inventory: s.machines, Observer: s.tracker, Log: s.Log, Relays: s.settings.Relays}
	g.Go(func() error {
		defer t.Close()
		return dhcp6.Serve(ctx, t, h)
	})
	return nil
}
