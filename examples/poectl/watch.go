package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// watchCommand tells what happens: what two looks at a switch differ in, and
// what the switches send by themselves.
func watchCommand(ctx context.Context, a *app, args []string) error {
	asJSON := false
	if _, err := a.Flags(args, "[-json]", 0, 0, func(fs *flag.FlagSet) {
		fs.BoolVar(&asJSON, "json", false, "as lines of JSON, for programs")
	}); err != nil {
		return err
	}
	r, err := a.rack()
	if err != nil {
		return err
	}
	defer r.close()
	var mu sync.Mutex // of standard output
	tell := func(e poe.Event) {
		mu.Lock()
		defer mu.Unlock()
		r.tell(a, asJSON, e)
	}
	err = r.watch(ctx, tell)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (r *rack) watch(ctx context.Context, tell func(poe.Event)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &poe.Poller{Interval: time.Duration(r.config.Watch.Interval), OnEvent: tell, Log: r.log}
	for _, s := range r.config.Switches {
		p.Targets = append(p.Targets, poe.Target{Name: s.Name, Switch: r.switches[s.Name]})
	}
	trapped := make(chan error, 1)
	go func() {
		err := r.traps(ctx, tell)
		if err != nil {
			cancel()
		}
		trapped <- err
	}()
	err := p.Run(ctx)
	cancel()
	if terr := <-trapped; terr != nil && !errors.Is(terr, context.Canceled) {
		return terr
	}
	return err
}

// traps listens until ctx ends, if it is to.
func (r *rack) traps(ctx context.Context, tell func(poe.Event)) error {
	w := r.config.Watch
	if w.Traps == "" {
		return nil
	}
	conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", w.Traps)
	if err != nil {
		return fmt.Errorf("watch.traps: %w", err)
	}
	cfg := snmp.TrapConfig{Log: r.log, Switch: r.switchAt}
	if !w.Community.Empty() {
		cfg.Communities = []snmp.Secret{snmp.Secret(w.Community.Reveal())}
	}
	for _, s := range r.config.Switches {
		c, err := s.snmp()
		if err == nil && c.Credentials.V3.User != "" {
			cfg.Users = append(cfg.Users, c.Credentials.V3)
		}
	}
	return snmp.ListenTraps(ctx, conn, cfg, func(e poe.Event) {
		if addr, err := netip.ParseAddr(e.Switch); err == nil {
			if s := r.lazyAt(addr); s != nil {
				e.Switch = s.config.Name
			}
		}
		tell(e)
	})
}

// lazyAt is the switch that has an address.
func (r *rack) lazyAt(addr netip.Addr) *lazySwitch {
	for _, s := range r.switches {
		host, _, err := net.SplitHostPort(s.config.Address)
		if err != nil {
			host = s.config.Address
		}
		if is, err := netip.ParseAddr(host); err == nil && is == addr {
			return s
		}
	}
	return nil
}

// switchAt is the same, once the switch has said who it is.
func (r *rack) switchAt(addr netip.Addr) *snmp.Switch {
	s := r.lazyAt(addr)
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sw
}

// line is an event in the output of watch -json.
type line struct {
	poe.Event
	Machine string `json:"machine,omitempty"`
	Error   string `json:"error,omitempty"`
}

func (r *rack) tell(a *app, asJSON bool, e poe.Event) {
	l := line{Event: e, Machine: r.machineAt(e.Switch, e.Port)}
	if e.Err != nil {
		l.Error = e.Err.Error()
	}
	if asJSON {
		if err := json.NewEncoder(a.Stdout).Encode(l); err != nil {
			r.log.Warn("an event was not written", "err", err)
		}
		return
	}
	where := e.Switch
	if e.Port != "" {
		where = target{l.Machine, e.Switch, e.Port}.String()
	}
	fmt.Fprintf(a.Stdout, "%s %s %v%s\n", e.At.Format(time.TimeOnly), where, e.Kind, detail(e))
}

// detail is what else an event says.
func detail(e poe.Event) string {
	switch {
	case e.Err != nil:
		return ": " + e.Err.Error()
	case e.Kind == poe.EventPowerOn && e.Status.Power.Kind != poe.PowerUnknown:
		return ": " + e.Status.Power.String()
	case e.Budget.Nominal.Milliwatts > 0:
		return fmt.Sprintf(": %v of %v", e.Budget.Used, e.Budget.Nominal)
	}
	return ""
}
