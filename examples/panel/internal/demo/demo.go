package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// MaxPis is what one shelf holds.
const MaxPis = 96

// Options say what the house is like. The zero value is eight Pis that boot slowly
// enough to watch, and nothing breaks.
type Options struct {
	// Pis is how many there are, at most [MaxPis]. 0 means 8.
	Pis int
	// Speed is how fast they load, and how fast chaos comes; 0 means 1, which is slow
	// enough to watch.
	Speed float64
	// Chaos breaks things now and then.
	Chaos bool
	// Seed decides what breaks, and in which order.
	Seed uint64
	// ChaosEvery is how long it is between two things that break, on average. 0 means
	// 20 s. Speed shortens it.
	ChaosEvery time.Duration
	// Breakages is how many things break before chaos ends. 0 is no end.
	Breakages int
	// Heal is how often a Pi that does not work is power-cycled.
	Heal HealPolicy
	// Patience is how long a boot may stand still before it counts as stalled, and then
	// before it is given up. 0 means 10 s divided by Speed, and 4 s at least.
	Patience time.Duration
	// Dir is where the house keeps what it writes. "" means a new folder for temporary
	// files, which is removed when Run ends.
	Dir string
	// Log gets what happens. Nil discards.
	Log *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Pis == 0 {
		o.Pis = 8
	}
	if o.Speed == 0 {
		o.Speed = 1
	}
	if o.ChaosEvery == 0 {
		o.ChaosEvery = 20 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = max(o.scaled(10*time.Second), 4*time.Second)
	}
	o.Heal = o.Heal.withDefaults()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Pis < 1 || o.Pis > MaxPis:
		return o, fmt.Errorf("demo: %d Pis: it must be between 1 and %d", o.Pis, MaxPis)
	case !(o.Speed >= 0.1 && o.Speed <= 1000): // not a number either
		return o, fmt.Errorf("demo: speed %g: it must be between 0.1 and 1000", o.Speed)
	case o.ChaosEvery < 0:
		return o, fmt.Errorf("demo: something breaks every %v: it must be a positive time", o.ChaosEvery)
	}
	return o, nil
}

// scaled is a time at the demo's speed.
func (o Options) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / o.Speed)
}

// Demo is a house. Make one by [New].
type Demo struct {
	options  Options
	news     news
	shelf    *shelf
	registry *registry

	// What Run opens, before it closes started. Nobody looks at it sooner.
	started chan struct{}
	ended   chan struct{}
	begun   atomic.Bool
	ctx     context.Context
	logs    *conlog.Store
	grid    *grid
	certs   *certs
	web     *web
	wrecked atomic.Bool // nothing more breaks
}

var _ model.House = (*Demo)(nil)

// New returns a house in which nothing runs yet.
func New(o Options) (*Demo, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Demo{options: o, started: make(chan struct{}), ended: make(chan struct{})}
	if d.shelf, err = newShelf(o, &d.news); err != nil {
		return nil, err
	}
	if d.registry, err = newRegistry(o, &d.news, d.shelf.slots); err != nil {
		return nil, err
	}
	return d, nil
}

// Run runs the house until ctx ends, which is no error. When it returns, all that it
// started has ended and no temporary file is left. A Demo runs once.
func (d *Demo) Run(ctx context.Context) (err error) {
	if !d.begun.CompareAndSwap(false, true) {
		return errors.New("demo: a house runs once: make another by New")
	}
	defer close(d.ended)
	dir := d.options.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "hostkit-demo-"); err != nil {
			return fmt.Errorf("demo: folder for what the house writes: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	b := &bench{log: d.options.Log}
	defer b.clear()
	g, ctx := errgroup.WithContext(ctx)
	d.ctx = ctx
	links, err := d.open(ctx, b, dir)
	if err != nil {
		closeLinks(links)
		return err
	}
	defer closeLinks(links)
	close(d.started)
	g.Go(func() error { return quiet(d.shelf.tracker.Run(ctx)) })
	g.Go(func() error { return quiet(d.logs.Run(ctx)) })
	for _, l := range links {
		g.Go(func() error { return l.slot.console.run(ctx) })
		g.Go(func() error { return d.shelf.serve(ctx, l) })
	}
	for _, part := range []func(context.Context) error{d.grid.run, d.registry.run, d.certs.run, d.web.run, d.heal, d.isolate} {
		g.Go(func() error { return part(ctx) })
	}
	if d.options.Chaos {
		g.Go(func() error { return d.wreck(ctx) })
	} else {
		d.wrecked.Store(true)
	}
	return g.Wait()
}

// open opens all sockets and files. What only it can close it closes when it fails, or
// has the bench do that.
func (d *Demo) open(ctx context.Context, b *bench, dir string) (links []link, err error) {
	consoles := filepath.Join(dir, "consoles")
	if err := os.MkdirAll(consoles, 0o700); err != nil {
		return nil, fmt.Errorf("demo: folder of the consoles' logs: %w", err)
	}
	d.logs = &conlog.Store{Dir: consoles, Options: conlog.Options{Logger: d.options.Log, Quota: 8 << 20}}
	for _, p := range d.shelf.slots {
		if p.console.log, err = d.logs.Open(p.plan.Name); err != nil {
			return nil, fmt.Errorf("demo: log of the console of %s: %w", p.plan.Name, err)
		}
		b.Cleanup(func() { _ = p.console.log.Close() })
	}
	if links, err = d.shelf.open(); err != nil {
		return links, err
	}
	b.Cleanup(d.registry.close)
	if err := d.registry.open(ctx, b, dir); err != nil {
		return links, err
	}
	if d.certs, err = openCerts(d.options, &d.news, d.registry, b, dir); err != nil {
		return links, err
	}
	if d.web, err = openWeb(ctx, d.options, &d.news, d.certs); err != nil {
		return links, err
	}
	b.Cleanup(d.web.close)
	d.grid, err = openGrid(ctx, d.options, &d.news, d.shelf.slots, b)
	return links, err
}

// isolate sets the VLANs of the switch, and proves that they keep the Pis apart.
func (d *Demo) isolate(ctx context.Context) error {
	conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("demo: SNMP of the emulated switch's VLANs: %w", err)
	}
	if err := applyPlan(ctx, d.shelf.plan, conn); err == nil {
		d.options.Log.Info("the switch keeps the Pis apart: each has a VLAN of its own", "switch", switchName)
	} else if ctx.Err() == nil {
		d.options.Log.Error("the VLANs are not as planned", "err", err)
		d.grid.trouble(err.Error())
	}
	return nil
}
