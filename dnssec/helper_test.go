package dnssec_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// shapes is a zone with a name of every kind.
const shapes = `$TTL 3600
@	SOA	ns1 Hostmaster 2026010100 7200 3600 604800 900
@	NS	NS1
@	NS	ns2.other.test.
@	MX	10 Mail
@	CAA	0 issue "CA.example"
ns1	A	192.0.2.1
mail	60 A	192.0.2.2
mail	60 AAAA	2001:db8::2
*	TXT	"any"
*.wild	MX	5 mail
*foo	A	192.0.2.7
\042.star	A	192.0.2.8
\065bc	A	192.0.2.9
a.b.ent	A	192.0.2.10
www	CNAME	Mail
red	DNAME	other.test.
red	TXT	"beside"
below.red	A	192.0.2.11
safe	NS	ns.safe
safe	DS	12345 13 2 6BB18D1C1A7E3B5A4C2B5F0A3A3E0D0C6BB18D1C1A7E3B5A4C2B5F0A3A3E0D0C
safe	A	192.0.2.12
ns.safe	A	192.0.2.13
open	NS	ns.open
ns.open	AAAA	2001:db8::3
nested.open	NS	ns.open
nested.open	DS	1 13 2 6BB18D1C1A7E3B5A4C2B5F0A3A3E0D0C6BB18D1C1A7E3B5A4C2B5F0A3A3E0D0C
lone.deep	NS	ns2.other.test.
sip	SRV	0 5 5060 MAIL
nap	NAPTR	1 2 "S" "SIP+D2U" "" _sip._UDP.Example.
odd	TYPE65400	\# 3 AbCdEf
https	HTTPS	1 . alpn=h2
`

func parse(t testing.TB, text string) *dnssec.Zone {
	t.Helper()
	z, err := dnssec.ParseZone(strings.NewReader(text), "hosting.test", dnssec.Options{})
	require.NoError(t, err)
	return z
}

func name(t testing.TB, s string) dnssec.Name {
	t.Helper()
	n, err := dnssec.ParseName(s)
	require.NoError(t, err)
	return n
}

func rr(t testing.TB, s string) dns.RR {
	t.Helper()
	r, err := dns.NewRR(s)
	require.NoError(t, err)
	return r
}

// text is the records of a zone, a line each.
func text(z *dnssec.Zone) []string { return lines(slices.Collect(z.All())) }

func lines(rrs []dns.RR) []string {
	out := make([]string, len(rrs))
	for i, rr := range rrs {
		out[i] = strings.ReplaceAll(rr.String(), "\t", " ")
	}
	return out
}
