package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/mythic"
	"github.com/mythic-beasts/hostkit/acme/rfc2136"
)

// providers are the DNS services, of which a name's is that with the longest domain
// above it.
type providers struct {
	byDomain map[string]dns01.Provider // "" is all other names
	dns      *dns01.DNS
	seen     dns01.Verifier // for services without a check of their own
}

var (
	_ dns01.Provider   = (*providers)(nil)
	_ dns01.ZoneFinder = (*providers)(nil)
	_ dns01.Verifier   = (*providers)(nil)
)

// provider makes the client of a service.
func (p *dnsConfig) provider(log *slog.Logger) (dns01.Provider, error) {
	client, err := httpClient(p.CA)
	if err != nil {
		return nil, err
	}
	switch p.Kind {
	case kindMythic:
		return &mythic.V2{
			KeyID: p.KeyID, Secret: mythic.Secret(p.Secret.Reveal()), Basic: p.Basic, API: p.API, Login: p.Login,
			HTTP: client, Network: p.Network, TTL: time.Duration(p.TTL), Timeout: time.Duration(p.Timeout), Log: log,
		}, nil
	case kindMythicV1:
		passwords := map[string]mythic.Secret{}
		for domain, secret := range p.Passwords {
			passwords[domain] = mythic.Secret(secret.Reveal())
		}
		return &mythic.V1{
			Passwords: passwords, API: p.API, HTTP: client, Network: p.Network,
			TTL: time.Duration(p.TTL), Timeout: time.Duration(p.Timeout), Log: log,
		}, nil
	case kindRFC2136:
		return &rfc2136.Provider{
			Server: p.Server, Zone: p.Zone, Network: p.Network, TTL: time.Duration(p.TTL), Timeout: time.Duration(p.Timeout),
			Key: rfc2136.TSIG{Name: p.TSIG.Name, Algorithm: p.TSIG.Algorithm, Secret: rfc2136.Secret(p.TSIG.Secret.Reveal())},
		}, nil
	}
	return nil, fmt.Errorf("no kind %q of DNS service", p.Kind)
}

// httpClient trusts the authorities of a file; "" is nil, for those of the system.
func httpClient(ca string) (*http.Client, error) {
	if ca == "" {
		return nil, nil
	}
	pool, err := roots(ca)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}
	return &http.Client{Transport: transport}, nil
}

// of is the service of a name.
func (p *providers) of(name string) (dns01.Provider, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for suffix := name; ; {
		if found := p.byDomain[suffix]; found != nil {
			return found, nil
		}
		if suffix == "" {
			return nil, fmt.Errorf("no DNS service has %q in its domains: %w", name, fs.ErrNotExist)
		}
		_, suffix, _ = strings.Cut(suffix, ".")
	}
}

// AddTXT adds records, each by its service.
func (p *providers) AddTXT(ctx context.Context, records ...dns01.TXT) error {
	return p.split(records, func(one dns01.Provider, records []dns01.TXT) error { return one.AddTXT(ctx, records...) })
}

// DeleteTXT deletes records, each by its service.
func (p *providers) DeleteTXT(ctx context.Context, records ...dns01.TXT) error {
	return p.split(records, func(one dns01.Provider, records []dns01.TXT) error { return one.DeleteTXT(ctx, records...) })
}

func (p *providers) split(records []dns01.TXT, do func(dns01.Provider, []dns01.TXT) error) error {
	var errs []error
	groups := map[dns01.Provider][]dns01.TXT{}
	for _, r := range records {
		one, err := p.of(r.Name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		groups[one] = append(groups[one], r)
	}
	for one, group := range groups {
		errs = append(errs, do(one, group))
	}
	return errors.Join(errs...)
}

// ZoneOf is the zone of a name, as its service says or as the DNS does.
func (p *providers) ZoneOf(ctx context.Context, fqdn string) (string, error) {
	one, err := p.of(fqdn)
	if err != nil {
		return "", err
	}
	if finder, ok := one.(dns01.ZoneFinder); ok {
		return finder.ZoneOf(ctx, fqdn)
	}
	return p.dns.ZoneOf(ctx, fqdn)
}

// Visible asks the record's service, or name servers if it has no check of its own.
func (p *providers) Visible(ctx context.Context, record dns01.TXT) (bool, error) {
	one, err := p.of(record.Name)
	if err != nil {
		return false, err
	}
	if v, ok := one.(dns01.Verifier); ok {
		return v.Visible(ctx, record)
	}
	return p.seen.Visible(ctx, record)
}

// solver answers challenges as the settings say. It has no journal.
func (d *DNSSettings) solver(log *slog.Logger) (*dns01.Solver, error) {
	lookup := &dns01.DNS{
		Resolvers: d.Propagation.Resolvers, Port: d.Propagation.Port, Timeout: time.Duration(d.Propagation.DNSTimeout),
		RecursiveOnly: d.Propagation.Mode == modeRecursive,
	}
	all := &providers{byDomain: map[string]dns01.Provider{}, dns: lookup}
	for _, name := range slices.Sorted(maps.Keys(d.Providers)) {
		config := d.Providers[name]
		one, err := config.provider(log)
		if err != nil {
			return nil, fmt.Errorf("dns.%s: %w", name, err)
		}
		for _, domain := range config.domains() {
			all.byDomain[domain] = one
		}
	}
	all.seen = &dns01.Authoritative{DNS: lookup, Quorum: d.Propagation.Quorum, IgnoreLame: d.Propagation.IgnoreLame}
	verifier := all.seen
	switch d.Propagation.Mode {
	case modeRecursive:
		verifier = &dns01.Recursive{DNS: lookup, Quorum: d.Propagation.Quorum}
	case modeAPI:
		verifier = all
	}
	return &dns01.Solver{
		Provider: all, Zones: all, Verifier: verifier, DNS: lookup,
		Delegation: d.Delegation.Map, FollowCNAME: d.Delegation.Follow,
		Coalesce: dns01.Coalesce{Window: time.Duration(d.Coalesce.Window), Max: d.Coalesce.Max},
		Delay:    time.Duration(d.Propagation.Delay), FirstPoll: time.Duration(d.Propagation.FirstPoll),
		MaxPoll: time.Duration(d.Propagation.MaxPoll), Timeout: time.Duration(d.Propagation.Timeout),
		Log: log,
	}, nil
}
