package backend_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

// asking is a resolver of one scripted server, patient with a busy machine.
func asking(servers ...*sniproxytest.NameServer) *backend.DNSResolver {
	r := &backend.DNSResolver{Timeout: time.Minute}
	for _, s := range servers {
		r.Servers = append(r.Servers, s.Addr)
	}
	return r
}

func soa(ttl, minimum int) []string {
	return []string{fmt.Sprintf("example. %d IN SOA ns.example. host.example. 1 2 3 4 %d", ttl, minimum)}
}

func TestDNSAnswers(t *testing.T) {
	type reply = sniproxytest.Reply
	tests := []struct {
		name   string
		script map[string]reply // AAAA of these names
		want   []netip.Addr
		ttl    time.Duration
		reason backend.LookupReason
	}{
		{"one address", map[string]reply{"x.example": {Answer: []string{"x.example. 60 IN AAAA 2001:db8::1"}}},
			addrs("2001:db8::1"), time.Minute, 0},
		{"the least TTL of several, once each", map[string]reply{"x.example": {Answer: []string{
			"x.example. 60 IN AAAA 2001:db8::1", "x.example. 30 IN AAAA 2001:db8::2", "x.example. 60 IN AAAA 2001:db8::1",
		}}}, addrs("2001:db8::1", "2001:db8::2"), 30 * time.Second, 0},
		{"five minutes at most", map[string]reply{"x.example": {Answer: []string{"x.example. 86400 IN AAAA 2001:db8::1"}}},
			addrs("2001:db8::1"), 5 * time.Minute, 0},
		{"a TTL with the top bit is zero", map[string]reply{"x.example": {Answer: []string{"x.example. 2147483648 IN AAAA 2001:db8::1"}}},
			addrs("2001:db8::1"), 0, 0},
		{"the answer in another case", map[string]reply{"x.example": {Answer: []string{"X.eXaMple. 60 IN AAAA 2001:db8::1"}}},
			addrs("2001:db8::1"), time.Minute, 0},
		{"a chain in the answer", map[string]reply{"x.example": {Answer: []string{
			"x.example. 60 IN CNAME y.example.", "Y.example. 20 IN CNAME z.test.", "z.test. 40 IN AAAA 2001:db8::1",
		}}}, addrs("2001:db8::1"), 20 * time.Second, 0},
		{"a chain out of order", map[string]reply{"x.example": {Answer: []string{
			"z.test. 40 IN AAAA 2001:db8::1", "y.example. 20 IN CNAME z.test.", "x.example. 60 IN CNAME y.example.",
		}}}, addrs("2001:db8::1"), 20 * time.Second, 0},
		{"a chain that has to be asked for", map[string]reply{
			"x.example": {Answer: []string{"x.example. 60 IN CNAME y.test."}},
			"y.test":    {Answer: []string{"y.test. 10 IN AAAA 2001:db8::1"}},
		}, addrs("2001:db8::1"), 10 * time.Second, 0},
		{"addresses of somebody else", map[string]reply{"x.example": {Answer: []string{"evil.example. 60 IN AAAA 2001:db8::bad"}}},
			nil, 0, backend.NoAddress},
		{"addresses in the wrong sections", map[string]reply{"x.example": {
			Authority: append(soa(60, 60), "x.example. 60 IN AAAA 2001:db8::bad"), Extra: []string{"x.example. 60 IN AAAA 2001:db8::bad"},
		}}, nil, time.Minute, backend.NoAddress},
		{"an address of another class", map[string]reply{"x.example": {Answer: []string{"x.example. 60 CH AAAA 2001:db8::bad"}}},
			nil, 0, backend.NoAddress},
		{"IPv4 as IPv6", map[string]reply{"x.example": {Answer: []string{"x.example. 60 IN AAAA ::ffff:192.0.2.1"}}},
			addrs("::ffff:192.0.2.1"), time.Minute, 0}, // the guard's matter
		{"a loop of two", map[string]reply{"x.example": {Answer: []string{
			"x.example. 60 IN CNAME y.example.", "y.example. 60 IN CNAME x.example.",
		}}}, nil, 0, backend.BadAnswer},
		{"a loop of one", map[string]reply{"x.example": {Answer: []string{"x.example. 60 IN CNAME x.example."}}},
			nil, 0, backend.BadAnswer},
		{"a loop over two questions", map[string]reply{
			"x.example": {Answer: []string{"x.example. 60 IN CNAME y.example."}},
			"y.example": {Answer: []string{"y.example. 60 IN CNAME x.example."}},
		}, nil, 0, backend.BadAnswer},
		{"a chain of eight", map[string]reply{"x.example": {Answer: append(links(8), "n8.example. 60 IN AAAA 2001:db8::1")}},
			addrs("2001:db8::1"), time.Minute, 0},
		{"a chain of nine", map[string]reply{"x.example": {Answer: append(links(9), "n9.example. 60 IN AAAA 2001:db8::1")}},
			nil, 0, backend.BadAnswer},
		{"no such name", map[string]reply{"x.example": {Rcode: dns.RcodeNameError, Authority: soa(60, 20)}},
			nil, 20 * time.Second, backend.NoName},
		{"no such name, the SOA's own TTL", map[string]reply{"x.example": {Rcode: dns.RcodeNameError, Authority: soa(10, 20)}},
			nil, 10 * time.Second, backend.NoName},
		{"no such name, nobody says for how long", map[string]reply{"x.example": {Rcode: dns.RcodeNameError}}, nil, 0, backend.NoName},
		{"no address", map[string]reply{"x.example": {Authority: soa(60, 20)}}, nil, 20 * time.Second, backend.NoAddress},
		{"no address behind an alias", map[string]reply{"x.example": {
			Answer: []string{"x.example. 15 IN CNAME y.example."}, Authority: soa(60, 20),
		}}, nil, 15 * time.Second, backend.NoAddress},
		{"an alias of nothing", map[string]reply{"x.example": {
			Answer: []string{"x.example. 60 IN CNAME y.example."}, Rcode: dns.RcodeNameError, Authority: soa(60, 20),
		}}, nil, 20 * time.Second, backend.NoName},
		{"refused", map[string]reply{"x.example": {Rcode: dns.RcodeRefused}}, nil, 0, backend.ServerFailure},
		{"failed", map[string]reply{"x.example": {Rcode: dns.RcodeServerFailure}}, nil, 0, backend.ServerFailure},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sniproxytest.NewNameServer(t)
			for name, r := range tt.script {
				s.Set(name, dns.TypeAAAA, r)
			}
			got, ttl, err := asking(s).LookupAAAA(t.Context(), "x.example")
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.ttl, ttl)
			if tt.reason == 0 {
				require.NoError(t, err)
				return
			}
			var failed *backend.LookupError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, tt.reason, failed.Reason)
			none := tt.reason == backend.NoName || tt.reason == backend.NoAddress
			require.Equal(t, none, errors.Is(err, fs.ErrNotExist))
		})
	}
}

