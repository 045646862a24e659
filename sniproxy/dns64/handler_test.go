package dns64_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/sniproxy/dns64"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

type reply = sniproxytest.Reply

// handler answers out of an authority of the test.
func handler(t *testing.T) (*dns64.Handler, *sniproxytest.NameServer) {
	t.Helper()
	authority := sniproxytest.NewNameServer(t)
	h := &dns64.Handler{
		Upstream: &dns64.Forwarder{Servers: []netip.AddrPort{authority.Addr}, Timeout: time.Minute},
		Clients:  []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Timeout:  time.Minute,
	}
	require.NoError(t, h.Validate())
	return h, authority
}

func ask(t *testing.T, h *dns64.Handler, name string, qtype uint16, change ...func(*dns.Msg)) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	for _, fn := range change {
		fn(q)
	}
	r := h.Answer(t.Context(), q)
	require.Equal(t, q.Id, r.Id)
	require.True(t, r.Response)
	require.True(t, r.RecursionAvailable)
	require.Equal(t, q.Question, r.Question)
	_, err := r.Pack()
	require.NoError(t, err)
	return r
}

// short is an answer section as lines of name, TTL, type and data.
func short(rrs []dns.RR) []string {
	out := []string{}
	for _, rr := range rrs {
		h := rr.Header()
		data := strings.TrimPrefix(rr.String(), h.String())
		out = append(out, fmt.Sprintf("%s %d %s %s", strings.TrimSuffix(h.Name, "."), h.Ttl, dns.TypeToString[h.Rrtype], strings.TrimSuffix(data, ".")))
	}
	return out
}

func secure(q *dns.Msg)    { q.SetEdns0(1232, true) }
func unchecked(q *dns.Msg) { q.CheckingDisabled = true }

func soa(ttl, minimum int) []string {
	return []string{fmt.Sprintf("example. %d IN SOA ns.example. host.example. 1 2 3 4 %d", ttl, minimum)}
}

