package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// config is acmed.toml. Settings need a restart; all else does not.
type config struct {
	Settings
	DNSSettings
	Deploy       deployConfig        `toml:"deploy"`
	Hook         hookConfig          `toml:"hook"`
	Certificates []certificateConfig `toml:"certificate"`
}

// Settings are what cannot change while the daemon runs.
type Settings struct {
	State    string                   `toml:"state"`
	Control  string                   `toml:"control"`
	Parallel int                      `toml:"parallel"`
	Store    storeConfig              `toml:"store"`
	Accounts map[string]accountConfig `toml:"account"`
	Policy   policyConfig             `toml:"policy"`
}

// deployConfig is [deploy].
type deployConfig struct {
	Timeout  daemon.Duration   `toml:"timeout"`
	Backoff  []daemon.Duration `toml:"backoff"`
	Parallel int               `toml:"parallel"`
}

// hookConfig is [hook].
type hookConfig struct {
	Deploy []string `toml:"deploy"`
}

// certificateConfig is [[certificate]].
type certificateConfig struct {
	Name    string   `toml:"name"`
	Names   []string `toml:"names"`
	KeyType string   `toml:"key_type"`
	Account string   `toml:"account"`
	Profile string   `toml:"profile"`
	Chain   string   `toml:"preferred_chain"`

	Deploy        []string        `toml:"deploy"`
	DeployTimeout daemon.Duration `toml:"deploy_timeout"`
}

const (
	defaultState   = "/var/lib/acmed"
	defaultControl = "/run/acmed/control"
	defaultKeyType = "ec256"

	deployTimeout  = 2 * time.Minute
	deployParallel = 4
)

var keyTypes = map[string]acme.KeyType{
	"ec256": acme.EC256, "ec384": acme.EC384, "rsa2048": acme.RSA2048, "rsa3072": acme.RSA3072, "rsa4096": acme.RSA4096,
}

// faults collects what is wrong with values.
type faults struct{ errs []error }

func (f *faults) add(key string, err error) { f.errs = append(f.errs, daemon.Field(key, err)) }

func (f *faults) err() error { return errors.Join(f.errs...) }

// check finds what is wrong, and fills in defaults.
func (c *config) check() error {
	c.State = cmp.Or(c.State, defaultState)
	c.Control = cmp.Or(c.Control, defaultControl)
	c.Store.Dir = cmp.Or(c.Store.Dir, filepath.Join(c.State, "certs"))
	var f faults
	for key, path := range map[string]string{"state": c.State, "control": c.Control} {
		f.add(key, absolute(path))
	}
	f.add("parallel", notNegative(c.Parallel))
	c.Store.check(&f)
	c.checkAccounts(&f)
	c.DNSSettings.check(&f)
	c.Policy.check(&f)
	c.Deploy.check(&f)
	f.add("hook.deploy", checkCommand(c.Hook.Deploy))
	c.checkCertificates(&f)
	return f.err()
}

func (d *deployConfig) check(f *faults) {
	d.Timeout = cmp.Or(d.Timeout, daemon.Duration(deployTimeout))
	d.Parallel = cmp.Or(d.Parallel, deployParallel)
	if len(d.Backoff) == 0 {
		for _, wait := range []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour} {
			d.Backoff = append(d.Backoff, daemon.Duration(wait))
		}
	}
	f.add("deploy.timeout", positive(d.Timeout))
	f.add("deploy.parallel", notNegative(d.Parallel))
	for i, wait := range d.Backoff {
		f.add(fmt.Sprintf("deploy.backoff[%d]", i), positive(wait))
	}
}

func (c *config) checkCertificates(f *faults) {
	seen := map[string]bool{}
	for i := range c.Certificates {
		cert := &c.Certificates[i]
		add := func(key string, err error) { f.add(fmt.Sprintf("certificate[%d].%s", i, key), err) }
		if len(cert.Names) == 0 {
			add("names", errors.New("is missing: a certificate is of one name or more"))
			continue
		}
		for j, name := range cert.Names {
			_, err := normalName(name)
			add(fmt.Sprintf("names[%d]", j), err)
		}
		cert.Name = cmp.Or(cert.Name, defaultName(cert.Names))
		add("name", checkCertificateName(cert.Name))
		if seen[cert.Name] {
			add("name", fmt.Errorf("%q is there twice: give one of them another", cert.Name))
		}
		seen[cert.Name] = true
		cert.KeyType = cmp.Or(cert.KeyType, defaultKeyType)
		add("key_type", checkKeyType(cert.KeyType))
		account, err := c.account(cert.Account)
		add("account", err)
		cert.Account = account
		add("deploy", checkCommand(cert.Deploy))
		add("deploy_timeout", notNegative(cert.DeployTimeout))
	}
}

// defaultName is that of a certificate without one.
func defaultName(names []string) string {
	first := strings.TrimPrefix(strings.TrimSuffix(names[0], "."), "*.")
	if normal, err := normalName(first); err == nil {
		return normal
	}
	return strings.ToLower(first)
}

// normalName is a name as it is ordered.
func normalName(name string) (string, error) {
	names, err := acme.CanonicalNames([]string{name})
	if err != nil {
		return "", err
	}
	return names[0], nil
}

func checkCertificateName(name string) error {
	if strings.HasPrefix(name, "_") {
		return fmt.Errorf(`%q begins with "_", as what is kept beside certificates`, name)
	}
	return renew.CheckName(name)
}

func checkKeyType(name string) error {
	if _, ok := keyTypes[name]; !ok {
		return fmt.Errorf("%q is not one of %s", name, strings.Join(slices.Sorted(maps.Keys(keyTypes)), ", "))
	}
	return nil
}

// checkCommand wants a command that does not depend on the folder or PATH of whoever
// started the program. None is good.
func checkCommand(command []string) error {
	if len(command) == 0 {
		return nil
	}
	return absolute(command[0])
}

func absolute(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%q is not an absolute path", path)
	}
	return nil
}

func positive(d daemon.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%v is not more than nothing", d)
	}
	return nil
}

func notNegative[T ~int | ~int64](n T) error {
	if n < 0 {
		return fmt.Errorf("%v is negative", n)
	}
	return nil
}

// certificate finds a certificate by its name.
func (c *config) certificate(name string) (*certificateConfig, bool) {
	i := slices.IndexFunc(c.Certificates, func(cert certificateConfig) bool { return cert.Name == name })
	if i < 0 {
		return nil, false
	}
	return &c.Certificates[i], true
}

// request is what is asked of the authority.
func (c *config) request(cert *certificateConfig) acme.Request {
	account := c.Accounts[cert.Account]
	return acme.Request{
		Names: cert.Names, KeyType: keyTypes[cert.KeyType],
		Profile: cmp.Or(cert.Profile, account.Profile), PreferredChain: cmp.Or(cert.Chain, account.Chain),
	}
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