// links is a chain of n CNAMEs from x.example to n<n>.example.
func links(n int) (chain []string) {
	from := "x.example."
	for i := range n {
		to := fmt.Sprintf("n%d.example.", i+1)
		chain = append(chain, from+" 60 IN CNAME "+to)
		from = to
	}
	return chain
}

func TestDNSNamesThatAreNotAsked(t *testing.T) {
	s := sniproxytest.NewNameServer(t)
	for _, name := range []string{
		"", ".", "a..b", ".a", "a.", `a\.b.example`, `a\046b`, "a b", "a/b", "a\x00b", "bücher.example", "a\"b", "a;b", "a(b", "*.example",
		strings.Repeat("a", 64) + ".example", strings.Repeat("abcdefg.", 32) + "example",
	} {
		_, _, err := asking(s).LookupAAAA(t.Context(), name)
		var failed *backend.LookupError
		require.ErrorAs(t, err, &failed, "%q", name)
		require.Equal(t, backend.BadName, failed.Reason, "%q", name)
	}
	require.Empty(t, s.Asked())
	for _, name := range []string{"x", "_acme.example", "A-1.example", strings.Repeat("a", 63) + ".example", strings.Repeat("abcdefg.", 30) + "example"} {
		_, _, err := asking(s).LookupAAAA(t.Context(), name)
		require.ErrorIs(t, err, fs.ErrNotExist, "%q", name)
	}
	require.Len(t, s.Asked(), 5)
}

