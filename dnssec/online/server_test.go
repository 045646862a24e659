package online_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/online"
	"github.com/stretchr/testify/require"
)

// Every answer proves what it says, whatever the letters of the question.
func TestEveryAnswerProvesItself(t *testing.T) {
	z := parse(t, shapes)
	s, _ := server(t, z)
	j := judge(s)
	for _, qname := range asked(t, z) {
		for _, typ := range []uint16{dns.TypeA, dns.TypeDS, dns.TypeMX, dns.TypeNSEC, dns.TypeCNAME, dns.TypeANY, dns.TypeRRSIG, dns.TypeDNSKEY, 65400} {
			m := ask(t, s, qname, typ)
			require.NoError(t, j.Check(m), "%v", m)
			require.Equal(t, qname, m.Question[0].Name)
			_, err := m.Pack()
			require.NoError(t, err)
		}
	}
}

// One of each kind of answer.
func TestKindsOfAnswers(t *testing.T) {
	s, _ := server(t, parse(t, shapes))
	for _, tt := range []struct {
		name      string
		typ       uint16
		rcode     int
		aa        bool
		answer    string // types
		authority string
		bits      string
	}{
		{"mail", dns.TypeA, 0, true, "A RRSIG", "", ""},
		{"mail", dns.TypeMX, 0, true, "", "SOA RRSIG NSEC RRSIG", "A AAAA RRSIG NSEC"},
		{"nope", dns.TypeA, 0, true, "", "SOA RRSIG NSEC RRSIG", "RRSIG NSEC NXNAME"},
		{"b.ent", dns.TypeA, 0, true, "", "SOA RRSIG NSEC RRSIG", "RRSIG NSEC"},
		{"x.wild", dns.TypeA, 0, true, "A RRSIG", "", ""},
		{"x.wild", dns.TypeTXT, 0, true, "", "SOA RRSIG NSEC RRSIG", "A MX RRSIG NSEC"},
		{"www", dns.TypeA, 0, true, "CNAME RRSIG A RRSIG", "", ""},
		{"out", dns.TypeA, 0, true, "CNAME RRSIG", "", ""},
		{"x.red", dns.TypeA, 0, true, "DNAME RRSIG CNAME", "", ""},
		{"www.safe", dns.TypeA, 0, false, "", "NS DS RRSIG", ""},
		{"www.open", dns.TypeA, 0, false, "", "NS NS NSEC RRSIG", "NS RRSIG NSEC"},
		{"open", dns.TypeDS, 0, true, "", "SOA RRSIG NSEC RRSIG", "NS RRSIG NSEC"},
		{"safe", dns.TypeDS, 0, true, "DS RRSIG", "", ""},
		{"tocut", dns.TypeA, 0, true, "CNAME RRSIG", "NS DS RRSIG", ""},
		{"mail", dns.TypeNXNAME, dns.RcodeFormatError, false, "", "", ""},
		{"mail", dns.TypeRRSIG, 0, true, "RRSIG", "", ""},
		{"mail", dns.TypeANY, 0, true, "A RRSIG", "", ""},
		{"mail", dns.TypeNSEC, 0, true, "NSEC RRSIG", "", ""},
	} {
		m := ask(t, s, tt.name+".hosting.test.", tt.typ)
		require.Equal(t, tt.rcode, m.Rcode, "%v", m)
		require.Equal(t, tt.aa, m.Authoritative, "%v", m)
		require.Equal(t, tt.answer, types(m.Answer), "%v", m)
		require.Equal(t, tt.authority, types(m.Ns), "%v", m)
		for _, rr := range m.Ns {
			if nsec, ok := rr.(*dns.NSEC); ok {
				require.Equal(t, tt.bits, bits(nsec))
				require.Equal(t, `\000.`+nsec.Hdr.Name, nsec.NextDomain)
			}
		}
	}
	m := ask(t, s, "mail.hosting.test.", dns.TypeNXNAME)
	require.Equal(t, dns.ExtendedErrorCodeInvalidQueryType, m.IsEdns0().Option[0].(*dns.EDNS0_EDE).InfoCode)
	require.Equal(t, dns.RcodeRefused, ask(t, s, "hosting.example.", dns.TypeA).Rcode)
}

func types(rrs []dns.RR) string {
	var out []string
	for _, rr := range rrs {
		out = append(out, dns.TypeToString[rr.Header().Rrtype])
	}
	return strings.Join(out, " ")
}

func bits(nsec *dns.NSEC) string {
	var out []string
	for _, typ := range nsec.TypeBitMap {
		out = append(out, dns.TypeToString[typ])
	}
	return strings.Join(out, " ")
}

