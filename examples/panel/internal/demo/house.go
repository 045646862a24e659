package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/poe"
)

// errClosed is for a house that does not run any more.
var errClosed = errors.New("demo: the house has ended")

// ready waits until the house runs.
func (d *Demo) ready(ctx context.Context) error {
	select {
	case <-d.ended:
		return errClosed
	default:
	}
	select {
	case <-d.started:
		return nil
	case <-d.ended:
		return errClosed
	case <-ctx.Done():
		return fmt.Errorf("demo: wait until the house runs: %w", ctx.Err())
	}
}

// thing finds what has a name in a house that runs.
func thing[T any](ctx context.Context, d *Demo, kind model.Kind, name string, have map[string]T) (T, error) {
	v, ok := have[name]
	if !ok {
		return v, fmt.Errorf("demo: %s %q: %w", kind, name, model.ErrUnknown)
	}
	return v, d.ready(ctx)
}

func (d *Demo) slot(ctx context.Context, name string) (*slot, error) {
	return thing(ctx, d, model.PiKind, name, d.shelf.byName)
}

func (d *Demo) domain(ctx context.Context, name string) (*domain, error) {
	return thing(ctx, d, model.DomainKind, name, d.registry.byName)
}

func (d *Demo) site(ctx context.Context, name string) (*site, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return thing(ctx, d, model.SiteKind, name, d.web.byName)
}

// Shelves implements model.House.
func (d *Demo) Shelves(ctx context.Context) ([]model.Shelf, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	shelf := model.Shelf{Name: shelfName, Switch: d.grid.show()}
	for _, p := range d.shelf.slots {
		shelf.Pis = append(shelf.Pis, p.view())
	}
	return []model.Shelf{shelf}, nil
}

// Pi implements model.House.
func (d *Demo) Pi(ctx context.Context, name string) (model.Pi, error) {
	p, err := d.slot(ctx, name)
	if err != nil {
		return model.Pi{}, err
	}
	return p.view(), nil
}

// Boots implements model.House.
func (d *Demo) Boots(ctx context.Context, name string, n int) ([]model.Boot, error) {
	p, err := d.slot(ctx, name)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.history.latest(n), nil
}

// Power implements model.House. What has begun goes on when ctx ends.
func (d *Demo) Power(ctx context.Context, name string, action model.PowerAction, reason, by string) error {
	p, err := d.slot(ctx, name)
	if err != nil {
		return err
	}
	words := map[model.PowerAction]string{model.SwitchOn: "is switched on", model.SwitchOff: "is switched off", model.Cycle: "is power-cycled"}
	return d.busy(p, words[action]+" by "+by, func(ctx context.Context) error {
		return d.power(ctx, p, action, poe.Reason{Who: by, Why: reason})
	})
}

// power carries out an order of a person's.
func (d *Demo) power(ctx context.Context, p *slot, action model.PowerAction, why poe.Reason) error {
	if err := d.grid.act(ctx, p, action, why); err != nil {
		return err
	}
	p.set(func(p *slot) { p.wanted, p.faint = action != model.SwitchOff, 0 })
	return nil
}

// busy does something with a Pi, of which the panel shows the words meanwhile, and of
// which it does one at a time.
func (d *Demo) busy(p *slot, words string, do func(ctx context.Context) error) error {
	p.mu.Lock()
	if p.busy != "" {
		defer p.mu.Unlock()
		return fmt.Errorf("demo: %s: it %s just now: wait until that is done: %w", p.plan.Name, p.busy, model.ErrRefused)
	}
	p.busy = words
	p.mu.Unlock()
	d.news.tell(model.PiKind, p.plan.Name)
	err := do(d.ctx)
	p.set(func(p *slot) { p.busy = "" })
	d.news.tell(model.PiKind, p.plan.Name)
	d.options.Log.Info("order", "machine", p.plan.Name, "what", words, "err", err)
	return err
}

