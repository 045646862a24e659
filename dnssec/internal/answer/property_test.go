package answer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer/answertest"
	"github.com/stretchr/testify/require"
)

func judge(z *dnssec.Zone) answertest.Judge {
	j := answertest.Judge{Zone: z.Origin().String(), Seen: map[string]bool{}}
	for _, rr := range z.RRset(z.Origin(), dns.TypeDNSKEY) {
		j.Keys = append(j.Keys, rr.(*dns.DNSKEY))
	}
	return j
}

// randomZone is a zone of names up to four labels deep, of every kind.
func randomZone(t testing.TB, rng *rand.Rand, n int) *dnssec.Zone {
	t.Helper()
	labels := []string{"a", "b", "*", "zz", "-", "1", "m"}
	used := map[string]bool{}
	var text strings.Builder
	text.WriteString("@ 600 SOA ns hostmaster 1 7200 3600 604800 300\n@ 600 NS ns.other.test.\n")
	for range n {
		parts := make([]string, 1+rng.IntN(4))
		for i := range parts {
			parts[i] = labels[rng.IntN(len(labels))]
		}
		owner := strings.Join(parts, ".")
		kind := []string{"A 192.0.2.1", "AAAA 2001:db8::1", "TXT x", "NS ns.other.test.", "CNAME a.b", "CNAME other.test.", "DNAME b"}[rng.IntN(7)]
		if used[owner] || strings.HasPrefix(owner, "*") && (strings.HasPrefix(kind, "NS") || strings.HasPrefix(kind, "DNAME")) {
			continue
		}
		used[owner] = true
		fmt.Fprintf(&text, "%s 60 %s\n", owner, kind)
		if strings.HasPrefix(kind, "NS") && rng.IntN(2) == 0 {
			fmt.Fprintf(&text, "%s 60 DS 1 13 2 %s\n", owner, digest)
		}
	}
	return parse(t, text.String())
}

// Every answer about random zones proves what it says.
func TestEveryAnswerProvesItself(t *testing.T) {
	types := []uint16{dns.TypeA, dns.TypeDS, dns.TypeTXT, dns.TypeNSEC, dns.TypeCNAME, dns.TypeANY, dns.TypeRRSIG}
	for what, denial := range denials {
		t.Run(what, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 6))
			count := 0
			for i := range 4 {
				unsigned := parse(t, shapes)
				if i > 0 {
					unsigned = randomZone(t, rng, 4+rng.IntN(25))
				}
				z, _ := sign(t, unsigned, denial)
				j := judge(z)
				for _, qname := range asked(t, z, rng) {
					for _, typ := range types {
						if denial == dnssec.NSEC3OptOut && hidden(z, name(t, qname)) {
							continue
						}
						m := answer.Respond(z, question(qname, typ, true), answer.Options{})
						require.NoError(t, j.Check(m), "%v", m)
						count++
					}
				}
			}
			t.Log(count, "answers")
		})
	}
}

// hidden says whether a name is, is below, or is a wildcard's by, an empty
// non-terminal that only opted-out delegations make: RFC 5155 leaves it out of the chain, and so nobody can
// prove what becomes of it.
func hidden(z *dnssec.Zone, n dnssec.Name) bool {
	m := answer.Respond(z, question(n.String(), dns.TypeA, true), answer.Options{})
	ends := []dnssec.Name{n}
	for _, rr := range m.Answer {
		if c, ok := rr.(*dns.CNAME); ok {
			if target, err := dnssec.ParseName(c.Target); err == nil {
				ends = append(ends, target)
			}
		}
	}
	return slices.ContainsFunc(ends, func(n dnssec.Name) bool {
		place := z.Locate(n)
		if _, match := z.NSEC3(place.Node); place.Kind == dnssec.Synthesised && !match {
			return true
		}
		e, ok := z.Enclose(n)
		return ok && (place.Kind == dnssec.Missing || place.Kind == dnssec.EmptyNonTerminal) && e.Name != place.Node
	})
}

// Without a record of the authority, or with another name in the question, answers
// prove nothing: the judge would see it.
func TestTheJudgeSeesWhatIsMissing(t *testing.T) {
	for what, denial := range denials {
		z, _ := sign(t, parse(t, shapes), denial)
		j := judge(z)
		for q, least := range map[string]int{"zz.mail A": 4, "mail MX": 4, "zz.wild A": 2, "zz.wild TXT": 4, "safe A": 2, "a.b.c.ent A": 4} {
			qname, typ, _ := strings.Cut(q, " ")
			m := answer.Respond(z, question(qname+".hosting.test.", dns.StringToType[typ], true), answer.Options{})
			require.NoError(t, j.Check(m), "%s %s", what, q)
			bad := 0
			for i := range m.Ns {
				less := m.Copy()
				less.Ns = slices.Delete(less.Ns, i, i+1)
				if j.Check(less) != nil {
					bad++
				}
			}
			require.GreaterOrEqual(t, bad, least, "%s %s: %v", what, q, m)
		}
		m := answer.Respond(z, question("mail.hosting.test.", dns.TypeA, true), answer.Options{})
		m.Answer[0].(*dns.A).A[3]++
		require.Error(t, j.Check(m))
	}
}
