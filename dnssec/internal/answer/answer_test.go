package answer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
	"github.com/stretchr/testify/require"
)

// What is no question to answer gets the error that says so.
func TestErrors(t *testing.T) {
	z, _ := sign(t, parse(t, shapes), dnssec.NSEC)
	for what, tt := range map[string]struct {
		change func(*dns.Msg)
		want   int
	}{
		"a question":       {func(*dns.Msg) {}, dns.RcodeSuccess},
		"an answer":        {func(m *dns.Msg) { m.Response = true }, dns.RcodeFormatError},
		"an update":        {func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented},
		"no question":      {func(m *dns.Msg) { m.Question = nil }, dns.RcodeFormatError},
		"two questions":    {func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }, dns.RcodeFormatError},
		"class CH":         {func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
		"class ANY":        {func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY }, dns.RcodeRefused},
		"EDNS version 1":   {func(m *dns.Msg) { m.IsEdns0().SetVersion(1) }, dns.RcodeBadVers},
		"two OPT":          {func(m *dns.Msg) { m.Extra = append(m.Extra, m.Extra[0]) }, dns.RcodeFormatError},
		"OPT of a name":    {func(m *dns.Msg) { m.Extra[0].Header().Name = "x." }, dns.RcodeFormatError},
		"AXFR":             {func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR }, dns.RcodeNotImplemented},
		"type OPT":         {func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeOPT }, dns.RcodeFormatError},
		"out of the zone":  {func(m *dns.Msg) { m.Question[0].Name = "xhosting.test." }, dns.RcodeRefused},
		"above the zone":   {func(m *dns.Msg) { m.Question[0].Name = "test." }, dns.RcodeRefused},
		"no name":          {func(m *dns.Msg) { m.Question[0].Name = "a..b" }, dns.RcodeFormatError},
		"a type not known": {func(m *dns.Msg) { m.Question[0].Qtype = 64999 }, dns.RcodeSuccess},
	} {
		req := question("mail.hosting.test.", dns.TypeA, true)
		tt.change(req)
		m := answer.Respond(z, req, answer.Options{})
		require.Equal(t, tt.want, m.Rcode, what)
		require.True(t, m.Response)
		require.Equal(t, req.Id, m.Id)
		if tt.want != dns.RcodeSuccess {
			require.Empty(t, m.Answer, what)
			require.Empty(t, m.Ns, what)
			require.False(t, m.Authoritative, what)
		}
		_, err := m.Pack()
		require.Equal(t, what == "no name", err != nil, "%s: %v", what, err)
	}
	require.Equal(t, dns.RcodeRefused, answer.Respond(nil, question("mail.hosting.test.", dns.TypeA, true), answer.Options{}).Rcode)
}

// AD and CD are for those who validate; RD and the letters of the question come back.
func TestFlags(t *testing.T) {
	z, _ := sign(t, parse(t, shapes), dnssec.NSEC)
	req := question("MaIl.Hosting.TEST.", dns.TypeA, true)
	req.RecursionDesired, req.CheckingDisabled, req.AuthenticatedData = true, true, true
	m := answer.Respond(z, req, answer.Options{})
	require.True(t, m.RecursionDesired)
	require.True(t, m.Authoritative)
	require.False(t, m.RecursionAvailable)
	require.False(t, m.CheckingDisabled)
	require.False(t, m.AuthenticatedData)
	require.Equal(t, "MaIl.Hosting.TEST.", m.Question[0].Name)
	require.Equal(t, "MaIl.Hosting.TEST.", m.Answer[0].Header().Name)
	require.NoError(t, judge(z).Check(m))
	require.True(t, m.IsEdns0().Do())
	require.EqualValues(t, answer.DefaultUDPSize, m.IsEdns0().UDPSize())
	m = answer.Respond(z, new(dns.Msg).SetQuestion("mail.hosting.test.", dns.TypeA), answer.Options{})
	require.Nil(t, m.IsEdns0())
	require.Len(t, m.Answer, 1)
}

