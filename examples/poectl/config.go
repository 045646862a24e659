package main

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// config is poectl.toml.
type config struct {
	Journal string `toml:"journal"`
	Audit   string `toml:"audit"`

	Policy   policyConfig    `toml:"policy"`
	Switches []switchConfig  `toml:"switch"`
	Machines []machineConfig `toml:"machine"`
	Watch    watchConfig     `toml:"watch"`
	Serve    serveConfig     `toml:"serve"`
}

// policyConfig is [policy].
type policyConfig struct {
	MinOff      daemon.Duration `toml:"min_off"`
	OffDeadline daemon.Duration `toml:"off_deadline"`
	OnDeadline  daemon.Duration `toml:"on_deadline"`
	MaxCycles   int             `toml:"max_cycles"`
	Window      daemon.Duration `toml:"window"`
	Lockout     daemon.Duration `toml:"lockout"`
	WhenOff     string          `toml:"when_off"`
}

// switchConfig is one [[switch]].
type switchConfig struct {
	Name    string `toml:"name"`
	Address string `toml:"address"`

	Community daemon.Secret `toml:"community"`
	ReadOnly  daemon.Secret `toml:"read_community"`

	User     string        `toml:"user"`
	Auth     string        `toml:"auth"`
	AuthPass daemon.Secret `toml:"auth_pass"`
	Priv     string        `toml:"priv"`
	PrivPass daemon.Secret `toml:"priv_pass"`
	EngineID string        `toml:"engine_id"`

	Vendor         string            `toml:"vendor"`
	Ports          map[string]string `toml:"ports"`
	Protected      []string          `toml:"protected"`
	Observe        bool              `toml:"observe"`
	AllowWeak      bool              `toml:"allow_weak"`
	NoImplicitSave bool              `toml:"no_implicit_save"`
}

// machineConfig is one [[machine]].
type machineConfig struct {
	Name   string `toml:"name"`
	Switch string `toml:"switch"`
	Port   string `toml:"port"`
}

// watchConfig is [watch].
type watchConfig struct {
	Interval  daemon.Duration `toml:"interval"`
	Traps     string          `toml:"traps"`
	Community daemon.Secret   `toml:"trap_community"`
}

// serveConfig is [serve].
type serveConfig struct {
	Listen  string          `toml:"listen"`
	Cert    string          `toml:"tls_cert"`
	Key     string          `toml:"tls_key"`
	Clients []clientConfig  `toml:"client"`
	Window  daemon.Duration `toml:"replay_window"`
}

// clientConfig is one [[serve.client]]: it proves that it is by a token, by a
// user's password, or, of bmclib, by a signature.
type clientConfig struct {
	Name     string        `toml:"name"`
	Token    daemon.Secret `toml:"token"`
	Password daemon.Secret `toml:"password"`
	HMAC     daemon.Secret `toml:"hmac"`
	Signed   []string      `toml:"signed_headers"`
	Machines []string      `toml:"machines"`
}

func loadConfig(path string) (*config, error) {
	return daemon.Load(path, (*config).check)
}

// check finds what is wrong, and fills in defaults.
func (c *config) check() error {
	var errs []error
	add := func(key string, err error) { errs = append(errs, daemon.Field(key, err)) }
	c.Journal = cmp.Or(c.Journal, "/var/lib/poectl")
	c.Audit = cmp.Or(c.Audit, "/var/log/poectl/audit.jsonl")
	for key, path := range map[string]string{"journal": c.Journal, "audit": c.Audit} {
		if !filepath.IsAbs(path) {
			add(key, fmt.Errorf("%q is not an absolute path", path))
		}
	}
	add("policy.when_off", checkWhenOff(c.Policy.WhenOff))
	switches := map[string]bool{}
	for i := range c.Switches {
		s := &c.Switches[i]
		add(fmt.Sprintf("switch[%d]", i), s.check(switches[s.Name]))
		switches[s.Name] = true
	}
	c.checkMachines(switches, add)
	if c.Watch.Traps != "" {
		_, err := netip.ParseAddrPort(c.Watch.Traps)
		add("watch.traps", err)
	}
	add("serve", c.Serve.check(c.machine))
	return errors.Join(errs...)
}

func (c *config) checkMachines(switches map[string]bool, add func(string, error)) {
	names, ports := map[string]bool{}, map[string]string{}
	for i, m := range c.Machines {
		key := fmt.Sprintf("machine[%d]", i)
		at := m.Switch + "/" + m.Port
		switch {
		case checkName(m.Name) != nil:
			add(key+".name", checkName(m.Name))
		case names[m.Name]:
			add(key+".name", fmt.Errorf("%q is there twice", m.Name))
		case !switches[m.Switch]:
			add(key+".switch", fmt.Errorf("no switch is called %q", m.Switch))
		case m.Port == "":
			add(key+".port", errors.New("is empty"))
		case ports[at] != "":
			add(key+".port", fmt.Errorf("%s is the port of %s already", at, ports[at]))
		}
		names[m.Name], ports[at] = true, m.Name
	}
}

