package rfc2136_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/rfc2136"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
)

const (
	keyName = "acme.key."
	secret  = "c29tZSBzaGFyZWQgc2VjcmV0IG9mIDMyIGJ5dGVzLi4="
	zone    = "example.com."

	zoneText = "$ORIGIN example.com.\n" + `@ 60 SOA ns1 hostmaster 1 7200 3600 604800 60
@ 60 NS ns1
ns1 60 A 127.0.0.1
`
	// readOnly is one that nobody may update.
	readOnly = "readonly.test."
)

var primaries = map[string]func(*testing.T) *dnspeer.Server{
	"named": func(t *testing.T) *dnspeer.Server {
		return dnspeer.NamedAuthority(t, dnspeer.Authority{
			Zones: zones(),
			Blocks: []string{
				fmt.Sprintf("key %q { algorithm hmac-sha256; secret %q; };", keyName, secret),
				fmt.Sprintf("key \"other.key.\" { algorithm hmac-sha256; secret %q; };", secret),
			},
			ZoneLines: map[string][]string{zone: {fmt.Sprintf("allow-update { key %q; };", keyName)}},
		})
	},
	"knot": func(t *testing.T) *dnspeer.Server {
		return dnspeer.Knot(t, dnspeer.Authority{
			Zones: zones(),
			Blocks: []string{
				"key:",
				"  - id: " + keyName, "    algorithm: hmac-sha256", "    secret: " + secret,
				"  - id: other.key.", "    algorithm: hmac-sha256", "    secret: " + secret,
				"acl:",
				"  - id: updates", "    key: " + keyName, "    action: update",
			},
			ZoneLines: map[string][]string{zone: {"acl: updates"}},
		})
	},
}

func zones() map[string]string {
	return map[string]string{zone: zoneText, readOnly: strings.ReplaceAll(zoneText, zone, readOnly)}
}

func provider(s *dnspeer.Server) *rfc2136.Provider {
	return &rfc2136.Provider{
		Server: s.Addr.String(), Key: rfc2136.TSIG{Name: keyName, Secret: secret}, Timeout: time.Minute,
	}
}

func lookup(t testing.TB, s *dnspeer.Server, name string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := dns.Client{Net: "tcp", Timeout: time.Minute}
	m, _, err := c.ExchangeContext(ctx, new(dns.Msg).SetQuestion(name, dns.TypeTXT), s.Addr.String())
	require.NoError(t, err)
	var values []string
	for _, rr := range m.Answer {
		values = append(values, strings.Join(rr.(*dns.TXT).Txt, ""))
	}
	return values
}

func TestRealProviders(t *testing.T) {
	for what, start := range primaries {
		t.Run(what, func(t *testing.T) {
			s := start(t)
			for network, p := range map[string]*rfc2136.Provider{"tcp": provider(s), "udp": provider(s)} {
				p.Network = network
				t.Run(network, func(t *testing.T) {
					acmetest.TestProvider(t, p, acmetest.ProviderTest{
						Zone:   zone,
						Lookup: func(t testing.TB, name string) []string { return lookup(t, s, name) },
					})
				})
			}
		})
	}
}

func TestRealErrors(t *testing.T) {
	other := func(p *rfc2136.Provider) { p.Key.Name = "other.key." }
	for what, start := range primaries {
		t.Run(what, func(t *testing.T) {
			s := start(t)
			for what, test := range map[string]struct {
				zone   string
				change func(*rfc2136.Provider)
				is     error
				says   string
			}{
				"a zone that is not there": {"elsewhere.test.", nil, rfc2136.ErrNotAuth, "NOTAUTH"},
				"a key without rights":     {zone, other, nil, "acme-challenge"},
				"a zone that is read only": {readOnly, other, nil, "acme-challenge"},
				"another secret": {zone, func(p *rfc2136.Provider) {
					p.Key.Secret = "YW5vdGhlciBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXQ="
				}, rfc2136.ErrKey, "BADSIG"},
				"an unknown key": {zone, func(p *rfc2136.Provider) { p.Key.Name = "unknown.key" }, rfc2136.ErrKey, "BADKEY"},
				"another time": {zone, func(p *rfc2136.Provider) {
					p.Now = func() time.Time { return time.Now().Add(-time.Hour) }
				}, rfc2136.ErrKey, "BADTIME"},
				"no key":       {zone, func(p *rfc2136.Provider) { p.Key = rfc2136.TSIG{} }, nil, "unsigned updates"},
				"a bad secret": {zone, func(p *rfc2136.Provider) { p.Key.Secret = "?" }, nil, "base64"},
			} {
				t.Run(what, func(t *testing.T) {
					p := provider(s)
					if test.change != nil {
						test.change(p)
					}
					err := p.AddTXT(t.Context(), dns01.TXT{Zone: test.zone, Name: "_acme-challenge." + test.zone, Value: "v"})
					require.ErrorContains(t, err, test.says)
					require.ErrorContains(t, err, "rfc2136: add _acme-challenge."+test.zone+" TXT in zone "+test.zone)
					if test.is != nil {
						require.ErrorIs(t, err, test.is)
					} else if test.says == "acme-challenge" {
						require.True(t, errorsAny(err, rfc2136.ErrRefused, rfc2136.ErrNotAuth, rfc2136.ErrKey), err)
					}
					require.NotContains(t, err.Error(), secret)
				})
			}
		})
	}
}

func errorsAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// The whole way: the solver finds the zone by the server, adds, sees and deletes.
func TestRealSolver(t *testing.T) {
	for what, start := range primaries {
		t.Run(what, func(t *testing.T) {
			s := start(t)
			p := provider(s)
			found, err := p.ZoneOf(t.Context(), "_acme-challenge.a.b.Example.com")
			require.NoError(t, err)
			require.Equal(t, zone, found)
			_, err = p.ZoneOf(t.Context(), "_acme-challenge.notexample.com")
			require.ErrorContains(t, err, "authoritative for no zone above it")

			resolver := &dns01.DNS{Resolvers: []netip.AddrPort{s.Addr}, Port: s.Addr.Port(), Timeout: time.Minute}
			solver := &dns01.Solver{Provider: p, DNS: resolver, FirstPoll: 10 * time.Millisecond}
			var challenges []acme.Challenge
			for i := range 30 {
				challenges = append(challenges, acme.Challenge{Type: "dns-01", Identifier: "example.com", TXT: fmt.Sprint("value-", i)})
			}
			for _, ch := range challenges {
				presented, err := solver.Present(t.Context(), ch)
				require.NoError(t, err)
				require.NoError(t, presented.Ready(t.Context()))
				require.Contains(t, lookup(t, s, "_acme-challenge.example.com."), ch.TXT)
				require.NoError(t, presented.CleanUp(t.Context()))
			}
			require.Empty(t, lookup(t, s, "_acme-challenge.example.com."))
		})
	}
}