func TestDNSOverTCPWhenTruncated(t *testing.T) {
	s := sniproxytest.NewNameServer(t)
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("x.example. 60 IN AAAA 2001:db8::%x", i+1))
	}
	s.Set("x.example", dns.TypeAAAA, sniproxytest.Reply{Truncate: true, Answer: many})
	got, _, err := asking(s).LookupAAAA(t.Context(), "x.example")
	require.NoError(t, err)
	require.Len(t, got, 32, "not all of an answer without an end")
	require.Equal(t, "udp", s.Asked()[0].Network)
	require.Equal(t, "tcp", s.Asked()[1].Network)

	s.Set("y.example", dns.TypeAAAA, sniproxytest.Reply{Truncate: true, Edit: func(_, reply *dns.Msg) {
		if !reply.Truncated {
			reply.Id++
		}
	}})
	_, _, err = asking(s).LookupAAAA(t.Context(), "y.example")
	require.ErrorContains(t, err, "no answer by tcp")
}

// Each forgery differs from the answer in one point, and comes before it.
func TestDNSForgeriesAreIgnored(t *testing.T) {
	s := sniproxytest.NewNameServer(t)
	evil, err := dns.NewRR("x.example. 60 IN AAAA 2001:db8::bad")
	require.NoError(t, err)
	forge := func(change func(m *dns.Msg)) func(m *dns.Msg) {
		return func(m *dns.Msg) {
			m.Answer = []dns.RR{evil}
			change(m)
		}
	}
	s.Set("x.example", dns.TypeAAAA, sniproxytest.Reply{
		Answer: []string{"x.example. 60 IN AAAA 2001:db8::1"},
		Before: []func(*dns.Msg){
			forge(func(m *dns.Msg) { m.Id ^= 1 }),
			forge(func(m *dns.Msg) { m.Response = false }),
			forge(func(m *dns.Msg) { m.Opcode = dns.OpcodeStatus }),
			forge(func(m *dns.Msg) { m.Question[0].Name = "y.example." }),
			forge(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeA }),
			forge(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }),
			forge(func(m *dns.Msg) { m.Question = nil }),
			forge(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }),
		},
	})
	r := asking(s)
	for range 3 {
		got, _, err := r.LookupAAAA(t.Context(), "x.example")
		require.NoError(t, err)
		require.Equal(t, addrs("2001:db8::1"), got)
	}
}

func TestDNSMixedCase(t *testing.T) {
	const name = "a-long-name-with-many-letters.example"
	s := sniproxytest.NewNameServer(t)
	evil, err := dns.NewRR(name + ". 60 IN AAAA 2001:db8::bad")
	require.NoError(t, err)
	s.Set(name, dns.TypeAAAA, sniproxytest.Reply{
		Answer: []string{name + ". 60 IN AAAA 2001:db8::1"},
		Before: []func(*dns.Msg){func(m *dns.Msg) {
			m.Answer, m.Question[0].Name = []dns.RR{evil}, name+"."
		}},
	})
	r := asking(s)
	r.MixCase = true
	got, _, err := r.LookupAAAA(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, addrs("2001:db8::1"), got)
	asked := s.Asked()[0].Name
	require.NotEqual(t, name+".", asked)
	require.Equal(t, name+".", strings.ToLower(asked))
}

// What a forger has to guess is not the same twice.
func TestDNSQuestionsAreUnpredictable(t *testing.T) {
	s := sniproxytest.NewNameServer(t)
	s.Records(t, "x.example. 60 IN AAAA 2001:db8::1")
	r := asking(s)
	ids, ports := map[uint16]bool{}, map[uint16]bool{}
	for range 40 {
		_, _, err := r.LookupAAAA(t.Context(), "x.example")
		require.NoError(t, err)
	}
	for _, q := range s.Asked() {
		ids[q.Msg.Id], ports[q.From.Port()] = true, true
		require.True(t, q.Msg.RecursionDesired)
		require.Equal(t, uint16(1232), q.Msg.IsEdns0().UDPSize())
	}
	require.Greater(t, len(ids), 35)
	require.Greater(t, len(ports), 30)
}