// machine reports whether there is a machine of that name.
func (c *config) machine(name string) bool {
	for _, m := range c.Machines {
		if m.Name == name {
			return true
		}
	}
	return false
}

func checkWhenOff(s string) error {
	switch s {
	case "", "refuse", "on":
		return nil
	}
	return fmt.Errorf("%q is neither refuse nor on", s)
}

// checkName refuses what could not be told from SWITCH/PORT, or not stand in a
// URL.
func checkName(name string) error {
	if name == "" {
		return errors.New("is empty")
	}
	for _, r := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", r) {
			return fmt.Errorf("%q has %q in it; letters, digits, dots, hyphens and underscores may be", name, r)
		}
	}
	return nil
}

func (s *switchConfig) check(twice bool) error {
	if err := checkName(s.Name); err != nil {
		return fmt.Errorf("name %w", err)
	}
	if twice {
		return fmt.Errorf("name %q is there twice", s.Name)
	}
	if s.Address == "" {
		return fmt.Errorf("%s: address is empty", s.Name)
	}
	if (s.User == "") == (s.Community.Empty() && s.ReadOnly.Empty()) {
		return fmt.Errorf("%s: wants either a user or a community", s.Name)
	}
	_, err := s.snmp()
	return err
}

// snmp is the switch as the driver takes it.
func (s *switchConfig) snmp() (snmp.Config, error) {
	auth, err := find("auth", s.Auth, snmp.NoAuth, snmp.MD5, snmp.SHA1, snmp.SHA224, snmp.SHA256, snmp.SHA384, snmp.SHA512)
	if err != nil {
		return snmp.Config{}, err
	}
	priv, err := find("priv", s.Priv, snmp.NoPriv, snmp.DES, snmp.AES, snmp.AES192, snmp.AES256, snmp.AES192C, snmp.AES256C)
	if err != nil {
		return snmp.Config{}, err
	}
	engine, err := hex.DecodeString(s.EngineID)
	if err != nil {
		return snmp.Config{}, fmt.Errorf("engine_id %q is not hexadecimal", s.EngineID)
	}
	var vendor snmp.Vendor
	if s.Vendor != "" {
		if err := vendor.UnmarshalText([]byte(s.Vendor)); err != nil {
			return snmp.Config{}, err
		}
	}
	return snmp.Config{
		Addr: s.Address,
		Credentials: snmp.Credentials{
			V2c: snmp.V2c{Read: snmp.Secret(s.ReadOnly.Reveal()), Write: snmp.Secret(s.Community.Reveal())},
			V3: snmp.V3{
				User: s.User, Auth: auth, AuthPass: snmp.Secret(s.AuthPass.Reveal()),
				Priv: priv, PrivPass: snmp.Secret(s.PrivPass.Reveal()), EngineID: engine,
			},
		},
		Vendor: vendor, Ports: s.Ports, ReadOnly: s.Observe, AllowWeak: s.AllowWeak, NoImplicitSave: s.NoImplicitSave,
	}, nil
}

// find returns the one of a kind that is called so; the first for no name.
func find[T fmt.Stringer](key, name string, all ...T) (T, error) {
	if name == "" {
		return all[0], nil
	}
	names := make([]string, len(all))
	for i, v := range all {
		if names[i] = v.String(); strings.EqualFold(names[i], name) {
			return v, nil
		}
	}
	return all[0], fmt.Errorf("%s %q is not one of %s", key, name, strings.Join(names, ", "))
}

func (p *policyConfig) policy(protected []string) poe.Policy {
	whenOff := poe.WhenOffRefuse
	if p.WhenOff == "on" {
		whenOff = poe.WhenOffTurnOn
	}
	return poe.Policy{
		Protected: protected, MinOff: time.Duration(p.MinOff), OffDeadline: time.Duration(p.OffDeadline),
		OnDeadline: time.Duration(p.OnDeadline), MaxCycles: p.MaxCycles, Window: time.Duration(p.Window),
		Lockout: time.Duration(p.Lockout), WhenOff: whenOff,
	}
}

func (s *serveConfig) check(machine func(string) bool) error {
	s.Listen = cmp.Or(s.Listen, "127.0.0.1:8640")
	if s.Window == 0 {
		s.Window = daemon.Duration(5 * time.Minute)
	}
	if (s.Cert == "") != (s.Key == "") {
		return errors.New("tls_cert and tls_key go together")
	}
	names := map[string]bool{}
	for _, c := range s.Clients {
		if err := checkName(c.Name); err != nil {
			return fmt.Errorf("client name %w", err)
		}
		if names[c.Name] {
			return fmt.Errorf("client %q is there twice", c.Name)
		}
		names[c.Name] = true
		if c.Token.Empty() && c.Password.Empty() && c.HMAC.Empty() {
			return fmt.Errorf("client %q has no token, no password and no hmac", c.Name)
		}
		for _, m := range c.Machines {
			if m != "*" && !machine(m) {
				return fmt.Errorf("client %q: no machine is called %q", c.Name, m)
			}
		}
		if len(c.Machines) == 0 {
			return fmt.Errorf(`client %q has no machines; ["*"] is all of them`, c.Name)
		}
	}
	return nil
}
