package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/internal/etcdconf"
)

// config is dnssecd.toml. Settings need a restart; parents, policies and zones do not.
type config struct {
	Settings
	Parents  map[string]parentConfig `toml:"parent"`
	Policies map[string]policyConfig `toml:"policy"`
	Zones    []zoneConfig            `toml:"zone"`
}

// Settings are what cannot change while the daemon runs.
type Settings struct {
	Listen  []string      `toml:"listen"`
	State   string        `toml:"state"`
	Keys    string        `toml:"keys"`
	Control string        `toml:"control"`
	TLS     tlsConfig     `toml:"tls"`
	Etcd    etcdConfig    `toml:"etcd"`
	Resolve resolveConfig `toml:"resolver"`
	TSIG    []tsigConfig  `toml:"tsig"`

	BatchECDSA bool `toml:"batch_ecdsa"`
	Workers    int  `toml:"workers"`

	PollDS  daemon.Duration `toml:"poll_ds"`
	CheckDS daemon.Duration `toml:"check_ds"`

	PollServed daemon.Duration `toml:"poll_served"`
}

// tlsConfig is [tls], for transfers over TLS.
type tlsConfig struct {
	Listen      []string `toml:"listen"`
	Certificate string   `toml:"certificate"`
	Key         string   `toml:"key"`
}

// etcdConfig is [etcd].
type etcdConfig struct {
	etcdconf.Config
	LockTTL daemon.Duration `toml:"lock_ttl"`
}

// resolveConfig is [resolver].
type resolveConfig struct {
	Servers []netip.AddrPort `toml:"servers"`
	Anchors []string         `toml:"anchors"`
}

// tsigConfig is [[tsig]].
type tsigConfig struct {
	Name      string        `toml:"name"`
	Algorithm string        `toml:"algorithm"`
	Secret    daemon.Secret `toml:"secret"`
}

// zoneConfig is [[zone]].
type zoneConfig struct {
	Name        string           `toml:"name"`
	File        string           `toml:"file"`
	Primaries   []netip.AddrPort `toml:"primaries"`
	PrimaryKey  string           `toml:"primary_key"`
	Adopt       string           `toml:"adopt"`
	Policy      string           `toml:"policy"`
	Parent      string           `toml:"parent"`
	Secondaries []netip.AddrPort `toml:"secondaries"`
	NotifyKey   string           `toml:"notify_key"`
	Allow       []netip.Prefix   `toml:"allow"`
	AllowKeys   []string         `toml:"allow_keys"`
}

const (
	defaultPolicy  = "default"
	defaultControl = "/run/dnssecd/control"
)

// check finds what is wrong, and fills in defaults.
func (c *config) check() error {
	c.State = cmp.Or(c.State, "/var/lib/dnssecd")
	c.Keys = cmp.Or(c.Keys, filepath.Join(c.State, "keys"))
	c.Control = cmp.Or(c.Control, defaultControl)
	if c.Policies == nil {
		c.Policies = map[string]policyConfig{}
	}
	if _, ok := c.Policies[defaultPolicy]; !ok {
		c.Policies[defaultPolicy] = policyConfig{}
	}
	return errors.Join(c.Settings.check(), c.Etcd.Check("etcd."), c.checkPolicies(), c.checkZones())
}

