package dnspeer_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/stretchr/testify/require"
)

const zoneText = `@ 60 SOA ns1 hostmaster 1 7200 3600 604800 60
@ 60 NS ns1
ns1 60 A 127.0.0.1
www 60 A 192.0.2.1
`

var authorities = map[string]func(testing.TB, dnspeer.Authority) *dnspeer.Server{
	"nsd": dnspeer.NSD, "knot": dnspeer.Knot, "named": dnspeer.NamedAuthority,
}

func TestAuthoritiesAnswer(t *testing.T) {
	for what, start := range authorities {
		t.Run(what, func(t *testing.T) {
			s := start(t, dnspeer.Authority{Zones: map[string]string{"hosting.test": "$ORIGIN hosting.test.\n" + zoneText}})
			m := exchange(t, s.Addr, "www.hosting.test.")
			require.True(t, m.Authoritative)
			require.Len(t, m.Answer, 1)
		})
	}
}

func exchange(t *testing.T, at netip.AddrPort, name string) *dns.Msg {
	t.Helper()
	c := dns.Client{Timeout: time.Minute}
	m, _, err := c.ExchangeContext(t.Context(), new(dns.Msg).SetQuestion(name, dns.TypeA), at.String())
	require.NoError(t, err)
	return m
}

// An unsigned zone below an anchor is bogus to whoever validates, and good without
// the anchor.
func TestValidatorsValidate(t *testing.T) {
	s := dnspeer.NSD(t, dnspeer.Authority{Zones: map[string]string{"hosting.test": "$ORIGIN hosting.test.\n" + zoneText}})
	anchor := "hosting.test. 60 IN DS 12345 13 2 " + strings.Repeat("ab", 32)
	stubs := map[string]netip.AddrPort{"hosting.test": s.Addr}
	for what, start := range map[string]func(testing.TB, dnspeer.Trust) netip.AddrPort{
		"unbound": dnspeer.ValidatingUnbound, "recursor": dnspeer.Recursor,
	} {
		t.Run(what, func(t *testing.T) {
			addr := start(t, dnspeer.Trust{Stubs: stubs, Anchors: []string{anchor}})
			require.Equal(t, dns.RcodeServerFailure, exchange(t, addr, "www.hosting.test.").Rcode)
			addr = start(t, dnspeer.Trust{Stubs: stubs})
			m := exchange(t, addr, "www.hosting.test.")
			require.Equal(t, dns.RcodeSuccess, m.Rcode)
			require.Len(t, m.Answer, 1)
		})
	}
	require.NotContains(t, dnspeer.Delv(t, s.Addr, "hosting.test", []string{anchor}, "www.hosting.test", "A"), "fully validated")
	require.NotContains(t, dnspeer.Drill(t, s.Addr, []string{anchor}, "www.hosting.test", "A"), "successful")
}
