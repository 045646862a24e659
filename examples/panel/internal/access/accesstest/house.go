package accesstest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// House is a [model.House] in memory. Make one by [New].
type House struct {
	mu      sync.Mutex
	pis     []model.Pi
	domains []model.Domain
	sites   []model.Site
	fail    error
	calls   []string
	watch   map[int]func(model.Change)
	watched int
	holder  map[string]*Console // of the keyboard, by Pi
	changed chan struct{}
	screen  map[string]model.Screen
}

var _ model.House = (*House)(nil)

// New has pi-01, alice.example and www.alice.example of alice, the same of bob with pi-02,
// and pi-03 of nobody.
func New() *House {
	h := &House{
		watch: map[int]func(model.Change){}, holder: map[string]*Console{},
		changed: make(chan struct{}), screen: map[string]model.Screen{},
	}
	for i, owner := range []string{"alice", "bob", ""} {
		h.pis = append(h.pis, model.Pi{
			Name: fmt.Sprintf("pi-%02d", i+1), Owner: owner, Shelf: "shelf-1", Slot: i + 1, Port: i + 1,
			Address: netip.MustParsePrefix("10.0.0.2/30"), Power: model.PowerOn,
			Boot: model.Boot{Class: model.Up, Began: time.Unix(1e9, 0).UTC()},
		})
		h.screen[h.pis[i].Name] = model.Screen{Number: 1, Text: owner + " login:", HTML: owner}
	}
	for _, owner := range []string{"alice", "bob"} {
		h.domains = append(h.domains, model.Domain{Name: owner + ".example", Owner: owner})
		h.sites = append(h.sites, model.Site{Name: "www." + owner + ".example", Owner: owner})
	}
	return h
}

// Fail has every method return err, until it is called with nil.
func (h *House) Fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail = err
}

// Calls are the changes that were made, as "Power pi-01 off smoke by alice".
func (h *House) Calls() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

// Give makes a Pi another's.
func (h *House) Give(pi, owner string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.pis {
		if h.pis[i].Name == pi {
			h.pis[i].Owner = owner
		}
	}
}

// Add adds a Pi.
func (h *House) Add(p model.Pi) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pis = append(h.pis, p)
	h.screen[p.Name] = model.Screen{Number: 1}
}

// Drop removes a Pi.
func (h *House) Drop(pi string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pis = slices.DeleteFunc(h.pis, func(p model.Pi) bool { return p.Name == pi })
}

// Tell tells those who watch of a change.
func (h *House) Tell(c model.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, fn := range h.watch {
		h.mu.Unlock()
		fn(c)
		h.mu.Lock()
	}
}

// Watched is how many watch.
func (h *House) Watched() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watch)
}

// Shelves implements [model.House].
func (h *House) Shelves(context.Context) ([]model.Shelf, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return []model.Shelf{{Name: "shelf-1", Switch: model.Switch{Name: "sw-1", Watts: 31}, Pis: slices.Clone(h.pis)}}, h.fail
}

// find is the thing of that name.
func find[T any](h *House, all []T, name string, of func(T) string) (none T, _ error) {
	i := slices.IndexFunc(all, func(t T) bool { return of(t) == name })
	switch {
	case h.fail != nil:
		return none, h.fail
	case i < 0:
		return none, fmt.Errorf("the house has no %q: %w", name, model.ErrUnknown)
	}
	return all[i], nil
}

// Pi implements [model.House].
func (h *House) Pi(_ context.Context, name string) (model.Pi, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return find(h, h.pis, name, func(p model.Pi) string { return p.Name })
}

// Boots implements [model.House].
func (h *House) Boots(ctx context.Context, name string, n int) ([]model.Boot, error) {
	p, err := h.Pi(ctx, name)
	return []model.Boot{p.Boot, {}}[:min(n, 2)], err
}

// SearchLog implements [model.House].
func (h *House) SearchLog(ctx context.Context, name, text string, n int) ([]model.LogLine, error) {
	p, err := h.Pi(ctx, name)
	return []model.LogLine{{At: time.Unix(1e9, 0).UTC(), Text: p.Owner + " booted with " + text}}[:min(n, 1)], err
}

// Domains implements [model.House].
func (h *House) Domains(context.Context) ([]model.Domain, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.domains), h.fail
}

// Domain implements [model.House].
func (h *House) Domain(_ context.Context, name string) (model.Domain, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return find(h, h.domains, name, func(d model.Domain) string { return d.Name })
}

// Sites implements [model.House].
func (h *House) Sites(context.Context) ([]model.Site, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.sites), h.fail
}

// Site implements [model.House].
func (h *House) Site(_ context.Context, name string) (model.Site, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return find(h, h.sites, name, func(s model.Site) string { return s.Name })
}

// called notes a change.
func (h *House) called(words ...string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, strings.Join(words, " "))
	return h.fail
}

// Power implements [model.House].
func (h *House) Power(_ context.Context, name string, action model.PowerAction, reason, by string) error {
	return h.called("Power", name, string(action), reason, "by", by)
}

// Rebuild implements [model.House].
func (h *House) Rebuild(_ context.Context, name, by string) error {
	return h.called("Rebuild", name, "by", by)
}

// SetDNSSEC implements [model.House].
func (h *House) SetDNSSEC(_ context.Context, name string, on bool, by string) error {
	return h.called("SetDNSSEC", name, fmt.Sprint(on), "by", by)
}

// RollKey implements [model.House].
func (h *House) RollKey(_ context.Context, name, by string) error {
	return h.called("RollKey", name, "by", by)
}

// Certify implements [model.House].
func (h *House) Certify(_ context.Context, name, by string) error {
	return h.called("Certify", name, "by", by)
}

// SetProxy implements [model.House].
func (h *House) SetProxy(_ context.Context, name string, header model.ProxyHeader, by string) error {
	return h.called("SetProxy", name, string(header), "by", by)
}

// Probe implements [model.House].
func (h *House) Probe(_ context.Context, name string) (model.Verdict, error) {
	return model.Verdict{Good: true, Words: "it is as it should be"}, h.called("Probe", name)
}

// Watch implements [model.House].
func (h *House) Watch(ctx context.Context, fn func(model.Change)) error {
	h.mu.Lock()
	h.watched++
	id := h.watched
	h.watch[id] = fn
	h.mu.Unlock()
	<-ctx.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watch, id)
	return ctx.Err()
}