func TestDNSServersInTurn(t *testing.T) {
	dead, bad, ok := sniproxytest.NewNameServer(t), sniproxytest.NewNameServer(t), sniproxytest.NewNameServer(t)
	dead.Set("x.example", dns.TypeAAAA, sniproxytest.Reply{Drop: true})
	bad.Set("x.example", dns.TypeAAAA, sniproxytest.Reply{Rcode: dns.RcodeServerFailure})
	ok.Records(t, "x.example. 60 IN AAAA 2001:db8::1")
	r := asking(dead, bad, ok)
	r.Servers = append([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}, r.Servers...) // nobody is there
	r.Timeout = 2 * time.Second
	for range 3 {
		_, _, err := r.LookupAAAA(t.Context(), "x.example")
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(dead.Asked()), 3)
	require.GreaterOrEqual(t, len(ok.Asked()), 3)

	ok.Set("x.example", dns.TypeAAAA, sniproxytest.Reply{Rcode: dns.RcodeServerFailure})
	_, _, err := asking(bad, ok).LookupAAAA(t.Context(), "x.example")
	require.ErrorContains(t, err, "SERVFAIL")
}

// The server that answered last is asked first the next time.
func TestDNSRemembersTheServer(t *testing.T) {
	bad, ok := sniproxytest.NewNameServer(t), sniproxytest.NewNameServer(t)
	bad.Set("x.example", dns.TypeAAAA, sniproxytest.Reply{Rcode: dns.RcodeRefused})
	ok.Records(t, "x.example. 60 IN AAAA 2001:db8::1")
	r := asking(bad, ok)
	for range 5 {
		_, _, err := r.LookupAAAA(t.Context(), "x.example")
		require.NoError(t, err)
	}
	require.Len(t, bad.Asked(), 1)
	require.Len(t, ok.Asked(), 5)
}

func TestDNSWithoutEDNS(t *testing.T) {
	s := sniproxytest.NewNameServer(t)
	s.Set("x.example", dns.TypeAAAA, sniproxytest.Reply{
		Answer: []string{"x.example. 60 IN AAAA 2001:db8::1"},
		Edit: func(query, reply *dns.Msg) {
			if query.IsEdns0() != nil {
				reply.Rcode, reply.Answer, reply.Extra = dns.RcodeFormatError, nil, nil
			}
		},
	})
	got, _, err := asking(s).LookupAAAA(t.Context(), "x.example")
	require.NoError(t, err)
	require.Len(t, got, 1)
}

func TestDNSEndsWithItsContext(t *testing.T) {
	s := sniproxytest.NewNameServer(t)
	hold := make(chan struct{})
	s.Set("x.example", dns.TypeAAAA, sniproxytest.Reply{Hold: hold})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, _, err := asking(s).LookupAAAA(ctx, "x.example")
		result <- err
	}()
	require.Eventually(t, func() bool { return len(s.Asked()) == 1 }, time.Minute, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)
	require.Len(t, s.Asked(), 1, "and no other try")
}

func TestDNSTimesOut(t *testing.T) {
	s := sniproxytest.NewNameServer(t)
	s.Set("x.example", dns.TypeAAAA, sniproxytest.Reply{Drop: true})
	r := asking(s)
	r.Timeout = 20 * time.Millisecond
	_, _, err := r.LookupAAAA(t.Context(), "x.example")
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
	var failed *backend.LookupError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, backend.ServerFailure, failed.Reason)
}

func TestDNSWithoutServers(t *testing.T) {
	_, _, err := new(backend.DNSResolver).LookupAAAA(t.Context(), "x.example")
	require.ErrorContains(t, err, "no name server")
}

func TestLookupErrorQuotesTheName(t *testing.T) {
	err := &backend.LookupError{Name: "a\x1b[31m\nb", Reason: backend.BadName, Err: errBoom}
	require.Equal(t, `backend: look up AAAA of "a\x1b[31m\nb": not a host name: connection refused`, err.Error())
	require.ErrorIs(t, err, errBoom)
	require.Contains(t, backend.LookupReason(99).String(), "99")
}
