package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/mythic-beasts/hostkit/examples/internal/control"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// Names of the listening sockets, from systemd (FileDescriptorName=).
const (
	socketDNS = "dns"
	socketTLS = "tls"
)

// signer is the daemon's parts.
type signer struct {
	*manager.Manager
	log     *slog.Logger
	history *history
	server  *serve.Server
	pulls   *pulls
	metrics *metrics

	mu      sync.RWMutex // of what a reload replaces
	config  *config
	parents map[string]manager.Parent
}

func run(ctx context.Context, d *daemon.Daemon[config]) error {
	cfg := d.Config()
	for _, dir := range []string{cfg.State, cfg.Keys, filepath.Join(cfg.State, "zones")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	store, err := cfg.store()
	if err != nil {
		return err
	}
	defer store.Close()
	s := &signer{log: d.Log, history: &history{store: store}, metrics: newMetrics(d.Metrics)}
	if err := s.use(cfg); err != nil {
		return err
	}
	s.server = &serve.Server{Keys: cfg.keys(), Zone: s.zoneConfig, Notified: s.notified, Log: d.Log}
	if cfg.TLS.Certificate != "" {
		cert, err := tls.LoadX509KeyPair(cfg.TLS.Certificate, cfg.TLS.Key)
		if err != nil {
			return fmt.Errorf("tls: %w", err)
		}
		s.server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
	}
	s.Manager = &manager.Manager{
		Keys: dnssec.KeyFiles{Path: cfg.Keys}, Store: store, Zones: manager.ZoneFiles{Path: filepath.Join(cfg.State, "zones")},
		Publisher: s.server, Parent: s.parent, Served: s.served, Log: d.Log, Events: s.event,
		Workers: cfg.Workers, PollDS: time.Duration(cfg.PollDS), CheckDS: time.Duration(cfg.CheckDS),
		PollServed: time.Duration(cfg.PollServed),
		Signer:     dnssec.Signer{BatchECDSA: cfg.BatchECDSA},
	}
	s.pulls = newPulls(s)
	d.Metrics.MustRegister(serverCollector{s.server})
	listeners, err := listen(ctx, d)
	if err != nil {
		return err
	}
	socket, err := control.Listen(ctx, cfg.Control)
	if err != nil {
		return err
	}
	return s.serve(ctx, d, listeners, socket)
}

// listen opens the sockets for DNS, or takes them from systemd.
func listen(ctx context.Context, d *daemon.Daemon[config]) (serve.Listeners, error) {
	var l serve.Listeners
	cfg := d.Config()
	for _, addr := range cfg.Listen {
		udp, err := d.ListenPacket(ctx, socketDNS, "udp", addr)
		if err != nil {
			return l, err
		}
		l.UDP = append(l.UDP, udp)
		tcp, err := d.Listen(ctx, socketDNS, "tcp", addr)
		if err != nil {
			return l, err
		}
		l.TCP = append(l.TCP, tcp)
	}
	for _, addr := range cfg.TLS.Listen {
		tcp, err := d.Listen(ctx, socketTLS, "tcp", addr)
		if err != nil {
			return l, err
		}
		l.TLS = append(l.TLS, tcp)
	}
	return l, nil
}

// settle is how long all zones may take to be published before the daemon counts as
// ready all the same.
const settle = 10 * time.Second

// serve does all that there is to do until ctx ends.
func (s *signer) serve(ctx context.Context, d *daemon.Daemon[config], l serve.Listeners, socket net.Listener) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.server.Serve(gctx, l) })
	g.Go(func() error { return ended(s.Run(gctx)) })
	g.Go(func() error { return s.metrics.run(gctx, s) })
	g.Go(func() error { return control.Serve(gctx, socket, api{s}.handler()) })
	all := make(chan struct{})
	g.Go(func() error {
		defer close(all)
		s.contents(gctx)
		return nil
	})
	select {
	case <-all:
	case <-gctx.Done():
	case <-time.After(settle): // another process leads, and these wait for its end
	}
	d.OnReload(func(cfg *config) error { return s.reload(gctx, cfg) })
	d.Ready()
	err := g.Wait()
	s.pulls.wait()
	return err
}

// ended is nil for what ended because it was to.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// use takes a configuration, as far as a reload can.
func (s *signer) use(cfg *config) error {
	parents := map[string]manager.Parent{}
	for name, p := range cfg.Parents {
		driver, err := p.driver(&cfg.Settings, s.history.store, s.log)
		if err != nil {
			return fmt.Errorf("parent.%s: %w", name, err)
		}
		parents[name] = driver
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config, s.parents = cfg, parents
	return nil
}

// current is the configuration in force.
func (s *signer) current() *config {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.config
}

func (s *signer) parent(zone string) manager.Parent {
	s.mu.RLock()
	defer s.mu.RUnlock()
	z, ok := s.config.zone(zone)
	if !ok {
		return nil
	}
	return s.parents[z.Parent] // nil without one
}

// reload brings another configuration into force, and reads all zone files.
func (s *signer) reload(ctx context.Context, cfg *config) error {
	if keys := s.current().changed(&cfg.Settings); len(keys) > 0 {
		return fmt.Errorf("these need a restart: %v", keys)
	}
	if err := s.use(cfg); err != nil {
		return err
	}
	s.contents(ctx)
	return s.policies(ctx)
}

// policies gives zones that are enabled the policies that they have now.
func (s *signer) policies(ctx context.Context) error {
	var errs []error
	for _, z := range s.current().Zones {
		st, err := s.Status(ctx, z.Name)
		if err != nil || !st.Enabled {
			continue // it has no contents yet, or no policy
		}
		if err := s.enable(ctx, z.Name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", z.Name, err))
		}
	}
	return errors.Join(errs...)
}

// enable signs a zone by its policy.
func (s *signer) enable(ctx context.Context, zone string) error {
	cfg := s.current()
	z, ok := cfg.zone(zone)
	if !ok {
		return control.Refuse(http.StatusNotFound, "zone %s is not configured", zone)
	}
	policy, err := cfg.Policies[z.Policy].policy("policy." + z.Policy)
	if err != nil {
		return err
	}
	return s.Enable(ctx, zone, policy)
}