// The rcode says that a name is not there to those who ask without DO, or with CO.
func TestNameErrors(t *testing.T) {
	s, _ := server(t, parse(t, shapes))
	plain := s.Respond(t.Context(), question("nope.hosting.test.", dns.TypeA, false), false)
	require.Equal(t, dns.RcodeNameError, plain.Rcode)
	require.Equal(t, "SOA", types(plain.Ns))

	req := question("nope.hosting.test.", dns.TypeA, true)
	req.IsEdns0().SetCo(true)
	m := s.Respond(t.Context(), req, false)
	require.Equal(t, dns.RcodeNameError, m.Rcode)
	require.Equal(t, "SOA RRSIG NSEC RRSIG", types(m.Ns))
	require.True(t, m.IsEdns0().Co())
	require.NoError(t, judge(s).Check(m))

	req.Question[0].Name = "b.ent.hosting.test."
	require.Equal(t, dns.RcodeSuccess, s.Respond(t.Context(), req, false).Rcode)
	require.False(t, ask(t, s, "nope.hosting.test.", dns.TypeA).IsEdns0().Co())
}

// Records of other names that a look-up returns are neither signed nor sent.
func TestNothingOfOthersIsSigned(t *testing.T) {
	s, _ := server(t, parse(t, shapes))
	inner := s.Lookup
	s.Lookup = func(ctx context.Context, n dnssec.Name) (online.Found, error) {
		f, err := inner(ctx, n)
		for _, text := range []string{"www.other.test. 60 A 192.0.2.66", "mail.hosting.test. 60 NSEC a. A"} {
			rr, parseErr := dns.NewRR(text)
			require.NoError(t, parseErr)
			f.Records = append(f.Records, rr)
		}
		return f, err
	}
	for _, typ := range []uint16{dns.TypeA, dns.TypeMX} {
		m := ask(t, s, "out.hosting.test.", typ)
		require.Equal(t, "CNAME RRSIG", types(m.Answer))
		m = ask(t, s, "mail.hosting.test.", typ)
		require.NotContains(t, m.String(), "other.test")
		require.NoError(t, judge(s).Check(m))
	}
}

// What cannot be answered is SERVFAIL, with nothing signed.
func TestFailures(t *testing.T) {
	s, _ := server(t, parse(t, shapes))
	s.Lookup = func(context.Context, dnssec.Name) (online.Found, error) {
		return online.Found{}, errors.New("no database")
	}
	m := ask(t, s, "mail.hosting.test.", dns.TypeA)
	require.Equal(t, dns.RcodeServerFailure, m.Rcode)
	require.Empty(t, m.Answer)
	require.Empty(t, m.Ns)

	s, _ = server(t, parse(t, shapes))
	s.Keys = func() []dnssec.KeyUse { return nil }
	require.Equal(t, dns.RcodeServerFailure, ask(t, s, "mail.hosting.test.", dns.TypeA).Rcode)
	require.Equal(t, dns.RcodeSuccess, s.Respond(t.Context(), question("mail.hosting.test.", dns.TypeA, false), false).Rcode)

	s, _ = server(t, nil)
	require.Equal(t, dns.RcodeServerFailure, ask(t, s, "mail.hosting.test.", dns.TypeA).Rcode)
	s = &online.Server{Zone: "hosting.test"}
	require.Equal(t, dns.RcodeServerFailure, ask(t, s, "mail.hosting.test.", dns.TypeA).Rcode)
}

// Names without room for another label are denied too.
func TestLongNames(t *testing.T) {
	s, _ := server(t, parse(t, shapes))
	long := strings.Repeat(strings.Repeat("a", 61)+".", 3)
	for _, first := range []string{strings.Repeat("b", 53), strings.Repeat("b", 54), strings.Repeat("b", 52) + `\255`, strings.Repeat(`\255`, 54), strings.Repeat("b", 53) + "@"} {
		qname := first + "." + long + "hosting.test."
		_, ok := dns.IsDomainName(qname)
		require.True(t, ok)
		m := ask(t, s, qname, dns.TypeA)
		require.Equal(t, "SOA RRSIG NSEC RRSIG", types(m.Ns), "%v", m)
		require.NoError(t, judge(s).Check(m), "%v", m)
		nsec := m.Ns[2].(*dns.NSEC)
		owner, err := dnssec.ParseName(nsec.Hdr.Name)
		require.NoError(t, err)
		next, err := dnssec.ParseName(nsec.NextDomain)
		require.NoError(t, err)
		require.Positive(t, next.Compare(owner))
	}
}
