package main

import (
	"context"
	"reflect"
	"sync"

	"github.com/mythic-beasts/hostkit/dnssec/serve"
)

// pulls are the zones that come from other servers.
type pulls struct {
	signer *signer
	all    sync.WaitGroup

	mu    sync.Mutex
	zones map[string]*pullOf
}

// pullOf is one of them, while it goes on.
type pullOf struct {
	*serve.Puller
	stop context.CancelFunc
}

func newPulls(s *signer) *pulls { return &pulls{signer: s, zones: map[string]*pullOf{}} }

// set makes the zones those of a configuration. One whose primaries are the same
// goes on.
func (p *pulls) set(ctx context.Context, cfg *config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := map[string]bool{}
	for i := range cfg.Zones {
		z := &cfg.Zones[i]
		if len(z.Primaries) == 0 {
			continue
		}
		wanted[z.Name] = true
		var primaries []serve.Primary
		for _, addr := range z.Primaries {
			primaries = append(primaries, serve.Primary{Addr: addr, Key: cfg.key(z.PrimaryKey)})
		}
		old := p.zones[z.Name]
		if old != nil && reflect.DeepEqual(old.Primaries, primaries) {
			continue
		}
		next := &pullOf{Puller: &serve.Puller{
			Zone: z.Name, Primaries: primaries, Log: p.signer.log,
			Changed: p.signer.set,
		}}
		if old != nil {
			next.Have, _ = old.Current()
			old.stop()
		}
		p.start(ctx, next)
		p.zones[z.Name] = next
	}
	for name, old := range p.zones {
		if !wanted[name] {
			old.stop()
			delete(p.zones, name)
		}
	}
}

func (p *pulls) start(ctx context.Context, next *pullOf) {
	ctx, next.stop = context.WithCancel(ctx)
	p.all.Go(func() {
		if err := ended(next.Run(ctx)); err != nil {
			p.signer.log.Error("a zone is no longer fetched", "zone", next.Zone, "err", err)
		}
	})
}

// wait waits for all to end.
func (p *pulls) wait() { p.all.Wait() }

// notified is what a primary says.
func (p *pulls) notified(n serve.Notification) bool {
	p.mu.Lock()
	pull := p.zones[n.Zone.String()]
	p.mu.Unlock()
	return pull != nil && pull.Notified(n)
}
