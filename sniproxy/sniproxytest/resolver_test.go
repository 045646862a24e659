package sniproxytest_test

import (
	"errors"
	"io/fs"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

func TestResolverTakesItsScript(t *testing.T) {
	one, two := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	r := sniproxytest.NewResolver(map[string][]netip.Addr{"known.example": {one}})
	addrs, ttl, err := r.LookupAAAA(t.Context(), "known.example")
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{one}, addrs)
	require.Equal(t, 5*time.Minute, ttl)

	_, _, err = r.LookupAAAA(t.Context(), "unknown.example")
	require.ErrorIs(t, err, fs.ErrNotExist)

	boom := errors.New("boom")
	r.Set("x.example", sniproxytest.Answer{Err: boom}, sniproxytest.Answer{Addrs: []netip.Addr{two}, TTL: time.Second})
	_, _, err = r.LookupAAAA(t.Context(), "x.example")
	require.ErrorIs(t, err, boom)
	for range 2 {
		addrs, ttl, err = r.LookupAAAA(t.Context(), "x.example")
		require.NoError(t, err)
		require.Equal(t, []netip.Addr{two}, addrs)
		require.Equal(t, time.Second, ttl)
	}
	require.Equal(t, 3, r.Asked("x.example"))
	require.Equal(t, 5, r.Questions())
}

func TestResolverHoldsBack(t *testing.T) {
	var r sniproxytest.Resolver
	hold := make(chan struct{})
	r.Set("x.example", sniproxytest.Answer{Hold: hold})
	done := make(chan error)
	go func() {
		_, _, err := r.LookupAAAA(t.Context(), "x.example")
		done <- err
	}()
	select {
	case <-done:
		t.Fatal("answered while held")
	case hold <- struct{}{}:
	}
	require.NoError(t, <-done)
}

// ask asks a server over UDP or TCP.
func ask(t *testing.T, s *sniproxytest.NameServer, network, name string, qtype uint16) *dns.Msg {
	t.Helper()
	client := dns.Client{Net: network, Timeout: 30 * time.Second}
	answer, _, err := client.ExchangeContext(t.Context(), new(dns.Msg).SetQuestion(name, qtype), s.Addr.String())
	require.NoError(t, err)
	return answer
}

func TestNameServerOnTheWire(t *testing.T) {
	s := sniproxytest.NewNameServer(t)
	s.Records(t, "www.example. 30 IN AAAA 2001:db8::1", "www.example. 30 IN AAAA 2001:db8::2",
		"alias.example. 10 IN CNAME www.example.")
	for _, network := range []string{"udp", "tcp"} {
		require.Len(t, ask(t, s, network, "wWw.example.", dns.TypeAAAA).Answer, 2)
		require.Equal(t, dns.TypeCNAME, ask(t, s, network, "alias.example.", dns.TypeAAAA).Answer[0].Header().Rrtype)
		none := ask(t, s, network, "www.example.", dns.TypeA)
		require.Equal(t, dns.RcodeSuccess, none.Rcode)
		require.Len(t, none.Ns, 1)
		require.Equal(t, dns.RcodeSuccess, ask(t, s, network, "example.", dns.TypeAAAA).Rcode)
		require.Equal(t, dns.RcodeNameError, ask(t, s, network, "other.", dns.TypeAAAA).Rcode)
	}
	require.Len(t, s.Asked(), 10)
	require.Equal(t, "wWw.example.", s.Asked()[0].Name)
	require.Equal(t, "udp", s.Asked()[0].Network)
	require.Equal(t, "tcp", s.Asked()[9].Network)
}

func TestNameServerMisbehaves(t *testing.T) {
	s := sniproxytest.NewNameServer(t)
	hold := make(chan struct{})
	s.Set("x.example", dns.TypeAAAA,
		sniproxytest.Reply{Truncate: true, Answer: []string{"x.example. 1 IN AAAA 2001:db8::1"}},
		sniproxytest.Reply{Rcode: dns.RcodeServerFailure},
		sniproxytest.Reply{Hold: hold, Edit: func(_, reply *dns.Msg) { reply.Question[0].Name = "y.example." }},
	)
	require.True(t, ask(t, s, "udp", "x.example.", dns.TypeAAAA).Truncated)
	require.Equal(t, dns.RcodeServerFailure, ask(t, s, "udp", "x.example.", dns.TypeAAAA).Rcode)
	close(hold)
	require.Equal(t, "y.example.", ask(t, s, "udp", "x.example.", dns.TypeAAAA).Question[0].Name)
}
