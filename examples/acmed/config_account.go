package main

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// accountConfig is [account.NAME].
type accountConfig struct {
	Directory   string    `toml:"directory"`
	Key         string    `toml:"key"`
	KeyType     string    `toml:"key_type"`
	AcceptTerms bool      `toml:"accept_terms"`
	Contacts    []string  `toml:"contacts"`
	EAB         eabConfig `toml:"eab"`
	CA          string    `toml:"ca"`
	SameHost    bool      `toml:"same_host"`
	Profile     string    `toml:"profile"`
	Chain       string    `toml:"preferred_chain"`

	FirstPoll daemon.Duration `toml:"first_poll"`
	MaxPoll   daemon.Duration `toml:"max_poll"`
}

// eabConfig is [account.NAME.eab].
type eabConfig struct {
	ID   string        `toml:"id"`
	HMAC daemon.Secret `toml:"hmac"`
}

func (c *config) checkAccounts(f *faults) {
	if len(c.Accounts) == 0 {
		f.add("account", errors.New("is missing: give one as in [account.letsencrypt]"))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		a := c.Accounts[name]
		add := func(key string, err error) { f.add("account."+name+key, err) }
		add("", checkCertificateName(name))
		a.Key = cmp.Or(a.Key, filepath.Join(c.State, "accounts", filepath.Base(name)+".key"))
		a.KeyType = cmp.Or(a.KeyType, defaultKeyType)
		add(".key", absolute(a.Key))
		add(".key_type", checkKeyType(a.KeyType))
		add(".directory", checkHTTPS(a.Directory))
		for i, contact := range a.Contacts {
			add(fmt.Sprintf(".contacts[%d]", i), checkContact(contact))
		}
		if a.CA != "" {
			_, err := roots(a.CA)
			add(".ca", err)
		}
		_, err := a.EAB.eab()
		add(".eab", err)
		add(".first_poll", notNegative(a.FirstPoll))
		add(".max_poll", notNegative(a.MaxPoll))
		c.Accounts[name] = a
	}
}

func checkHTTPS(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is no https URL", text)
	}
	return nil
}

func checkContact(text string) error {
	if u, err := url.Parse(text); err != nil || u.Scheme == "" {
		return fmt.Errorf(`%q is no URL as "mailto:hostmaster@example.com"`, text)
	}
	return nil
}

// eab is the binding, or nil.
func (e *eabConfig) eab() (*acme.EAB, error) {
	if e.ID == "" && e.HMAC.Empty() {
		return nil, nil
	}
	if e.ID == "" || e.HMAC.Empty() {
		return nil, errors.New("wants both id and hmac")
	}
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(e.HMAC.Reveal(), "="))
	if err != nil { // which quotes a part of it
		return nil, errors.New("hmac is not base64url")
	}
	return &acme.EAB{KeyID: e.ID, HMAC: key}, nil
}

// account is the name of the account, which need not be given if there is one only.
func (c *config) account(name string) (string, error) {
	names := slices.Sorted(maps.Keys(c.Accounts))
	switch _, ok := c.Accounts[name]; {
	case ok:
		return name, nil
	case name == "" && len(names) == 1:
		return names[0], nil
	case name == "":
		return "", fmt.Errorf("is missing: there are %q", names)
	}
	return name, fmt.Errorf("there is no account %q, but %q", name, names)
}

// policyConfig is [policy].
type policyConfig struct {
	Fraction      float64           `toml:"fraction"`
	ShortFraction float64           `toml:"short_fraction"`
	Short         daemon.Duration   `toml:"short"`
	Emergency     float64           `toml:"emergency"`
	Jitter        float64           `toml:"jitter"`
	Backoff       []daemon.Duration `toml:"backoff"`
	AccountBudget budgetConfig      `toml:"account_budget"`
	NamesBudget   budgetConfig      `toml:"names_budget"`
	Recheck       daemon.Duration   `toml:"recheck"`
	Timeout       daemon.Duration   `toml:"timeout"`
}

// budgetConfig is a budget of orders.
type budgetConfig struct {
	N   int             `toml:"n"`
	Per daemon.Duration `toml:"per"`
}

func (p *policyConfig) check(f *faults) {
	for key, share := range map[string]float64{"fraction": p.Fraction, "short_fraction": p.ShortFraction, "emergency": p.Emergency} {
		if share < 0 || share >= 1 {
			f.add("policy."+key, fmt.Errorf("%v is no share of a lifetime: give a number from 0 to 1", share))
		}
	}
	if p.Jitter >= 0.5 {
		f.add("policy.jitter", fmt.Errorf("%v is more than half of the lifetime", p.Jitter))
	}
	for i, wait := range p.Backoff {
		f.add(fmt.Sprintf("policy.backoff[%d]", i), positive(wait))
	}
	for key, d := range map[string]daemon.Duration{
		"short": p.Short, "recheck": p.Recheck, "timeout": p.Timeout,
		"account_budget.per": p.AccountBudget.Per, "names_budget.per": p.NamesBudget.Per,
	} {
		f.add("policy."+key, notNegative(d))
	}
	for key, b := range map[string]budgetConfig{"account_budget": p.AccountBudget, "names_budget": p.NamesBudget} {
		if (b.N > 0) != (b.Per > 0) {
			f.add("policy."+key, errors.New("wants both n and per, more than 0"))
		}
	}
}

func (p *policyConfig) policy() renew.Policy {
	return renew.Policy{
		Fraction: p.Fraction, ShortFraction: p.ShortFraction, Short: time.Duration(p.Short),
		Emergency: p.Emergency, Jitter: p.Jitter, Backoff: durations(p.Backoff),
		AccountBudget: renew.Budget{N: p.AccountBudget.N, Per: time.Duration(p.AccountBudget.Per)},
		NamesBudget:   renew.Budget{N: p.NamesBudget.N, Per: time.Duration(p.NamesBudget.Per)},
	}
}

func durations(list []daemon.Duration) []time.Duration {
	var all []time.Duration
	for _, d := range list {
		all = append(all, time.Duration(d))
	}
	return all
}