func TestSynthesis(t *testing.T) {
	a := reply{Answer: []string{"x.example. 300 IN A 192.0.2.33"}}
	none := reply{Authority: soa(60, 60)}
	const sig = " 20300101000000 20200101000000 1 example. AAAA"
	tests := []struct {
		name  string
		six   reply
		four  reply
		want  []string
		rcode int
	}{
		{"an AAAA record of its own", reply{Answer: []string{"x.example. 300 IN AAAA 2001:db8::1"}}, a,
			[]string{"x.example 300 AAAA 2001:db8::1"}, 0},
		{"none", none, a, []string{"x.example 60 AAAA 64:ff9b::c000:221"}, 0},
		{"the A record's TTL is less", none, reply{Answer: []string{"x.example. 30 IN A 192.0.2.33"}},
			[]string{"x.example 30 AAAA 64:ff9b::c000:221"}, 0},
		{"the SOA's minimum is less than its TTL", reply{Authority: soa(60, 20)}, a,
			[]string{"x.example 20 AAAA 64:ff9b::c000:221"}, 0},
		{"no SOA", reply{}, reply{Answer: []string{"x.example. 3600 IN A 192.0.2.33"}},
			[]string{"x.example 600 AAAA 64:ff9b::c000:221"}, 0},
		{"several", none, reply{Answer: []string{"x.example. 300 IN A 192.0.2.1", "x.example. 300 IN A 192.0.2.2"}},
			[]string{"x.example 60 AAAA 64:ff9b::c000:201", "x.example 60 AAAA 64:ff9b::c000:202"}, 0},
		{"an alias", reply{Answer: []string{"x.example. 90 IN CNAME y.example."}, Authority: soa(60, 60)},
			reply{Answer: []string{"x.example. 90 IN CNAME y.example.", "y.example. 300 IN A 192.0.2.33"}},
			[]string{"x.example 90 CNAME y.example", "y.example 60 AAAA 64:ff9b::c000:221"}, 0},
		{"a DNAME", none,
			reply{Answer: []string{"example. 90 IN DNAME example.org.", "x.example. 90 IN CNAME x.example.org.", "x.example.org. 10 IN A 192.0.2.33"}},
			[]string{"example 90 DNAME example.org", "x.example 90 CNAME x.example.org", "x.example.org 10 AAAA 64:ff9b::c000:221"}, 0},
		{"an alias of a name with an AAAA record", reply{Answer: []string{"x.example. 90 IN CNAME y.example.", "y.example. 9 IN AAAA 2001:db8::1"}}, a,
			[]string{"x.example 90 CNAME y.example", "y.example 9 AAAA 2001:db8::1"}, 0},
		{"no such name", reply{Rcode: dns.RcodeNameError, Authority: soa(60, 60)}, a, nil, dns.RcodeNameError},
		{"SERVFAIL for AAAA counts as none", reply{Rcode: dns.RcodeServerFailure}, reply{Answer: []string{"x.example. 3600 IN A 192.0.2.33"}},
			[]string{"x.example 600 AAAA 64:ff9b::c000:221"}, 0},
		{"NOTIMP for AAAA counts as none", reply{Rcode: dns.RcodeNotImplemented}, a, []string{"x.example 300 AAAA 64:ff9b::c000:221"}, 0},
		{"REFUSED for AAAA counts as none", reply{Rcode: dns.RcodeRefused}, a, []string{"x.example 300 AAAA 64:ff9b::c000:221"}, 0},
		{"SERVFAIL for both", reply{Rcode: dns.RcodeServerFailure}, reply{Rcode: dns.RcodeServerFailure}, nil, dns.RcodeServerFailure},
		{"SERVFAIL, and no such name", reply{Rcode: dns.RcodeServerFailure}, reply{Rcode: dns.RcodeNameError}, nil, dns.RcodeNameError},
		{"SERVFAIL, and no A record", reply{Rcode: dns.RcodeServerFailure}, none, nil, dns.RcodeServerFailure},
		{"none, and SERVFAIL", none, reply{Rcode: dns.RcodeServerFailure}, nil, dns.RcodeServerFailure},
		{"neither", none, none, nil, 0},
		{"IPv4-mapped counts as none", reply{Answer: []string{"x.example. 300 IN AAAA ::ffff:192.0.2.1"}}, a,
			[]string{"x.example 300 AAAA 64:ff9b::c000:221"}, 0},
		{"IPv4-mapped among others", reply{Answer: []string{"x.example. 300 IN AAAA ::ffff:192.0.2.1", "x.example. 300 IN AAAA 2001:db8::1"}}, a,
			[]string{"x.example 300 AAAA 2001:db8::1"}, 0},
		{"a signature over what was changed", reply{Answer: []string{
			"x.example. 300 IN AAAA ::ffff:192.0.2.1", "x.example. 300 IN AAAA 2001:db8::1", "x.example. 300 IN RRSIG AAAA 8 2 300" + sig,
		}}, a, []string{"x.example 300 AAAA 2001:db8::1"}, 0},
		{"signatures of the A record", none, reply{Answer: []string{"x.example. 300 IN A 192.0.2.33", "x.example. 300 IN RRSIG A 8 2 300" + sig}},
			[]string{"x.example 60 AAAA 64:ff9b::c000:221"}, 0},
		{"an AAAA record that nobody asked for", none, reply{Answer: []string{"x.example. 300 IN A 192.0.2.33", "x.example. 300 IN AAAA ::1"}},
			[]string{"x.example 60 AAAA 64:ff9b::c000:221"}, 0},
		{"an A record of loopback", none, reply{Answer: []string{"x.example. 300 IN A 127.0.0.1"}}, nil, 0},
		{"a private A record", none, reply{Answer: []string{"x.example. 300 IN A 10.0.0.1"}}, nil, 0},
		{"a private one among others", none, reply{Answer: []string{"x.example. 300 IN A 192.168.0.1", "x.example. 300 IN A 192.0.2.33"}},
			[]string{"x.example 60 AAAA 64:ff9b::c000:221"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, authority := handler(t)
			authority.Set("x.example", dns.TypeAAAA, tt.six)
			authority.Set("x.example", dns.TypeA, tt.four)
			r := ask(t, h, "x.example", dns.TypeAAAA)
			require.Equal(t, dns.RcodeToString[tt.rcode], dns.RcodeToString[r.Rcode])
			require.Equal(t, append([]string{}, tt.want...), short(r.Answer))
			if tt.want == nil && tt.rcode == 0 {
				require.Len(t, r.Ns, 1, "for how long there is none")
			}
		})
	}
}

