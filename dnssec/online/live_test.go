package online_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/stretchr/testify/require"
)

// world is the zone signed as it answers, with the zones that it delegates to and
// leads to.
func world(t *testing.T) (z *dnssec.Zone, anchor string, stubs map[string]netip.AddrPort) {
	t.Helper()
	text := shapes
	var others []*dnssec.Zone
	for _, child := range []string{"safe.hosting.test", "open.hosting.test", "lone.deep.hosting.test", "other.test"} {
		c, err := dnssec.ParseZone(strings.NewReader(fmt.Sprintf(
			"@ 60 SOA ns host 1 2 3 4 60\n@ 60 NS ns.%s.\nwww 60 A 192.0.2.99\n* 60 TXT child\n", child)), child, dnssec.Options{})
		require.NoError(t, err)
		if child == "safe.hosting.test" {
			k, err := dnssec.GenerateKey(child, dnssec.KeyOptions{SEP: true})
			require.NoError(t, err)
			ds, err := k.DS(dnssec.SHA256, 60)
			require.NoError(t, err)
			text = strings.Replace(text, "12345 13 2 "+digest, fmt.Sprintf("%d 13 2 %s", ds.KeyTag, ds.Digest), 1)
			c, _, err = (&dnssec.Signer{}).Sign(t.Context(), c, nil, []dnssec.KeyUse{dnssec.CSK(k)}, time.Now())
			require.NoError(t, err)
		}
		others = append(others, c)
	}
	z = parse(t, text)
	s, ds := server(t, z)
	at := serve(t, s, others...)
	stubs = map[string]netip.AddrPort{"hosting.test.": at}
	for _, c := range others {
		stubs[c.Origin().String()] = at
	}
	return z, ds.String(), stubs
}

// Resolvers that validate take every compact answer, and say that it is secure
// unless it leads to a zone that is not.
func TestRealResolversValidateEveryAnswer(t *testing.T) {
	for program, start := range map[string]func(testing.TB, dnspeer.Trust) netip.AddrPort{
		"unbound": dnspeer.ValidatingUnbound, "recursor": dnspeer.Recursor,
	} {
		t.Run(program, func(t *testing.T) {
			z, anchor, stubs := world(t)
			addr := start(t, dnspeer.Trust{Anchors: []string{anchor}, Stubs: stubs})
			conn, err := dns.DialTimeout("tcp", addr.String(), time.Minute)
			require.NoError(t, err)
			defer conn.Close()
			counts := map[string]int{}
			for _, qname := range asked(t, z) {
				for _, typ := range []uint16{dns.TypeA, dns.TypeMX, dns.TypeTXT, dns.TypeDS} {
					if odd(z, qname, typ) {
						continue
					}
					req := question(qname, typ, true)
					req.RecursionDesired = true
					require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
					require.NoError(t, conn.WriteMsg(req))
					m, err := conn.ReadMsg()
					require.NoError(t, err)
					require.NotEqual(t, dns.RcodeServerFailure, m.Rcode, "%v", m)
					if !leads(z, qname) {
						require.True(t, m.AuthenticatedData, "%v", m)
						counts["secure"]++
					}
					counts[dns.RcodeToString[m.Rcode]]++
				}
			}
			t.Log(counts)
		})
	}
}

// odd says which questions no resolver is to be asked: CNAMEs in a circle, the DS of
// the trust anchor, and an asterisk that another one answers for.
func odd(z *dnssec.Zone, qname string, typ uint16) bool {
	n, err := dnssec.ParseName(qname)
	if err != nil {
		return true
	}
	return strings.Contains(n.String(), "self.") || n == z.Origin() && typ == dns.TypeDS || n.Wildcard() && strings.Contains(n.String(), "safe.")
}

// leads says whether a name is of, or leads to, a zone that is not signed.
func leads(z *dnssec.Zone, qname string) bool {
	n, err := dnssec.ParseName(qname)
	if err != nil {
		return true
	}
	name := n.String()
	for _, part := range []string{"open.", "deep.", "red.", "tored.", "out."} {
		if strings.HasPrefix(name, part) || strings.Contains(name, "."+part) {
			return true
		}
	}
	return false
}

// What delv and drill say of one answer of each kind.
func TestRealToolsValidateOneOfEach(t *testing.T) {
	_, anchor, stubs := world(t)
	at := stubs["hosting.test."]
	for q, want := range map[string]string{
		"mail A":        "; fully validated",
		"mail MX":       "; negative response, fully validated", // NODATA
		"zz.mail A":     "; negative response, fully validated", // a name that is not there
		"b.ent A":       "; negative response, fully validated", // empty non-terminal
		"zz.wild MX":    "; fully validated",                    // wildcard
		"a.b.wild TXT":  "; negative response, fully validated", // wildcard NODATA
		"two AAAA":      "; fully validated",                    // CNAMEs
		"zz.alias AAAA": "; fully validated",
		"safe DS":       "; fully validated",
		"open DS":       "; negative response, fully validated",
		"odd TYPE65400": "; fully validated",
		"red DNAME":     "; fully validated",
		"*foo A":        "; fully validated",
	} {
		out := dnspeer.Delv(t, at, "hosting.test", []string{anchor}, strings.Fields(strings.Replace(q, " ", ".hosting.test ", 1))...)
		require.Contains(t, out, want, "%s: %s", q, out)
	}
	out := dnspeer.Drill(t, at, []string{anchor}, "mail.hosting.test", "A")
	require.Contains(t, out, "Chase successful", out)
}
