package web_test

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

// house is a model.House of values alone. What its buttons do is written down.
type house struct {
	mu      sync.Mutex // guards all below
	pis     []model.Pi
	domains []model.Domain
	sites   []model.Site
	log     []model.LogLine
	did     []string
	err     error // what the next button fails with
	watch   map[chan model.Change]struct{}
	screens map[string]*terminal
}

var _ model.House = (*house)(nil)

// terminal is a Pi's console: it shows what is typed.
type terminal struct {
	mu      sync.Mutex // guards all below
	number  uint64
	text    string
	holder  string
	changed chan struct{}
}

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newHouse has Pis, domains and sites of alice's and bob's.
func newHouse() *house {
	h := &house{watch: make(map[chan model.Change]struct{}), screens: make(map[string]*terminal)}
	h.addPis(4)
	h.domains = []model.Domain{
		{
			Name: "alice.example", Owner: "alice",
			DNSSEC: model.DNSSEC{
				On: true, Secure: true, Words: "signed, and the parent has the DS", Next: began.Add(48 * time.Hour),
				DS:       []string{"alice.example. 3600 IN DS 12345 13 2 49fd46e6c4b45c55d4ac"},
				Keys:     []model.Key{{Tag: 12345, Role: "CSK", Algorithm: "ECDSAP256SHA256", State: "signs everything"}},
				Timeline: timelineSVG,
			},
			Cert: model.Certificate{
				Names: []string{"alice.example", "*.alice.example"}, Issuer: "Fake CA", Words: "good until June",
				NotBefore: began, NotAfter: began.Add(90 * 24 * time.Hour), Renewal: began.Add(60 * 24 * time.Hour),
			},
		},
		{
			Name: "bob.example", Owner: "bob",
			DNSSEC: model.DNSSEC{Words: "not signed", Problem: "The name servers give another answer each."},
			Cert:   model.Certificate{Words: "none yet", Problem: "The CA says no: rate limit."},
		},
	}
	for _, owner := range []string{"alice", "bob"} {
		h.sites = append(h.sites, model.Site{
			Name: "www." + owner + ".example", Owner: owner, Names: []string{"www." + owner + ".example", owner + ".example"},
			Header: model.NoHeader, Open: 3, Routed: 1234, Words: "routed to two servers",
			Backends: []model.Backend{
				{Addr: netip.MustParseAddrPort("[2001:db8::2]:443"), State: "up"},
				{Addr: netip.MustParseAddrPort("[2001:db8::3]:443"), State: "down", Why: "it refused the connection"},
			},
		})
	}
	h.log = []model.LogLine{
		{At: began.Add(time.Second), Text: "[    1.000000] Kernel panic - not syncing <b>"},
		{At: began, Text: "U-Boot 2026.01"},
	}
	return h
}

const timelineSVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 120" width="960" height="120" role="img" font-size="12" fill="currentColor">
<title>Keys of alice.example</title><desc>Planned: nothing.</desc><rect x="190" y="60" width="400.5" height="12" fill="#1a7f37" opacity="0.45"><title>DNSKEY</title></rect>
<text x="10" y="80" font-weight="bold">CSK 12345</text><line x1="200" y1="20" x2="200" y2="90" stroke="currentColor" opacity="0.15"/></svg>
`

// addPis adds Pis, of alice and bob in turns, in all states in turns.
func (h *house) addPis(n int) {
	classes := []model.Class{model.Up, model.Loading, model.Off, model.Stalled, model.Asking, model.Dead}
	for i := range n {
		slot := len(h.pis) + 1
		pi := model.Pi{
			Name: fmt.Sprintf("pi-%02d", slot), Owner: []string{"alice", "bob"}[i%2], Model: "Pi 4", Serial: fmt.Sprintf("5e1f%04x", slot),
			Shelf: "shelf-1", Slot: slot, Switch: "sw-1", Port: slot, VLAN: 100 + slot, PublicVLAN: 50,
			Address:    netip.MustParsePrefix(fmt.Sprintf("10.80.%d.%d/30", slot/64, slot%64*4+2)),
			FileServer: netip.MustParseAddr(fmt.Sprintf("10.80.%d.%d", slot/64, slot%64*4+1)),
			Public:     netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", slot)),
			Power:      model.PowerOn, Watts: 3.2, Root: 1, RootMade: began, Console: true,
			Boot: model.Boot{Began: began, Class: classes[i%len(classes)], Stage: "stage of it", Loaded: 1e6, Total: 2e6, File: "5e1f0001/kernel8.img", Resent: i},
		}
		switch pi.Boot.Class {
		case model.Up:
			pi.Boot.Up = began.Add(20 * time.Second)
		case model.Off:
			pi.Power, pi.Watts = model.PowerOff, 0
		case model.Stalled:
			pi.Boot.Diagnosis = "It asks for the same packet again and again. Look at its cable."
		}
		h.pis = append(h.pis, pi)
		h.screens[pi.Name] = &terminal{number: 1, text: "U-Boot 2026.01\n" + pi.Name + " login: ", changed: make(chan struct{})}
	}
}

// change changes a Pi, and tells.
func (h *house) change(name string, fn func(*model.Pi)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.pis {
		if h.pis[i].Name == name {
			fn(&h.pis[i])
		}
	}
	h.tell(model.Change{Kind: model.PiKind, Name: name})
}

// tell is called with mu held.
func (h *house) tell(c model.Change) {
	for ch := range h.watch {
		ch <- c
	}
}

// failNext has the next button fail.
func (h *house) failNext(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
}

// done are what the buttons did since the last call.
func (h *house) done() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	did := h.did
	h.did = nil
	return did
}

// do notes what a button does to a thing.
func (h *house) do(kind model.Kind, name, what string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.err; err != nil {
		h.err = nil
		return err
	}
	h.did = append(h.did, what)
	h.tell(model.Change{Kind: kind, Name: name})
	return nil
}

func (h *house) Shelves(context.Context) ([]model.Shelf, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return []model.Shelf{{
		Name: "shelf-1", Pis: slices.Clone(h.pis),
		Switch: model.Switch{Name: "sw-1", Model: "fake 24", Watts: 31.5, Budget: 370, Problem: "Port 3 was counted twice."},
	}}, nil
}

// find is the thing with a name.
func find[T any](all []T, name string, nameOf func(T) string) (T, error) {
	for _, t := range all {
		if nameOf(t) == name {
			return t, nil
		}
	}
	var none T
	return none, fmt.Errorf("house: %q: %w", name, model.ErrUnknown)
}

func (h *house) Pi(_ context.Context, name string) (model.Pi, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return find(h.pis, name, func(p model.Pi) string { return p.Name })
}

func (h *house) Boots(ctx context.Context, name string, n int) ([]model.Boot, error) {
	pi, err := h.Pi(ctx, name)
	last := model.Boot{Began: began.Add(-time.Hour), Ended: began.Add(-time.Minute), Class: model.Dead, Stage: "gave up", Diagnosis: "It was mute. Speak to it."}
	return []model.Boot{pi.Boot, last}[:min(n, 2)], err
}

func (h *house) Power(_ context.Context, name string, action model.PowerAction, reason, by string) error {
	return h.do(model.PiKind, name, fmt.Sprintf("%s %s for %q by %s", action, name, reason, by))
}

func (h *house) Rebuild(_ context.Context, name, by string) error {
	return h.do(model.PiKind, name, "rebuild "+name+" by "+by)
}

func (h *house) SearchLog(_ context.Context, _, text string, n int) ([]model.LogLine, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []model.LogLine
	for _, l := range h.log {
		if len(found) < n && strings.Contains(strings.ToLower(l.Text), strings.ToLower(text)) {
			found = append(found, l)
		}
	}
	return found, nil
}

func (h *house) Domains(context.Context) ([]model.Domain, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.domains), nil
}

func (h *house) Domain(_ context.Context, name string) (model.Domain, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return find(h.domains, name, func(d model.Domain) string { return d.Name })
}

func (h *house) SetDNSSEC(_ context.Context, name string, on bool, by string) error {
	err := h.do(model.DomainKind, name, fmt.Sprintf("dnssec %s %t by %s", name, on, by))
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.domains {
		if h.domains[i].Name == name && err == nil {
			h.domains[i].DNSSEC.On = on
		}
	}
	return err
}

func (h *house) RollKey(_ context.Context, name, by string) error {
	return h.do(model.DomainKind, name, "roll "+name+" by "+by)
}

func (h *house) Certify(_ context.Context, name, by string) error {
	return h.do(model.DomainKind, name, "certify "+name+" by "+by)
}

func (h *house) Sites(context.Context) ([]model.Site, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.sites), nil
}

func (h *house) Site(_ context.Context, name string) (model.Site, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return find(h.sites, name, func(s model.Site) string { return s.Name })
}

func (h *house) SetProxy(_ context.Context, name string, header model.ProxyHeader, by string) error {
	if err := h.do(model.SiteKind, name, fmt.Sprintf("proxy %s %s by %s", name, header, by)); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.sites {
		if h.sites[i].Name == name {
			h.sites[i].Header = header
		}
	}
	return nil
}

func (h *house) Probe(_ context.Context, name string) (model.Verdict, error) {
	if err := h.do(model.SiteKind, name, "probe "+name); err != nil {
		return model.Verdict{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.sites {
		if h.sites[i].Name == name {
			h.sites[i].Verdict = model.Verdict{Words: "Its servers expect v2.", Want: model.V2}
			return h.sites[i].Verdict, nil
		}
	}
	return model.Verdict{}, model.ErrUnknown
}

func (h *house) Watch(ctx context.Context, fn func(model.Change)) error {
	ch := make(chan model.Change, 10_000)
	h.mu.Lock()
	h.watch[ch] = struct{}{}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watch, ch)
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-ch:
			fn(c)
		}
	}
}