func TestSynthesisInSeveralPrefixes(t *testing.T) {
	h, authority := handler(t)
	authority.Records(t, "x.example. 30 IN A 192.0.2.33", "private.example. 30 IN A 10.0.0.1", "both.example. 30 IN AAAA 2001:db8:bad::1", "both.example. 30 IN A 192.0.2.1")
	h.Prefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:122:300::/56"), dns64.WellKnown}
	h.Exclude = []netip.Prefix{netip.MustParsePrefix("2001:db8:bad::/48")}
	h.ExcludeIPv4 = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28")}
	require.Equal(t, []string{"x.example 30 AAAA 2001:db8:122:3c0:0:221::", "x.example 30 AAAA 64:ff9b::c000:221"},
		short(ask(t, h, "x.example", dns.TypeAAAA).Answer))
	require.Equal(t, []string{"private.example 30 AAAA 2001:db8:122:30a:0:1::"},
		short(ask(t, h, "private.example", dns.TypeAAAA).Answer), "not in the well-known prefix")
	require.Empty(t, ask(t, h, "both.example", dns.TypeAAAA).Answer, "both are excluded")
}

// RFC 6147, section 5.5.
func TestSynthesisAndValidation(t *testing.T) {
	h, authority := handler(t)
	authority.Set("x.example", dns.TypeA, reply{Answer: []string{"x.example. 30 IN A 192.0.2.33"}, Edit: func(q, r *dns.Msg) { r.AuthenticatedData = true }})
	tests := []struct {
		name  string
		flags []func(*dns.Msg)
		made  bool
	}{
		{"neither", nil, true},
		{"DO", []func(*dns.Msg){secure}, true},
		{"CD", []func(*dns.Msg){unchecked}, true},
		{"DO and CD", []func(*dns.Msg){secure, unchecked}, false},
	}
	for _, tt := range tests {
		r := ask(t, h, "x.example", dns.TypeAAAA, tt.flags...)
		require.Equal(t, tt.made, len(r.Answer) == 1, tt.name)
		require.False(t, r.AuthenticatedData, "what is made is not authenticated")
	}
	authority.Set("mixed.example", dns.TypeAAAA, reply{
		Answer: []string{"mixed.example. 30 IN AAAA ::ffff:192.0.2.1", "mixed.example. 30 IN AAAA 2001:db8::1"},
		Edit:   func(q, r *dns.Msg) { r.AuthenticatedData = true },
	})
	require.False(t, ask(t, h, "mixed.example", dns.TypeAAAA, secure).AuthenticatedData, "nor is what something was taken out of")
	require.True(t, ask(t, h, "mixed.example", dns.TypeAAAA, secure, unchecked).AuthenticatedData)

	asked := authority.Asked()
	last := asked[len(asked)-1].Msg
	require.True(t, last.CheckingDisabled, "what the client wants is passed on")
	require.True(t, last.IsEdns0().Do())
	require.True(t, ask(t, h, "x.example", dns.TypeA, secure).AuthenticatedData)
}

