package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/mythic-beasts/hostkit/examples/internal/cli"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// app is what all commands have.
type app struct{ *cli.Call }

// rack returns the switches of the configuration.
func (a *app) rack() (*rack, error) {
	c, err := loadConfig(a.Config)
	if err != nil {
		return nil, err
	}
	return newRack(c, a.Log())
}

// rack is all switches, and who is behind their ports.
type rack struct {
	config   *config
	log      *slog.Logger
	journal  *poe.FileStore
	audit    poe.Audit
	switches map[string]*lazySwitch
}

func newRack(c *config, log *slog.Logger) (*rack, error) {
	if err := os.MkdirAll(filepath.Dir(c.Audit), 0o700); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	r := &rack{
		config: c, log: log, journal: &poe.FileStore{Dir: c.Journal}, audit: poe.AuditFile{Path: c.Audit},
		switches: map[string]*lazySwitch{},
	}
	for _, s := range c.Switches {
		r.switches[s.Name] = &lazySwitch{config: s, log: log.With("switch", s.Name)}
	}
	return r, nil
}

func (r *rack) close() {
	for _, s := range r.switches {
		s.close()
	}
}

// controller switches ports of a switch.
func (r *rack) controller(name string) *poe.Controller {
	s := r.switches[name]
	return &poe.Controller{
		Switch: s, Name: name, Policy: r.config.Policy.policy(s.config.Protected),
		Journal: r.journal, Audit: r.audit, Log: s.log,
	}
}

// lazySwitch is asked who it is when it is first needed, and again when that
// failed.
type lazySwitch struct {
	config switchConfig
	log    *slog.Logger

	mu sync.Mutex
	sw *snmp.Switch
}

var _ poe.Switch = (*lazySwitch)(nil)

func (s *lazySwitch) open(ctx context.Context) (*snmp.Switch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sw != nil {
		return s.sw, nil
	}
	cfg, err := s.config.snmp()
	if err != nil {
		return nil, err
	}
	cfg.Log = s.log
	cfg.OnEngineChange = func(before, now []byte) {
		s.log.Warn("another SNMP engine answers for the switch: it was replaced, or somebody is in between",
			"before", fmt.Sprintf("%x", before), "now", fmt.Sprintf("%x", now))
	}
	s.sw, err = snmp.Dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return s.sw, nil
}

// Ports implements [poe.Switch], as do the others.
func (s *lazySwitch) Ports(ctx context.Context) ([]poe.PortStatus, error) {
	sw, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	return sw.Ports(ctx)
}

func (s *lazySwitch) Port(ctx context.Context, name string) (poe.PortStatus, error) {
	sw, err := s.open(ctx)
	if err != nil {
		return poe.PortStatus{}, err
	}
	return sw.Port(ctx, name)
}

func (s *lazySwitch) SetAdmin(ctx context.Context, name string, on bool) error {
	sw, err := s.open(ctx)
	if err != nil {
		return err
	}
	return sw.SetAdmin(ctx, name, on)
}

func (s *lazySwitch) Budgets(ctx context.Context) ([]poe.Budget, error) {
	sw, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	return sw.Budgets(ctx)
}

func (s *lazySwitch) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sw != nil {
		if err := s.sw.Close(); err != nil {
			s.log.Warn("end of the session", "err", err)
		}
		s.sw = nil
	}
}

// target is a port, and the machine behind it if it is known.
type target struct{ machine, sw, port string }

// String is the machine's name, or SWITCH/PORT.
func (t target) String() string {
	if t.machine != "" {
		return t.machine
	}
	return t.sw + "/" + t.port
}

// target finds what a name stands for. Ports may have slashes in their names,
// switches do not.
func (r *rack) target(name string) (target, error) {
	for _, m := range r.config.Machines {
		if m.Name == name {
			return target{m.Name, m.Switch, m.Port}, nil
		}
	}
	sw, port, ok := strings.Cut(name, "/")
	if !ok || port == "" {
		return target{}, fmt.Errorf("no machine is called %q", name)
	}
	if r.switches[sw] == nil {
		return target{}, fmt.Errorf("%q: no switch is called %q", name, sw)
	}
	return target{r.machineAt(sw, port), sw, port}, nil
}

func (r *rack) machineAt(sw, port string) string {
	for _, m := range r.config.Machines {
		if m.Switch == sw && m.Port == port {
			return m.Name
		}
	}
	return ""
}

// targets finds several; without names, all machines.
func (r *rack) targets(names []string) ([]target, error) {
	var all []target
	if len(names) == 0 {
		for _, m := range r.config.Machines {
			all = append(all, target{m.Name, m.Switch, m.Port})
		}
		return all, nil
	}
	var errs []error
	for _, name := range names {
		t, err := r.target(name)
		if err == nil && slices.Contains(all, t) {
			err = fmt.Errorf("%s is there twice", t)
		}
		all, errs = append(all, t), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// bySwitch sorts targets by switch, in the order of the configuration.
func (r *rack) bySwitch(targets []target) map[string][]target {
	m := map[string][]target{}
	for _, t := range targets {
		m[t.sw] = append(m[t.sw], t)
	}
	return m
}

// who is the user of the command line, for the audit.
func who() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}

func checkCommand(_ context.Context, a *app, args []string) error {
	if _, err := a.Flags(args, "", 0, 0, nil); err != nil {
		return err
	}
	if _, err := loadConfig(a.Config); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "%s is good\n", a.Config)
	return nil
}
