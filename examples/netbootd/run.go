package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

// server is the daemon's parts.
type server struct {
	*daemon.Daemon[config]
	settings  Settings
	machines  *inventory
	tracker   *netboot.Tracker
	dhcp      *dhcp.Handler
	transport *dhcp.Linux
}

func run(ctx context.Context, d *daemon.Daemon[config]) error {
	cfg := d.Config()
	reservations, err := cfg.reservations()
	if err != nil {
		return err
	}
	leases, err := dhcp.OpenLeases(cfg.Journal)
	if err != nil {
		return err
	}
	defer leases.Close()
	transport, err := dhcp.ListenLinux(dhcp.LinuxConfig{Match: cfg.match, PXE: cfg.ProxyOnly, Log: d.Log})
	if err != nil {
		return err
	}
	defer transport.Close()

	s := &server{Daemon: d, settings: cfg.Settings, transport: transport}
	s.machines = &inventory{match: s.settings.match}
	s.machines.machines.Fix(reservations...)
	s.tracker = &netboot.Tracker{Patience: cfg.Patience.netboot()}
	s.tracker.Next = netboot.Observers(&eventLog{log: d.Log, tracker: s.tracker}, newEventCounter(d.Metrics))
	s.dhcp = &dhcp.Handler{
		Inventory: s.machines, Leases: leases, Observer: s.tracker, Log: d.Log,
		Relays: cfg.Relays, ProxyOnly: cfg.ProxyOnly, NoNudge: off(cfg.Cures.Nudge), NoPin: off(cfg.Cures.Pin),
	}
	cfg.warnMissing(d.Log)
	return s.serve(ctx)
}

// serve opens what is left to open, and runs all parts until ctx ends.
func (s *server) serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, start := range []func(context.Context, *errgroup.Group) error{
		s.startEtcd, s.startTFTP, s.startHTTP, s.startIPv6, s.startRA, s.startStatus,
	} {
		if err := start(ctx, g); err != nil {
			g.Go(func() error { return err }) // ends what has been started
			return g.Wait()
		}
	}
	g.Go(func() error { return dhcp.Serve(ctx, s.transport, s.dhcp) })
	g.Go(func() error {
		if err := s.tracker.Run(ctx); !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	})
	s.Metrics.MustRegister(bootCollector{s})
	s.OnReload(s.reload)
	s.Ready()
	return g.Wait()
}

// fileObserver is told of what file servers do. The DHCP server stops nudging a
// machine that asks for files.
func (s *server) fileObserver() netboot.Observer { return netboot.Observers(s.dhcp, s.tracker) }

// reload brings another configuration's machines into force.
func (s *server) reload(cfg *config) error {
	if keys := s.settings.changed(&cfg.Settings); len(keys) > 0 {
		return fmt.Errorf("only machines and pools can change while the server runs; restart it for a new %s", strings.Join(keys, ", "))
	}
	reservations, err := cfg.reservations()
	if err != nil {
		return err
	}
	forget := s.forgetGone()
	s.machines.machines.Fix(reservations...)
	forget()
	cfg.warnMissing(s.Log)
	return nil
}