func TestTimeoutsCountAsNone(t *testing.T) {
	var log bytes.Buffer
	h := &dns64.Handler{
		Upstream: silent("four.example."), Timeout: 10 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	require.Equal(t, []string{"four.example 600 AAAA 64:ff9b::c000:221"}, short(ask(t, h, "four.example", dns.TypeAAAA).Answer))
	require.Equal(t, dns.RcodeServerFailure, ask(t, h, "dead.example", dns.TypeAAAA).Rcode)
	require.Contains(t, log.String(), "name=dead.example. type=AAAA")
	require.Contains(t, log.String(), "name=dead.example. type=A ")
}

// silent answers nothing until the time is over, but the A record of this name.
type silent string

func (s silent) Ask(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	if q.Question[0] != (dns.Question{Name: string(s), Qtype: dns.TypeA, Qclass: dns.ClassINET}) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	rr, err := dns.NewRR(string(s) + " 3600 IN A 192.0.2.33")
	r := new(dns.Msg).SetReply(q)
	r.Answer = []dns.RR{rr}
	return r, err
}

func TestOthersPass(t *testing.T) {
	h, authority := handler(t)
	authority.Records(t, "x.example. 30 IN A 192.0.2.33", "x.example. 30 IN MX 10 mx.example.")
	authority.Set("x.example", dns.TypeTXT, reply{
		Answer: []string{`x.example. 30 IN TXT "hello"`}, Authority: []string{"example. 30 IN NS ns.example."}, Extra: []string{"ns.example. 30 IN A 192.0.2.53"},
	})
	require.Equal(t, []string{"x.example 30 A 192.0.2.33"}, short(ask(t, h, "x.example", dns.TypeA).Answer))
	require.Equal(t, []string{"x.example 30 MX 10 mx.example"}, short(ask(t, h, "x.example", dns.TypeMX).Answer))
	r := ask(t, h, "x.example", dns.TypeTXT)
	require.Len(t, r.Ns, 1)
	require.Len(t, r.Extra, 1, "without Upstream's OPT record")
	require.Len(t, ask(t, h, "x.example", dns.TypeTXT, secure).Extra, 2, "with one of our own")
	require.Equal(t, dns.RcodeNameError, ask(t, h, "other.test", dns.TypeA).Rcode)
	require.Len(t, authority.Asked(), 5, "one question each")
}

func TestReverse(t *testing.T) {
	for _, prefix := range []string{"2001:db8::/32", "2001:db8:100::/40", "2001:db8:122::/48", "2001:db8:122:300::/56", "2001:db8:122:344::/64", "64:ff9b::/96"} {
		t.Run(prefix, func(t *testing.T) {
			h, authority := handler(t)
			h.Prefixes = []netip.Prefix{netip.MustParsePrefix(prefix)}
			authority.Records(t, "33.2.0.192.in-addr.arpa. 30 IN PTR x.example.", "1.0.0.0."+strings.Repeat("0.", 20)+"8.b.d.1.1.0.0.2.ip6.arpa. 30 IN PTR six.example.")
			name, err := dns.ReverseAddr(dns64.Embed(h.Prefixes[0], netip.MustParseAddr("192.0.2.33")).String())
			require.NoError(t, err)
			for _, asked := range []string{name, strings.ToUpper(name)} {
				r := ask(t, h, asked, dns.TypePTR)
				require.Equal(t, dns.RcodeSuccess, r.Rcode)
				require.Equal(t, []string{strings.TrimSuffix(asked, ".") + " 600 CNAME 33.2.0.192.in-addr.arpa", "33.2.0.192.in-addr.arpa 30 PTR x.example"}, short(r.Answer))
			}
			missing, err := dns.ReverseAddr(dns64.Embed(h.Prefixes[0], netip.MustParseAddr("192.0.2.34")).String())
			require.NoError(t, err)
			require.Equal(t, dns.RcodeNameError, ask(t, h, missing, dns.TypePTR).Rcode)
		})
	}
	h, authority := handler(t)
	for _, name := range []string{
		"1.0.0.2.ip6.arpa", "ip6.arpa", "x.ip6.arpa", "33.2.0.192.in-addr.arpa", "g" + strings.Repeat(".0", 31) + ".ip6.arpa",
		strings.Repeat("00.", 21) + "0.ip6.arpa", strings.Repeat("0.", 31) + "1.ip6.arpa",
	} {
		ask(t, h, name, dns.TypePTR)
	}
	require.Len(t, authority.Asked(), 7, "all of them go upstream as they are")
}

func TestIPv4Only(t *testing.T) {
	h, authority := handler(t)
	h.Prefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:64::/96"), dns64.WellKnown}
	require.Equal(t, []string{"ipv4only.arpa 3600 A 192.0.0.170", "ipv4only.arpa 3600 A 192.0.0.171"}, short(ask(t, h, "ipv4only.arpa", dns.TypeA).Answer))
	want := []string{
		"IPv4only.arpa 3600 AAAA 2001:db8:64::c000:aa", "IPv4only.arpa 3600 AAAA 2001:db8:64::c000:ab",
		"IPv4only.arpa 3600 AAAA 64:ff9b::c000:aa", "IPv4only.arpa 3600 AAAA 64:ff9b::c000:ab",
	}
	require.Equal(t, want, short(ask(t, h, "IPv4only.arpa", dns.TypeAAAA).Answer))
	require.Equal(t, want, short(ask(t, h, "IPv4only.arpa", dns.TypeAAAA, secure, unchecked).Answer), "even then: it is not signed")
	none := ask(t, h, "ipv4only.arpa", dns.TypeMX)
	require.Equal(t, dns.RcodeSuccess, none.Rcode)
	require.Len(t, none.Ns, 1)
	require.Equal(t, dns.RcodeNameError, ask(t, h, "x.ipv4only.arpa", dns.TypeAAAA).Rcode)
	require.Equal(t, []string{"170.0.0.192.in-addr.arpa 3600 PTR ipv4only.arpa"}, short(ask(t, h, "170.0.0.192.in-addr.arpa", dns.TypePTR).Answer))
	require.Empty(t, ask(t, h, "171.0.0.192.in-addr.arpa", dns.TypeTXT).Answer)
	reverse, err := dns.ReverseAddr("64:ff9b::c000:aa")
	require.NoError(t, err)
	require.Contains(t, short(ask(t, h, reverse, dns.TypePTR).Answer), "170.0.0.192.in-addr.arpa 3600 PTR ipv4only.arpa")
	require.Empty(t, authority.Asked(), "RFC 8880: not upstream")
	ask(t, h, "ipv4only.arpa", dns.TypeDS)
	require.Len(t, authority.Asked(), 1, "the parent's")
}

func TestWhatIsNotAnswered(t *testing.T) {
	h, authority := handler(t)
	code := func(change func(*dns.Msg)) string {
		return dns.RcodeToString[ask(t, h, "x.example", dns.TypeAAAA, change).Rcode]
	}
	require.Equal(t, "NOTIMP", code(func(q *dns.Msg) { q.Opcode = dns.OpcodeUpdate }))
	require.Equal(t, "REFUSED", code(func(q *dns.Msg) { q.Question[0].Qclass = dns.ClassCHAOS }))
	require.Equal(t, "REFUSED", code(func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeAXFR }))
	require.Equal(t, dns.RcodeBadVers, ask(t, h, "x.example", dns.TypeAAAA, secure, func(q *dns.Msg) { q.IsEdns0().SetVersion(1) }).Rcode)
	require.Equal(t, dns.RcodeFormatError, h.Answer(t.Context(), new(dns.Msg)).Rcode)
	require.Empty(t, authority.Asked())
}

