package dns64_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/mythic-beasts/hostkit/sniproxy/dns64"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

// zone is what both servers are asked about.
func zone(t *testing.T, authority *sniproxytest.NameServer) {
	t.Helper()
	authority.Records(t,
		"four.example. 300 IN A 192.0.2.33", "four.example. 300 IN A 198.51.100.7",
		"six.example. 300 IN AAAA 2001:db8::1",
		"both.example. 300 IN A 192.0.2.34", "both.example. 300 IN AAAA 2001:db8::2",
		"brief.example. 20 IN A 192.0.2.35",
		"alias4.example. 90 IN CNAME four.example.", "alias6.example. 90 IN CNAME six.example.",
		"chain.example. 90 IN CNAME alias4.example.", "dangling.example. 90 IN CNAME nowhere.example.",
		"aliasmx.example. 90 IN CNAME mail.example.", "mail.example. 90 IN MX 10 four.example.",
		"ipv4only.arpa. 300 IN A 192.0.0.170", "ipv4only.arpa. 300 IN A 192.0.0.171",
		"33.2.0.192.in-addr.arpa. 30 IN PTR four.example.",
	)
	authority.Set("servfail6.example", dns.TypeAAAA, reply{Rcode: dns.RcodeServerFailure})
	authority.Records(t, "servfail6.example. 300 IN A 192.0.2.36", "www.moved.example. 300 IN A 192.0.2.37")
	dname := []string{"old.example. 90 IN DNAME moved.example.", "www.old.example. 90 IN CNAME www.moved.example."}
	authority.Set("www.old.example", dns.TypeA, reply{Answer: append(dname, "www.moved.example. 300 IN A 192.0.2.37")})
	authority.Set("www.old.example", dns.TypeAAAA, reply{Answer: dname, Authority: []string{sniproxytest.NoData}})
	authority.Set("servfail.example", dns.TypeAAAA, reply{Rcode: dns.RcodeServerFailure})
	authority.Set("servfail.example", dns.TypeA, reply{Rcode: dns.RcodeServerFailure})
}

// Without these lines unbound knows itself that documentation addresses have no names.
const (
	real4 = "local-zone: 2.0.192.in-addr.arpa. nodefault"
	real6 = "local-zone: 8.b.d.0.1.0.0.2.ip6.arpa. nodefault"
)

// TestRealUnbound compares with the dns64 module of unbound, for every length of a
// prefix. The handler has an unbound without it as its recursive server, and that and
// the one with it ask the same authority.
func TestRealUnbound(t *testing.T) {
	for _, prefix := range []string{"64:ff9b::/96", "2001:db8::/32", "2001:db8:100::/40", "2001:db8:122::/48", "2001:db8:122:300::/56", "2001:db8:122:344::/64"} {
		t.Run(prefix, func(t *testing.T) {
			authority := sniproxytest.NewNameServer(t)
			zone(t, authority)
			theirs := dnspeer.Unbound(t, dnspeer.Config{Forward: authority.Addr, Lines: []string{
				`module-config: "dns64 iterator"`, "dns64-prefix: " + prefix, real4, real6,
			}})
			plain := dnspeer.Unbound(t, dnspeer.Config{Forward: authority.Addr, Lines: []string{real4, real6}})
			h := &dns64.Handler{
				Upstream: &dns64.Forwarder{Servers: []netip.AddrPort{plain}, Timeout: time.Minute},
				Prefixes: []netip.Prefix{netip.MustParsePrefix(prefix)},
				Timeout:  time.Minute,
			}
			for _, name := range []string{
				"four", "six", "both", "brief", "alias4", "alias6", "chain", "dangling", "aliasmx", "mail", "nowhere", "servfail6", "servfail",
				"www.old",
			} {
				for _, qtype := range []uint16{dns.TypeAAAA, dns.TypeA, dns.TypeMX} {
					compare(t, h, theirs, name+".example.", qtype)
				}
			}
			compare(t, h, theirs, "ipv4only.arpa.", dns.TypeAAAA)
			compare(t, h, theirs, "ipv4only.arpa.", dns.TypeA)
			for _, v4 := range []string{"192.0.2.33", "192.0.2.99"} {
				name, err := dns.ReverseAddr(dns64.Embed(h.Prefixes[0], netip.MustParseAddr(v4)).String())
				require.NoError(t, err)
				compare(t, h, theirs, name, dns.TypePTR)
			}
		})
	}
}

func compare(t *testing.T, h *dns64.Handler, theirs netip.AddrPort, name string, qtype uint16) {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, qtype)
	client := dns.Client{Timeout: time.Minute}
	want, _, err := client.ExchangeContext(t.Context(), q, theirs.String())
	require.NoError(t, err)
	got := h.Answer(t.Context(), q)
	what := name + " " + dns.TypeToString[qtype]
	require.Equal(t, dns.RcodeToString[want.Rcode], dns.RcodeToString[got.Rcode], what)
	require.Equal(t, records(want), records(got), what)
}

// records are those of an answer without their TTL. A reverse name is the owner of
// the PTR record itself in unbound's answers, and an alias of it in ours; both are
// what RFC 6147, section 5.3.1, offers.
func records(m *dns.Msg) []string {
	var out []string
	for _, rr := range m.Answer {
		h := *rr.Header()
		if h.Rrtype == dns.TypeCNAME && strings.HasSuffix(h.Name, ".ip6.arpa.") {
			continue
		}
		owner := strings.ToLower(h.Name)
		if h.Rrtype == dns.TypePTR {
			owner = ""
		}
		data := strings.ToLower(strings.TrimPrefix(rr.String(), h.String()))
		out = append(out, owner+" "+dns.TypeToString[h.Rrtype]+" "+data)
	}
	slices.Sort(out)
	return out
}
