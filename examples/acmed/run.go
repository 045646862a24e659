package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/examples/internal/control"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// keeper is the daemon's parts.
type keeper struct {
	log      *slog.Logger
	store    *store
	solver   *solver
	accounts map[string]*account
	managers map[string]*renew.Manager // by the names of accounts
	deploys  *deployer
	events   *events
	metrics  *metrics

	mu     sync.RWMutex // guards config
	config *config
}

func run(ctx context.Context, d *daemon.Daemon[config]) (err error) {
	cfg := d.Config()
	k, err := newKeeper(cfg, d.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	k.metrics = newMetrics(d.Metrics, k)
	d.Health(k.healthy)
	socket, err := control.Listen(ctx, cfg.Control)
	if err != nil {
		return err
	}
	return k.serve(ctx, d, socket)
}

// newKeeper opens the parts, which a command without the daemon wants as well.
func newKeeper(cfg *config, log *slog.Logger) (*keeper, error) {
	mode := os.FileMode(0o700)
	if cfg.Store.GroupReadable {
		mode = 0o750 // on the way to the certificates
	}
	for _, dir := range []string{cfg.State, filepath.Dir(cfg.Store.Dir)} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return nil, err
		}
	}
	certs, err := cfg.Store.open()
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	k := &keeper{
		log: log, store: certs, solver: &solver{dir: filepath.Join(cfg.State, "journal"), log: log},
		accounts: map[string]*account{}, managers: map[string]*renew.Manager{},
		events: newEvents(), config: cfg,
	}
	k.deploys = newDeployer(deployDir(cfg), certs, cfg.Deploy.Parallel, log, k.current)
	if err := k.solver.set(&cfg.DNSSettings); err != nil {
		return nil, errors.Join(err, k.close())
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Accounts)) {
		if k.accounts[name], err = openAccount(name, cfg.Accounts[name], log); err != nil {
			return nil, errors.Join(err, k.close())
		}
	}
	return k, nil
}

func deployDir(cfg *config) string { return filepath.Join(cfg.State, "deploy") }

func (k *keeper) close() error { return errors.Join(k.solver.close(), k.store.close()) }

func (k *keeper) current() *config {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.config
}

// manager makes that of an account.
func (k *keeper) manager(account string) *renew.Manager {
	cfg := k.current()
	return &renew.Manager{
		Issuer: k.accounts[account], Solver: k.solver, Store: accountStore{k.store, account},
		Policy: cfg.Policy.policy(), Parallel: cfg.Parallel,
		Timeout: time.Duration(cfg.Policy.Timeout), Recheck: time.Duration(cmp.Or(cfg.Policy.Recheck, daemon.Duration(time.Hour))),
		Log: k.log,
	}
}

// compareEvery is how often it is looked whether all certificates are deployed, which
// other nodes may have renewed.
const compareEvery = 10 * time.Second

// serve does all that there is to do until ctx ends.
func (k *keeper) serve(ctx context.Context, d *daemon.Daemon[config], socket net.Listener) error {
	g, gctx := errgroup.WithContext(ctx)
	for name := range k.accounts {
		m := k.manager(name)
		m.OnEvent = func(ev renew.Event) { k.event(gctx, ev) }
		k.managers[name] = m
	}
	cfg := k.current()
	for i := range cfg.Certificates {
		cert := &cfg.Certificates[i]
		if err := k.managers[cert.Account].Add(cert.Name, cfg.request(cert)); err != nil {
			return errors.Join(err, socket.Close())
		}
		k.deploys.check(gctx, cert.Name) // what an earlier run has left to do
	}
	g.Go(func() error {
		if err := k.solver.recover(gctx, &cfg.DNSSettings); err != nil && gctx.Err() == nil {
			k.log.Warn("TXT records of an earlier run may still be there", "err", err)
		}
		return nil
	})
	for _, m := range k.managers {
		g.Go(func() error { return ended(m.Run(gctx)) })
	}
	g.Go(func() error { k.compare(gctx); return nil })
	g.Go(func() error { return control.Serve(gctx, socket, api{k}.handler()) })
	d.OnReload(func(cfg *config) error { return k.reload(gctx, cfg) })
	d.Ready()
	err := g.Wait()
	k.deploys.wait()
	return err
}

// compare has certificates deployed that are not.
func (k *keeper) compare(ctx context.Context) {
	tick := time.NewTicker(compareEvery)
	defer tick.Stop()
	for {
		for _, st := range k.status() {
			if st.State.CertID != "" && k.deploys.due(st.Name, st.State.CertID) && k.deployable(st.Name) {
				k.deploys.check(ctx, st.Name)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// deployable says whether there is something to do for a new certificate.
func (k *keeper) deployable(name string) bool {
	cert, ok := k.current().certificate(name)
	return ok && (k.store.shared || len(cert.Deploy) > 0)
}

// status is how the certificates are, by name.
func (k *keeper) status() []renew.Status {
	var all []renew.Status
	for _, m := range k.managers {
		all = append(all, m.Status()...)
	}
	slices.SortFunc(all, func(a, b renew.Status) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// event is a manager's.
func (k *keeper) event(ctx context.Context, ev renew.Event) {
	k.metrics.count(ev)
	switch ev.Kind {
	case renew.Issued, renew.Renewed, renew.Adopted:
		if k.deployable(ev.Name) {
			k.deploys.check(ctx, ev.Name)
		}
	case renew.Failed, renew.StoreFailed, renew.Scheduled, renew.NoWindow:
	}
	k.events.tell(ev)
}

// ended is nil for what ended because it was to.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// healthy says whether certificates could be written.
func (k *keeper) healthy(context.Context) error {
	cfg := k.current()
	for _, dir := range []string{cfg.State, filepath.Dir(cfg.Store.Dir)} {
		if _, err := os.Stat(dir); err != nil {
			return err
		}
	}
	return nil
}