func TestValidate(t *testing.T) {
	h, _ := handler(t)
	require.ErrorContains(t, (&dns64.Handler{Clients: h.Clients}).Validate(), "Upstream")
	require.ErrorContains(t, (&dns64.Handler{Upstream: h.Upstream}).Validate(), "Clients")
	h.Prefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8::/33")}
	require.ErrorContains(t, h.Validate(), "length")
}

// upstream is a function as an Upstream.
type upstream func(*dns.Msg) (*dns.Msg, error)

func (u upstream) Ask(_ context.Context, q *dns.Msg) (*dns.Msg, error) { return u(q) }

func TestCodesThatNeedEDNS(t *testing.T) {
	h := &dns64.Handler{Upstream: upstream(func(q *dns.Msg) (*dns.Msg, error) {
		r := new(dns.Msg).SetReply(q)
		r.Rcode = dns.RcodeBadCookie
		return r, nil
	})}
	require.Equal(t, dns.RcodeServerFailure, ask(t, h, "x.example", dns.TypeA).Rcode)
	require.Equal(t, dns.RcodeBadCookie, ask(t, h, "x.example", dns.TypeA, secure).Rcode)
	h.Upstream = upstream(func(*dns.Msg) (*dns.Msg, error) { return nil, errors.New("gone") })
	require.Equal(t, dns.RcodeServerFailure, ask(t, h, "x.example", dns.TypeA).Rcode)
}
