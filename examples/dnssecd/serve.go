package main

import (
	"context"
	"net/netip"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
)

// zoneConfig is who may do what with a zone.
func (s *signer) zoneConfig(origin dnssec.Name) (serve.Config, bool) {
	z, ok := s.current().zone(origin.String())
	if !ok {
		return serve.Config{}, false
	}
	return z.access(), true
}

func (z *zoneConfig) access() serve.Config {
	var c serve.Config
	prefixes, keys := z.Allow, z.AllowKeys
	if len(prefixes) == 0 && len(keys) > 0 {
		prefixes = []netip.Prefix{{}} // anywhere
	}
	for _, p := range prefixes {
		if len(keys) == 0 {
			c.Transfer = append(c.Transfer, serve.Access{Prefix: p})
		}
		for _, k := range keys {
			c.Transfer = append(c.Transfer, serve.Access{Prefix: p, Key: k})
		}
	}
	for _, addr := range z.Secondaries {
		c.Notify = append(c.Notify, serve.Peer{Addr: addr, Key: z.NotifyKey})
	}
	return c
}

// served asks the secondaries of a zone which version they have. Without any the
// answer is that of this server, which has what it was given.
func (s *signer) served(ctx context.Context, zone string) (map[string]uint32, error) {
	z, ok := s.current().zone(zone)
	if !ok || len(z.Secondaries) == 0 {
		return nil, nil
	}
	var servers []string
	for _, addr := range z.Secondaries {
		servers = append(servers, addr.String())
	}
	secondaries := &serve.Secondaries{Servers: servers}
	return secondaries.Served(ctx, zone)
}

// notified is a NOTIFY from somebody who may be a primary.
func (s *signer) notified(n serve.Notification) bool { return s.pulls.notified(n) }
