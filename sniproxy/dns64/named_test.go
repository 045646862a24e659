package dns64_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/mythic-beasts/hostkit/sniproxy/dns64"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

// TestRealNamed compares with the dns64 of bind9, which has the exclusions and the
// rule for TTLs that unbound lacks.
func TestRealNamed(t *testing.T) {
	authority := sniproxytest.NewNameServer(t)
	zone(t, authority)
	authority.Records(t,
		"mapped.example. 300 IN AAAA ::ffff:192.0.2.1", "mapped.example. 300 IN A 192.0.2.38",
		"mixed.example. 300 IN AAAA ::ffff:192.0.2.1", "mixed.example. 300 IN AAAA 2001:db8::3", "mixed.example. 300 IN A 192.0.2.39",
	)
	authority.Set("soa.example", dns.TypeAAAA, reply{Authority: []string{"example. 40 IN SOA ns.example. host.example. 1 2 3 4 40"}})
	authority.Records(t, "soa.example. 300 IN A 192.0.2.40")
	theirs := dnspeer.Named(t, dnspeer.Config{Forward: authority.Addr, Lines: []string{
		"dns64 64:ff9b::/96 { clients { any; }; mapped { any; }; exclude { ::ffff:0:0/96; }; };",
	}})
	h := &dns64.Handler{
		Upstream: &dns64.Forwarder{
			Servers: []netip.AddrPort{dnspeer.Named(t, dnspeer.Config{Forward: authority.Addr})}, Timeout: time.Minute,
		},
		Timeout: time.Minute,
	}
	for _, name := range []string{"four", "six", "both", "brief", "alias4", "alias6", "chain", "dangling", "mail", "nowhere", "mapped", "mixed", "soa"} {
		for _, qtype := range []uint16{dns.TypeAAAA, dns.TypeA, dns.TypeMX} {
			compare(t, h, theirs, name+".example.", qtype)
		}
		want, got := ttl(t, ask64(t, theirs, name)), ttl(t, h.Answer(t.Context(), new(dns.Msg).SetQuestion(name+".example.", dns.TypeAAAA)))
		// Each counts down in a cache of its own.
		require.InDelta(t, want, got, 15, name)
	}
}

func ask64(t *testing.T, server netip.AddrPort, name string) *dns.Msg {
	t.Helper()
	client := dns.Client{Timeout: time.Minute}
	r, _, err := client.ExchangeContext(t.Context(), new(dns.Msg).SetQuestion(name+".example.", dns.TypeAAAA), server.String())
	require.NoError(t, err)
	return r
}

// ttl is that of the AAAA records, or zero.
func ttl(t *testing.T, m *dns.Msg) uint32 {
	t.Helper()
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == dns.TypeAAAA {
			return rr.Header().Ttl
		}
	}
	return 0
}