// Nothing of DNSSEC is in an answer to a question without DO, unless it is asked for.
func TestWithoutDO(t *testing.T) {
	for what, denial := range denials {
		z, _ := sign(t, parse(t, shapes), denial)
		for _, qname := range []string{"mail", "nope.mail", "x.wild", "b.ent", "www.open", "x.home", "safe", "towild"} {
			for _, typ := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeANY} {
				m := answer.Respond(z, question(qname+".hosting.test.", typ, false), answer.Options{})
				for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
					for _, rr := range section {
						switch rr.Header().Rrtype {
						case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeDS:
							t.Errorf("%s: %s %s: %v", what, qname, dns.Type(typ), rr)
						}
					}
				}
			}
		}
	}
	z, _ := sign(t, parse(t, shapes), dnssec.NSEC)
	require.Len(t, answer.Respond(z, question("mail.hosting.test.", dns.TypeRRSIG, false), answer.Options{}).Answer, 3)
	require.Len(t, answer.Respond(z, question("mail.hosting.test.", dns.TypeNSEC, false), answer.Options{}).Answer, 1)
}

// A zone without signatures is served as it is.
func TestUnsigned(t *testing.T) {
	z := parse(t, shapes)
	m := answer.Respond(z, question("nope.mail.hosting.test.", dns.TypeA, true), answer.Options{})
	require.Equal(t, dns.RcodeNameError, m.Rcode)
	require.Len(t, m.Ns, 1)
	require.EqualValues(t, 900, m.Ns[0].Header().Ttl)
	m = answer.Respond(z, question("www.open.hosting.test.", dns.TypeA, true), answer.Options{})
	require.Len(t, m.Ns, 3)
}

// One type answers for all.
func TestAny(t *testing.T) {
	z, _ := sign(t, parse(t, shapes), dnssec.NSEC)
	m := answer.Respond(z, question("mail.hosting.test.", dns.TypeANY, true), answer.Options{})
	require.Len(t, m.Answer, 2)
	require.Equal(t, dns.TypeA, m.Answer[0].Header().Rrtype)
}

// DS is the parent's, also where one server has both zones.
func TestFind(t *testing.T) {
	parent := parse(t, shapes)
	child, err := dnssec.ParseZone(strings.NewReader("@ 60 SOA a b 1 2 3 4 5\n"), "safe.hosting.test", dnssec.Options{})
	require.NoError(t, err)
	zones := []*dnssec.Zone{parent, child}
	require.Equal(t, child, find(question("safe.hosting.test.", dns.TypeA, true), zones))
	require.Equal(t, child, find(question("x.SAFE.hosting.test.", dns.TypeDS, true), zones))
	require.Equal(t, parent, find(question("safe.hosting.test.", dns.TypeDS, true), zones))
	require.Equal(t, child, find(question("safe.hosting.test.", dns.TypeDS, true), zones[1:]))
	require.Nil(t, find(question("example.", dns.TypeA, true), zones))
}

// What leads to hosts has their addresses beside it, and a referral has its glue.
func TestAdditional(t *testing.T) {
	z, _ := sign(t, parse(t, shapes), dnssec.NSEC)
	extra := func(qname string, typ uint16) string {
		m := answer.Respond(z, question(qname, typ, false), answer.Options{})
		var out []string
		for _, rr := range m.Extra[:len(m.Extra)-1] {
			out = append(out, strings.TrimSuffix(rr.Header().Name, ".hosting.test.")+" "+dns.TypeToString[rr.Header().Rrtype])
		}
		return strings.Join(out, ", ")
	}
	require.Equal(t, "mail A, mail AAAA", extra("hosting.test.", dns.TypeMX))
	require.Equal(t, "ns1 A", extra("hosting.test.", dns.TypeNS))
	require.Equal(t, "mail A, mail AAAA", extra("sip.hosting.test.", dns.TypeSRV))
	require.Equal(t, "https A", extra("https.hosting.test.", dns.TypeHTTPS))
	require.Equal(t, "ns.safe A", extra("www.safe.hosting.test.", dns.TypeA))
	require.Equal(t, "ns.open AAAA, ns.safe A, ns1 A", extra("x.open.hosting.test.", dns.TypeA))
	require.Equal(t, "", extra("mail.hosting.test.", dns.TypeA))
}

// crowd is a zone with a cut of many servers and a name of much text.
func crowd() string {
	var b strings.Builder
	b.WriteString("@ 60 SOA a b 1 2 3 4 60\n@ 60 NS ns.other.test.\n@ 60 MX 1 mx\n")
	for i := range 30 {
		fmt.Fprintf(&b, "cut 60 NS ns%d.cut\nns%d.cut 60 A 192.0.2.%d\n", i, i, i)
		fmt.Fprintf(&b, "few 60 NS ns.few\nfew 60 NS far%d\nns.few 60 A 192.0.2.1\nfar%d 60 AAAA 2001:db8::%d\nfar%d 60 A 192.0.2.%d\n", i, i, i, i, i)
		fmt.Fprintf(&b, "long 60 TXT \"%d%s\"\nmx 60 AAAA 2001:db8::%d\n", i, strings.Repeat("x", 90), i)
	}
	for i := range 800 {
		fmt.Fprintf(&b, "huge 60 TXT \"%d%s\"\n", i, strings.Repeat("y", 90))
	}
	return b.String()
}