// Rebuild implements model.House.
func (d *Demo) Rebuild(ctx context.Context, name, by string) error {
	p, err := d.slot(ctx, name)
	if err != nil {
		return err
	}
	return d.busy(p, "gets a fresh root, asked for by "+by, func(ctx context.Context) error {
		if p.view().Power == model.PowerOn {
			if err := d.power(ctx, p, model.SwitchOff, poe.Reason{Who: by, Why: "its root is made anew"}); err != nil {
				return err
			}
		}
		p.set(func(p *slot) { p.root, p.made = p.root+1, time.Now() })
		return d.power(ctx, p, model.SwitchOn, poe.Reason{Who: by, Why: "it has a fresh root"})
	})
}

// Console implements model.House. The session outlives ctx, until it is closed or the
// house ends.
func (d *Demo) Console(ctx context.Context, name string, o model.ConsoleOptions) (model.Console, error) {
	p, err := d.slot(ctx, name)
	if err != nil {
		return nil, err
	}
	return p.console.attach(d.ctx, o)
}

// SearchLog implements model.House. Upper and lower case are the same.
func (d *Demo) SearchLog(ctx context.Context, name, text string, n int) ([]model.LogLine, error) {
	p, err := d.slot(ctx, name)
	if err != nil {
		return nil, err
	}
	return p.console.search(ctx, text, n)
}

// Domains implements model.House. They come without drawings.
func (d *Demo) Domains(ctx context.Context) ([]model.Domain, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	var list []model.Domain
	for _, dom := range d.registry.domains {
		v, err := d.showDomain(ctx, dom, false)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// Domain implements model.House.
func (d *Demo) Domain(ctx context.Context, name string) (model.Domain, error) {
	dom, err := d.domain(ctx, name)
	if err != nil {
		return model.Domain{}, err
	}
	return d.showDomain(ctx, dom, true)
}

func (d *Demo) showDomain(ctx context.Context, dom *domain, draw bool) (model.Domain, error) {
	v := model.Domain{Name: dom.name, Owner: dom.owner, Cert: d.certs.show(dom)}
	var err error
	v.DNSSEC, err = d.registry.show(ctx, dom, draw)
	return v, err
}

// SetDNSSEC implements model.House.
func (d *Demo) SetDNSSEC(ctx context.Context, name string, on bool, by string) error {
	dom, err := d.domain(ctx, name)
	if err != nil {
		return err
	}
	d.options.Log.Info("order", "zone", name, "DNSSEC", on, "by", by)
	return d.registry.setSigned(ctx, dom, on)
}

// RollKey implements model.House.
func (d *Demo) RollKey(ctx context.Context, name, by string) error {
	dom, err := d.domain(ctx, name)
	if err != nil {
		return err
	}
	d.options.Log.Info("order", "zone", name, "what", "new keys", "by", by)
	return d.registry.roll(ctx, dom)
}

// Certify implements model.House. It returns at once.
func (d *Demo) Certify(ctx context.Context, name, by string) error {
	dom, err := d.domain(ctx, name)
	if err != nil {
		return err
	}
	d.options.Log.Info("order", "domain", name, "what", "certificate", "by", by)
	return d.certs.certify(dom)
}

// Sites implements model.House.
func (d *Demo) Sites(ctx context.Context) ([]model.Site, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	var list []model.Site
	for _, s := range d.web.sites {
		list = append(list, d.web.show(s))
	}
	return list, nil
}

// Site implements model.House.
func (d *Demo) Site(ctx context.Context, name string) (model.Site, error) {
	s, err := d.site(ctx, name)
	if err != nil {
		return model.Site{}, err
	}
	return d.web.show(s), nil
}

// SetProxy implements model.House.
func (d *Demo) SetProxy(ctx context.Context, name string, header model.ProxyHeader, by string) error {
	s, err := d.site(ctx, name)
	if err != nil {
		return err
	}
	d.options.Log.Info("order", "site", name, "PROXY header", string(header), "by", by)
	return d.web.setHeader(s, header)
}

// Probe implements model.House.
func (d *Demo) Probe(ctx context.Context, name string) (model.Verdict, error) {
	s, err := d.site(ctx, name)
	if err != nil {
		return model.Verdict{}, err
	}
	return d.web.probe(ctx, s)
}

// Watch implements model.House.
func (d *Demo) Watch(ctx context.Context, fn func(model.Change)) error {
	return d.news.watch(ctx, fn)
}
