package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// DNSSettings are how challenges are answered. They may change while orders are on
// their way.
type DNSSettings struct {
	Providers   map[string]dnsConfig `toml:"dns"`
	Delegation  delegationConfig     `toml:"delegation"`
	Propagation propagationConfig    `toml:"propagation"`
	Coalesce    coalesceConfig       `toml:"coalesce"`
}

// dnsConfig is [dns.NAME].
type dnsConfig struct {
	Kind    string          `toml:"kind"`
	Domains []string        `toml:"domains"`
	TTL     daemon.Duration `toml:"ttl"`
	Timeout daemon.Duration `toml:"timeout"`

	// of the Mythic Beasts DNS API
	KeyID     string                   `toml:"key_id"`
	Secret    daemon.Secret            `toml:"secret"`
	Basic     bool                     `toml:"basic"`
	Passwords map[string]daemon.Secret `toml:"passwords"`
	API       string                   `toml:"api"`
	Login     string                   `toml:"login"`
	CA        string                   `toml:"ca"`
	Network   string                   `toml:"network"`

	// of dynamic updates
	Server string     `toml:"server"`
	Zone   string     `toml:"zone"`
	TSIG   tsigConfig `toml:"tsig"`
}

// tsigConfig is a key of dynamic updates.
type tsigConfig struct {
	Name      string        `toml:"name"`
	Algorithm string        `toml:"algorithm"`
	Secret    daemon.Secret `toml:"secret"`
}

// Kinds of DNS services.
const (
	kindMythic   = "mythic"
	kindMythicV1 = "mythic-v1"
	kindRFC2136  = "rfc2136"
)

// delegationConfig is [delegation].
type delegationConfig struct {
	Follow []string          `toml:"follow"`
	Map    map[string]string `toml:"map"`
}

// propagationConfig is [propagation].
type propagationConfig struct {
	Mode       string           `toml:"mode"`
	Resolvers  []netip.AddrPort `toml:"resolvers"`
	Port       uint16           `toml:"port"`
	Quorum     int              `toml:"quorum"`
	IgnoreLame bool             `toml:"ignore_lame"`
	Delay      daemon.Duration  `toml:"delay"`
	FirstPoll  daemon.Duration  `toml:"first_poll"`
	MaxPoll    daemon.Duration  `toml:"max_poll"`
	Timeout    daemon.Duration  `toml:"timeout"`
	DNSTimeout daemon.Duration  `toml:"dns_timeout"`
}

// Ways to find out that records can be seen.
const (
	modeAuthoritative = "authoritative"
	modeRecursive     = "recursive"
	modeAPI           = "api"
)

// coalesceConfig is [coalesce].
type coalesceConfig struct {
	Window daemon.Duration `toml:"window"`
	Max    int             `toml:"max"`
}

func (d *DNSSettings) check(f *faults) {
	if len(d.Providers) == 0 {
		f.add("dns", errors.New("is missing: without a DNS service no challenge can be answered"))
	}
	whose := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(d.Providers)) {
		p := d.Providers[name]
		p.check("dns."+name, f)
		for i, domain := range p.domains() {
			if other, ok := whose[domain]; ok {
				key := "dns." + name + ".domains"
				if len(p.Domains) > 0 {
					key = fmt.Sprintf("%s[%d]", key, i)
				}
				f.add(key, fmt.Errorf("%s is dns.%s's already", orAll(domain), other))
			}
			whose[domain] = name
		}
	}
	d.Delegation.check(f)
	d.Propagation.check(f)
	f.add("coalesce.window", notNegative(d.Coalesce.Window))
	f.add("coalesce.max", notNegative(d.Coalesce.Max))
}

func orAll(domain string) string {
	if domain == "" {
		return "every other domain"
	}
	return fmt.Sprintf("%q", domain)
}

// domains are the suffixes of names, in lower case and without dots around them; ""
// is every name.
func (p *dnsConfig) domains() []string {
	if len(p.Domains) == 0 {
		return []string{""}
	}
	var all []string
	for _, d := range p.Domains {
		all = append(all, strings.ToLower(strings.Trim(d, ".")))
	}
	return all
}

func (p *dnsConfig) check(table string, f *faults) {
	add := func(key string, err error) { f.add(table+"."+key, err) }
	missing := func(key string, is bool) {
		if is {
			add(key, fmt.Errorf("is missing, and kind %q needs it", p.Kind))
		}
	}
	for i, d := range p.Domains {
		_, err := normalName(d)
		add(fmt.Sprintf("domains[%d]", i), err)
	}
	add("ttl", notNegative(p.TTL))
	add("timeout", notNegative(p.Timeout))
	for key, u := range map[string]string{"api": p.API, "login": p.Login} {
		if u != "" {
			add(key, checkHTTPS(u))
		}
	}
	if p.CA != "" {
		_, err := roots(p.CA)
		add("ca", err)
	}
	switch p.Kind {
	case kindMythic:
		missing("key_id", p.KeyID == "")
		missing("secret", p.Secret.Empty())
		p.checkNetwork(add, "tcp4", "tcp6")
	case kindMythicV1:
		missing("passwords", len(p.Passwords) == 0)
		p.checkNetwork(add, "tcp4", "tcp6")
	case kindRFC2136:
		missing("server", p.Server == "")
		p.checkNetwork(add, "tcp", "udp")
		p.TSIG.check(add)
	default:
		add("kind", fmt.Errorf("%q is not %s, %s or %s", p.Kind, kindMythic, kindMythicV1, kindRFC2136))
	}
}

func (p *dnsConfig) checkNetwork(add func(string, error), known ...string) {
	if p.Network != "" && !slices.Contains(known, p.Network) {
		add("network", fmt.Errorf("%q is not %s or %s", p.Network, known[0], known[1]))
	}
}

func (t *tsigConfig) check(add func(string, error)) {
	if (t.Name == "") != t.Secret.Empty() {
		add("tsig", errors.New("wants both name and secret"))
	}
	if _, err := base64.StdEncoding.DecodeString(t.Secret.Reveal()); err != nil { // which quotes a part of it
		add("tsig.secret", errors.New("is not base64"))
	}
}

func (d *delegationConfig) check(f *faults) {
	for i, zone := range d.Follow {
		f.add(fmt.Sprintf("delegation.follow[%d]", i), checkDomain(zone))
	}
	for from, to := range d.Map {
		_, err := normalName(strings.TrimPrefix(from, "_acme-challenge."))
		if err == nil {
			err = checkDomain(to)
		}
		if err != nil {
			f.add("delegation.map", fmt.Errorf("%q = %q: %w", from, to, err))
		}
	}
}

// checkDomain takes names of records, which may have labels with a "_".
func checkDomain(name string) error {
	_, err := normalName(strings.ReplaceAll(name, "_", "x"))
	if err != nil {
		return fmt.Errorf("%q is no domain name", name)
	}
	return nil
}

func (p *propagationConfig) check(f *faults) {
	switch p.Mode {
	case "":
		p.Mode = modeAuthoritative
	case modeAuthoritative, modeRecursive, modeAPI:
	default:
		f.add("propagation.mode", fmt.Errorf("%q is not %s, %s or %s", p.Mode, modeAuthoritative, modeRecursive, modeAPI))
	}
	f.add("propagation.quorum", notNegative(p.Quorum))
	for key, d := range map[string]daemon.Duration{
		"delay": p.Delay, "first_poll": p.FirstPoll, "max_poll": p.MaxPoll, "timeout": p.Timeout, "dns_timeout": p.DNSTimeout,
	} {
		f.add("propagation."+key, notNegative(d))
	}
}