func (s *Settings) check() error {
	var errs []error
	add := func(key string, err error) { errs = append(errs, daemon.Field(key, err)) }
	for key, list := range map[string][]string{"listen": s.Listen, "tls.listen": s.TLS.Listen} {
		for i, addr := range list {
			_, _, err := net.SplitHostPort(addr)
			add(fmt.Sprintf("%s[%d]", key, i), err)
		}
	}
	if len(s.Listen) == 0 {
		add("listen", errors.New("is missing: nobody could transfer a zone"))
	}
	for key, path := range map[string]string{"state": s.State, "keys": s.Keys, "control": s.Control} {
		if !filepath.IsAbs(path) {
			add(key, fmt.Errorf("%q is not an absolute path", path))
		}
	}
	if len(s.TLS.Listen) > 0 && (s.TLS.Certificate == "" || s.TLS.Key == "") {
		add("tls.certificate", errors.New("and tls.key are wanted by tls.listen"))
	}
	_, err := s.anchors()
	add("resolver.anchors", err)
	names := map[string]bool{}
	for i, k := range s.TSIG {
		key := fmt.Sprintf("tsig[%d].", i)
		name, err := canonical(k.Name)
		add(key+"name", err)
		if err == nil && names[name] {
			add(key+"name", errors.New("is there twice"))
		}
		names[name] = true
		add(key+"algorithm", checkTSIGAlgorithm(k.Algorithm))
		add(key+"secret", checkTSIGSecret(k.Secret))
	}
	return errors.Join(errs...)
}

func (c *config) checkPolicies() error {
	var errs []error
	for name, p := range c.Parents {
		errs = append(errs, p.check("parent."+name, &c.Settings))
	}
	for name, p := range c.Policies {
		errs = append(errs, p.check("policy."+name))
	}
	return errors.Join(errs...)
}

func (c *config) checkZones() error {
	var errs []error
	seen := map[string]bool{}
	for i := range c.Zones {
		z := &c.Zones[i]
		add := func(key string, err error) {
			errs = append(errs, daemon.Field(fmt.Sprintf("zone[%d].%s", i, key), err))
		}
		z.Policy = cmp.Or(z.Policy, defaultPolicy)
		name, err := canonical(z.Name)
		add("name", err)
		z.Name = name
		if err == nil && seen[name] {
			add("name", fmt.Errorf("%s is there twice", name))
		}
		seen[name] = true
		if (z.File == "") == (len(z.Primaries) == 0) {
			add("file", errors.New("or primaries is wanted, and not both"))
		}
		for key, path := range map[string]string{"file": z.File, "adopt": z.Adopt} {
			if path != "" && !filepath.IsAbs(path) {
				add(key, fmt.Errorf("%q is not an absolute path", path))
			}
		}
		if _, ok := c.Policies[z.Policy]; !ok {
			add("policy", fmt.Errorf("there is no policy %q", z.Policy))
		}
		if _, ok := c.Parents[z.Parent]; z.Parent != "" && !ok {
			add("parent", fmt.Errorf("there is no parent %q", z.Parent))
		}
		for key, names := range map[string][]string{"primary_key": {z.PrimaryKey}, "notify_key": {z.NotifyKey}, "allow_keys": z.AllowKeys} {
			for _, name := range names {
				if name != "" && !c.hasKey(name) {
					add(key, fmt.Errorf("there is no key %q in tsig", name))
				}
			}
		}
	}
	return errors.Join(errs...)
}

func (s *Settings) hasKey(name string) bool {
	want, err := canonical(name)
	return err == nil && slices.ContainsFunc(s.TSIG, func(k tsigConfig) bool {
		have, err := canonical(k.Name)
		return err == nil && have == want
	})
}

// zone finds a zone; its name is canonical.
func (c *config) zone(name string) (*zoneConfig, bool) {
	i := slices.IndexFunc(c.Zones, func(z zoneConfig) bool { return z.Name == name })
	if i < 0 {
		return nil, false
	}
	return &c.Zones[i], true
}

// changed names the settings that differ, which need a restart.
func (s *Settings) changed(to *Settings) []string {
	var keys []string
	old, now := reflect.ValueOf(s).Elem(), reflect.ValueOf(to).Elem()
	for i := range old.NumField() {
		if !reflect.DeepEqual(old.Field(i).Interface(), now.Field(i).Interface()) {
			keys = append(keys, old.Type().Field(i).Tag.Get("toml"))
		}
	}
	return keys
}

// canonical is a name in lower case with its dot at the end.
func canonical(name string) (string, error) {
	if name == "" {
		return "", errors.New("is missing")
	}
	n, err := dnssec.ParseName(name)
	if err != nil {
		return "", err
	}
	return n.String(), nil
}
