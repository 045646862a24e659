package backend_test

import (
	"fmt"
	"io/fs"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

// TestRealDNS asks bind9 and unbound, which ask a scripted authority.
func TestRealDNS(t *testing.T) {
	servers := map[string]func(testing.TB, dnspeer.Config) netip.AddrPort{"named": dnspeer.Named, "unbound": dnspeer.Unbound}
	for name, start := range servers {
		for _, mix := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, mixed case %v", name, mix), func(t *testing.T) {
				authority := sniproxytest.NewNameServer(t)
				var many []string
				for i := range 90 {
					many = append(many, fmt.Sprintf("many.example. 60 IN AAAA 2001:db8::%x", i+1))
				}
				authority.Records(t, append(many,
					"www.example. 60 IN AAAA 2001:db8::1", "www.example. 60 IN AAAA 2001:db8::2",
					"alias.example. 30 IN CNAME other.example.", "other.example. 120 IN CNAME www.example.",
					"v4only.example. 60 IN A 192.0.2.1", "_under.example. 60 IN AAAA 2001:db8::3",
					"dangling.example. 60 IN CNAME nowhere.example.")...)
				authority.Set("old.example", dns.TypeAAAA, sniproxytest.Reply{Answer: []string{
					"old.example. 60 IN CNAME www.example.",
				}})
				authority.Set("broken.example", dns.TypeAAAA, sniproxytest.Reply{Rcode: dns.RcodeRefused})
				authority.Set("loop.example", dns.TypeCNAME, sniproxytest.Reply{Answer: []string{"loop.example. 60 IN CNAME loop2.example."}})
				authority.Set("loop2.example", dns.TypeCNAME, sniproxytest.Reply{Answer: []string{"loop2.example. 60 IN CNAME loop.example."}})
				r := &backend.DNSResolver{
					Servers: []netip.AddrPort{start(t, dnspeer.Config{Forward: authority.Addr})},
					Timeout: time.Minute, MixCase: mix,
				}
				askReal(t, r)
			})
		}
	}
}

func askReal(t *testing.T, r *backend.DNSResolver) {
	lookup := func(name string) ([]netip.Addr, time.Duration, error) { return r.LookupAAAA(t.Context(), name) }
	within := func(ttl time.Duration, most int) {
		t.Helper()
		require.LessOrEqual(t, ttl, time.Duration(most)*time.Second)
	}
	got, ttl, err := lookup("www.example")
	require.NoError(t, err)
	require.ElementsMatch(t, addrs("2001:db8::1", "2001:db8::2"), got)
	within(ttl, 60)
	require.Positive(t, ttl)

	got, ttl, err = lookup("alias.example")
	require.NoError(t, err)
	require.ElementsMatch(t, addrs("2001:db8::1", "2001:db8::2"), got)
	within(ttl, 30)

	got, _, err = lookup("old.example")
	require.NoError(t, err)
	require.Len(t, got, 2)
	got, _, err = lookup("_under.example")
	require.NoError(t, err)
	require.Equal(t, addrs("2001:db8::3"), got)
	got, _, err = lookup("many.example")
	require.NoError(t, err)
	require.Len(t, got, 32, "by TCP: 90 records do not fit into a packet")

	for name, reason := range map[string]backend.LookupReason{
		"v4only.example": backend.NoAddress, "no-such-name.example": backend.NoName, "dangling.example": backend.NoName,
	} {
		_, ttl, err = lookup(name)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
		var none *backend.LookupError
		require.ErrorAs(t, err, &none)
		require.Equal(t, reason, none.Reason, name)
		within(ttl, 300)
	}
	for _, name := range []string{"broken.example", "loop.example"} {
		_, _, err = lookup(name)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, fs.ErrNotExist, name)
	}
}
