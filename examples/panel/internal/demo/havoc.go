package demo

import (
	"context"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// wreck breaks things until ctx ends, or as many broke as there are to be.
func (d *Demo) wreck(ctx context.Context) error {
	var mending sync.WaitGroup
	defer mending.Wait()
	defer d.wrecked.Store(true)
	chaos := NewChaos(d.options.Seed, d.options.scaled(d.options.ChaosEvery))
	for n := 0; d.options.Breakages == 0 || n < d.options.Breakages; n++ {
		b := chaos.Next()
		if !wait(ctx, b.After) {
			return nil
		}
		target, mend := d.shatter(b)
		if target == "" {
			d.options.Log.Info("chaos: found nothing to break", "kind", string(b.Kind))
			continue
		}
		d.options.Log.Warn("chaos", "kind", string(b.Kind), "target", target)
		if mend != nil {
			mending.Go(func() {
				wait(ctx, b.Lasts)
				mend()
			})
		}
	}
	mending.Wait()
	return nil
}

// shatter breaks one thing, and returns its name, "" if it could not be. mend, if not
// nil, ends what does not end by itself.
func (d *Demo) shatter(b Breakage) (target string, mend func()) {
	pi := d.shelf.slots[b.Target%len(d.shelf.slots)]
	s := d.web.sites[b.Target%len(d.web.sites)]
	name := pi.plan.Name
	broken := false
	switch b.Kind {
	case LostPackets:
		broken = pi.machine.restart(b.Loss)
	case Hang:
		broken = pi.machine.hang()
	case LyingSwitch:
		if broken = pi.view().Power == model.PowerOn; broken {
			d.grid.supply.lie(pi.plan.Port)
		}
	case FailingCA:
		dom := d.registry.domains[b.Target%len(d.registry.domains)]
		d.certs.fail(b.Lasts)
		return dom.name, d.tryCertify(dom)
	case DeadBackend:
		o := s.origins[b.Part%len(s.origins)]
		o.die()
		d.news.tell(model.SiteKind, s.name)
		return o.name, func() { d.reviveOrigin(o) }
	}
	if !broken {
		return "", nil
	}
	d.news.tell(model.PiKind, name)
	return name, nil
}

// tryCertify has a certificate renewed while the authority fails, and returns what is to
// be done when that is over: nothing, as the failed renewal is tried again.
func (d *Demo) tryCertify(dom *domain) (mend func()) {
	if err := d.certs.certify(dom); err != nil {
		d.options.Log.Error("chaos", "err", err)
	}
	return func() { d.options.Log.Info("chaos: the authority works again", "at", time.Now()) }
}

// reviveOrigin is that somebody started the server anew.
func (d *Demo) reviveOrigin(o *origin) {
	if err := o.revive(context.Background()); err != nil {
		d.options.Log.Error("chaos: a server stays dead", "server", o.name, "err", err)
	}
}

// Wrecked reports whether nothing more breaks: there is no chaos, or it has ended.
func (d *Demo) Wrecked() bool { return d.wrecked.Load() }
