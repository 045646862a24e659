package backend_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

// lookupOf is a Lookup of hosts inside the customers' prefix, on a machine with an
// address in it, over a scripted resolver. The test closes the cache.
func lookupOf(t *testing.T, r backend.Resolver) *backend.Lookup {
	c := &backend.Cache{Resolver: r}
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return &backend.Lookup{
		Cache: c,
		Guard: &backend.Guard{
			Allow: []netip.Prefix{customers, netip.MustParsePrefix("fd12:3456::/32"), everybody},
			Deny:  []netip.Prefix{netip.MustParsePrefix("2001:db8:46::/96")},
			Self:  func() []netip.Addr { return addrs("2001:db8:1000::443", "2001:db8:1000::444") },
		},
	}
}

var query = backend.Query{Name: "site.example", Client: netip.MustParseAddr("198.51.100.7"), Port: 443}

// Everything inside ::/0 is allowed by prefix here: what is refused is refused for
// what it is.
func TestHostileAnswers(t *testing.T) {
	tests := []struct {
		name   string
		answer []netip.Addr
		want   []netip.Addr   // those that may be dialled
		reason backend.Reason // of the error when there are none
	}{
		{"loopback", addrs("::1"), nil, backend.ReasonLoopback},
		{"unspecified, which Linux connects to itself", addrs("::"), nil, backend.ReasonUnspecified},
		{"IPv4 loopback, mapped", addrs("::ffff:127.0.0.1"), nil, backend.ReasonMapped},
		{"IPv4 metadata service, mapped", addrs("::ffff:169.254.169.254"), nil, backend.ReasonMapped},
		{"IPv4-compatible", addrs("::10.0.0.1"), nil, backend.ReasonCompatible},
		{"IPv4-translated", addrs("::ffff:0:10.0.0.1"), nil, backend.ReasonTranslated},
		{"IPv4 by the NAT64 prefix", addrs("64:ff9b::a00:1"), nil, backend.ReasonNAT64},
		{"IPv4 by the local NAT64 prefix", addrs("64:ff9b:1:abcd::a00:1"), nil, backend.ReasonNAT64},
		{"6to4 of a private address", addrs("2002:a00:1::1"), nil, backend.Reason6to4},
		{"Teredo", addrs("2001:0:4136:e378:8000:63bf:3fff:fdd2"), nil, backend.ReasonTeredo},
		{"the router", addrs("fe80::1"), nil, backend.ReasonLinkLocal},
		{"all nodes of the link", addrs("ff02::1"), nil, backend.ReasonMulticast},
		{"site-local", addrs("fec0::1"), nil, backend.ReasonSiteLocal},
		{"a unique local network that is not listed", addrs("fd00::1"), nil, backend.ReasonUniqueLocal},
		{"the proxy itself", addrs("2001:db8:1000::443"), nil, backend.ReasonSelf},
		{"the proxy's other address", addrs("2001:db8:1000::444"), nil, backend.ReasonSelf},
		{"clients as NAT46 maps them", addrs("2001:db8:46::a00:1"), nil, backend.ReasonDenied},
		{"bad first, good second", addrs("::1", good.String()), []netip.Addr{good}, ""},
		{"good first, bad second", addrs(good.String(), "fe80::1"), []netip.Addr{good}, ""},
		{"good among many bad", addrs("::1", "::", "fe80::1", good.String(), "64:ff9b::1", good2.String(), "2001:db8:1000::443"), []netip.Addr{good, good2}, ""},
		{"sixteen bad ones before a good one", append(many("fe80::%x", 16), good), []netip.Addr{good}, ""},
		{"a listed unique local one among others", addrs("fd12:3456::1", "fd12:3457::1"), addrs("fd12:3456::1"), ""},
		{"nothing", nil, nil, ""},
	}
	require.GreaterOrEqual(t, len(tests), 20)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := sniproxytest.NewResolver(map[string][]netip.Addr{"site.example": tt.answer})
			l := lookupOf(t, r)
			for turn := range 5 { // turns change the order, never the result
				got, err := l.Resolve(t.Context(), nil, query)
				require.ElementsMatch(t, ports(443, tt.want...), got, "turn %d", turn)
				if tt.want != nil {
					require.NoError(t, err)
					continue
				}
				require.Error(t, err)
				var refused *backend.RefusedError
				if tt.reason != "" {
					require.ErrorAs(t, err, &refused)
					require.Equal(t, tt.reason, refused.Reason)
				}
				_, ready, again := l.Ready(nil, query)
				require.True(t, ready)
				require.Equal(t, err, again)
			}
		})
	}
}

func many(format string, n int) []netip.Addr {
	out := make([]netip.Addr, n)
	for i := range out {
		out[i] = netip.MustParseAddr(fmt.Sprintf(format, i+1))
	}
	return out
}

// An answer that changes between two look-ups, as in DNS rebinding, is judged anew
// each time, whatever was allowed before.
func TestHostileChangingAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r sniproxytest.Resolver
		r.Set("site.example",
			sniproxytest.Answer{Addrs: []netip.Addr{good}, TTL: time.Nanosecond}, // as short as it can be
			sniproxytest.Answer{Addrs: addrs("::1"), TTL: time.Nanosecond},
			sniproxytest.Answer{Addrs: addrs("::1", good2.String()), TTL: time.Nanosecond},
			sniproxytest.Answer{Addrs: addrs("2001:db8:1000::443")},
		)
		l := lookupOf(t, &r)
		got, err := l.Resolve(t.Context(), nil, query)
		require.NoError(t, err)
		require.Equal(t, ports(443, good), got)

		pass(5 * time.Second)
		_, err = l.Resolve(t.Context(), nil, query)
		var refused *backend.RefusedError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, backend.ReasonLoopback, refused.Reason)

		pass(5 * time.Second)
		got, err = l.Resolve(t.Context(), nil, query)
		require.NoError(t, err)
		require.Equal(t, ports(443, good2), got)

		pass(5 * time.Second)
		_, err = l.Resolve(t.Context(), nil, query)
		require.ErrorAs(t, err, &refused)
		require.Equal(t, backend.ReasonSelf, refused.Reason)
	})
}

// What was allowed when it was looked up may not be any more when it is dialled: the
// guard is asked again, about the address itself.
func TestHostileAddressAtTheDial(t *testing.T) {
	self := addrs("2001:db8:1000::443")
	l := lookupOf(t, sniproxytest.NewResolver(map[string][]netip.Addr{"site.example": {good}}))
	l.Guard.Self = func() []netip.Addr { return self }
	got, err := l.Resolve(t.Context(), nil, query)
	require.NoError(t, err)
	self = append(self, good) // this machine takes the address over
	_, err = backend.Dial(t.Context(), got, backend.DialOptions{Guard: l.Guard})
	var refused *backend.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, backend.ReasonSelf, refused.Reason)
}

func TestHostilePorts(t *testing.T) {
	l := lookupOf(t, sniproxytest.NewResolver(map[string][]netip.Addr{"site.example": {good}}))
	l.Port = 25
	_, err := l.Resolve(t.Context(), nil, query)
	var refused *backend.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, backend.ReasonPort, refused.Reason)
}
