package demo

import (
	"context"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/poe"
)

// heal looks after Pis and servers until ctx ends: what [Heal] and [Tend] decide, it
// does.
func (d *Demo) heal(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	tick := time.NewTicker(max(d.options.scaled(500*time.Millisecond), 100*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, p := range d.shelf.slots {
			if d.treat(p, time.Now()) {
				work.Go(func() { d.revive(ctx, p) })
			}
		}
		for _, s := range d.web.sites {
			d.web.tend(s, time.Now())
		}
	}
}

// treat notes what is wrong with a Pi, and reports whether its power is to be cycled.
func (d *Demo) treat(p *slot, now time.Time) bool {
	ailment := p.ailment()
	p.mu.Lock()
	done, healing := Heal(d.options.Heal, p.done, ailment, now)
	changed := p.problem != healing.Words && p.busy == ""
	p.done = done
	if p.busy == "" {
		p.problem = healing.Words
	}
	if healing.Cycle {
		p.busy = healing.Words
	}
	p.mu.Unlock()
	if changed {
		if healing.Words != "" {
			d.options.Log.Warn("a Pi ails", "machine", p.plan.Name, "what", healing.Words)
		}
		d.news.tell(model.PiKind, p.plan.Name)
	}
	return healing.Cycle
}

// revive power-cycles a Pi that does not work.
func (d *Demo) revive(ctx context.Context, p *slot) {
	p.mu.Lock()
	why, action := p.busy, model.Cycle
	if p.power == model.PowerOff {
		action = model.SwitchOn
	}
	p.mu.Unlock()
	err := d.grid.act(ctx, p, action, poe.Reason{Who: "healer", Why: why})
	if err != nil && ctx.Err() == nil {
		d.options.Log.Error("a Pi could not be power-cycled", "machine", p.plan.Name, "err", err)
		if _, err := d.grid.control.Recover(ctx); err != nil {
			d.options.Log.Error("what was interrupted could not be finished", "err", err)
		}
	}
	p.set(func(p *slot) { p.busy, p.faint = "", 0 })
	d.news.tell(model.PiKind, p.plan.Name)
}