// Answers are cut to what may be sent; TC says when that loses what is needed.
func TestFit(t *testing.T) {
	z, _ := sign(t, parse(t, crowd()), dnssec.NSEC)
	for what, tt := range map[string]struct {
		qname string
		typ   uint16
		size  uint16 // of the client, 0 without EDNS
		tc    bool
		limit int
	}{
		"needless addresses":        {"hosting.test.", dns.TypeMX, 600, false, 600},
		"other servers' addresses":  {"x.few.hosting.test.", dns.TypeA, 1232, false, 1232},
		"glue":                      {"x.cut.hosting.test.", dns.TypeA, 600, true, 600},
		"glue without EDNS":         {"x.cut.hosting.test.", dns.TypeA, 0, true, 512},
		"the answer":                {"long.hosting.test.", dns.TypeTXT, 4096, true, 1232},
		"a client of few octets":    {"long.hosting.test.", dns.TypeTXT, 100, true, 512},
		"more than a stream can be": {"huge.hosting.test.", dns.TypeTXT, 65535, true, 1232},
	} {
		req := question(tt.qname, tt.typ, true)
		if tt.size == 0 {
			req.Extra = nil
		} else {
			req.IsEdns0().SetUDPSize(tt.size)
		}
		m := answer.Respond(z, req, answer.Options{UDP: true})
		wire, err := m.Pack()
		require.NoError(t, err, what)
		require.LessOrEqual(t, len(wire), tt.limit, what)
		require.Equal(t, tt.tc, m.Truncated, what)
		require.Equal(t, tt.size != 0, m.IsEdns0() != nil, what)
		if !tt.tc {
			require.NoError(t, judge(z).Check(m), what)
		}
		whole := answer.Respond(z, req, answer.Options{})
		require.Equal(t, tt.typ == dns.TypeTXT && strings.HasPrefix(tt.qname, "huge"), whole.Truncated, what)
		_, err = whole.Pack()
		require.NoError(t, err, what)
	}
	req := question("long.hosting.test.", dns.TypeTXT, true)
	req.IsEdns0().SetUDPSize(4096)
	m := answer.Respond(z, req, answer.Options{UDP: true, UDPSize: 4096})
	require.False(t, m.Truncated)
	require.EqualValues(t, 4096, m.IsEdns0().UDPSize())
}

// A DNAME that makes a name too long says so.
func TestTooLongByDNAME(t *testing.T) {
	long := strings.Repeat("l", 60)
	z, _ := sign(t, parse(t, "@ 60 SOA a b 1 2 3 4 60\n@ 60 NS n\nd 60 DNAME "+strings.Repeat(long+".", 3)+"x\n"), dnssec.NSEC)
	m := answer.Respond(z, question(long+"."+long+".d.hosting.test.", dns.TypeA, true), answer.Options{})
	require.Equal(t, dns.RcodeYXDomain, m.Rcode)
	require.Len(t, m.Answer, 2)
	require.NoError(t, judge(z).Check(m))
}

// The root zone is a zone as others.
func TestRoot(t *testing.T) {
	z, err := dnssec.ParseZone(strings.NewReader(". 60 SOA a. b. 7 2 3 4 5\n. 60 NS ns.com.\ncom. 60 NS ns.com.\nns.com. 60 A 192.0.2.1\nred. 60 DNAME com.\nx.net. 60 A 192.0.2.2\n"), ".", dnssec.Options{})
	require.NoError(t, err)
	for what, denial := range denials {
		z, _ := sign(t, z, denial)
		for _, qname := range []string{".", "com.", "www.com.", "nope.", "net.", "y.net.", "a.red.", "x.net."} {
			for _, typ := range []uint16{dns.TypeA, dns.TypeDS, dns.TypeNS} {
				m := answer.Respond(z, question(qname, typ, true), answer.Options{})
				require.NoError(t, judge(z).Check(m), "%s %v", what, m)
			}
		}
	}
}
