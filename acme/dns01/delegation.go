package dns01

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// index puts the names of a static map in one form: the full name of the record.
func index(delegation map[string]string) (map[string]string, error) {
	targets := make(map[string]string, len(delegation))
	for from, to := range delegation {
		name, err := canonical(from)
		if err != nil {
			return nil, fmt.Errorf("dns01: delegation of %q: %w", from, err)
		}
		if !strings.HasPrefix(name, "_") {
			name = "_acme-challenge." + name
		}
		target, err := canonical(to)
		if err != nil {
			return nil, fmt.Errorf("dns01: delegation of %q to %q: %w", from, to, err)
		}
		targets[name] = target
	}
	return targets, nil
}

// target is the name that the record of a challenge goes to.
func (s *Solver) target(ctx context.Context, name string) (string, error) {
	if target, ok := s.targets[name]; ok {
		return target, nil
	}
	if len(s.FollowCNAME) == 0 {
		return name, nil
	}
	at, err := s.dns.follow(ctx, name)
	if err != nil {
		return "", err
	}
	if at != name && !s.allowed(at) {
		return "", fmt.Errorf("%s is an alias of %s, which is in none of the allowed zones: add its zone to FollowCNAME if it is ours", name, at)
	}
	return at, nil
}

func (s *Solver) allowed(name string) bool {
	return slices.ContainsFunc(s.FollowCNAME, func(zone string) bool {
		return dns.IsSubDomain(dns.CanonicalName(zone), name)
	})
}

// follow is where the aliases at a name lead to.
func (d *DNS) follow(ctx context.Context, name string) (string, error) {
	at := name
	seen := []string{at}
	for {
		next, err := d.alias(ctx, at)
		if err != nil {
			return "", fmt.Errorf("find out whether %s is an alias: %w", at, err)
		}
		if next == "" {
			return at, nil
		}
		if slices.Contains(seen, next) {
			return "", fmt.Errorf("%s is an alias that leads back to %s: correct its CNAME records", name, next)
		}
		seen = append(seen, next)
		if len(seen) > maxAliases {
			return "", fmt.Errorf("%s leads through more than %d aliases", name, maxAliases)
		}
		at = next
	}
}

// alias is what a name is an alias of, or "".
func (d *DNS) alias(ctx context.Context, name string) (string, error) {
	var m *dns.Msg
	var err error
	if d.RecursiveOnly {
		m, err = d.lookup(ctx, name, dns.TypeCNAME)
	} else {
		_, m, err = d.authoritative(ctx, name, dns.TypeCNAME)
	}
	if err != nil {
		return "", err
	}
	return aliasIn(m, name), nil
}

func aliasIn(m *dns.Msg, name string) string {
	for _, rr := range m.Answer {
		if rr, ok := rr.(*dns.CNAME); ok && equal(rr.Hdr.Name, name) {
			return dns.CanonicalName(rr.Target)
		}
	}
	return ""
}
