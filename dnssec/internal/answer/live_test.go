package answer_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/stretchr/testify/require"
)

var resolvers = map[string]func(testing.TB, dnspeer.Trust) netip.AddrPort{
	"unbound": dnspeer.ValidatingUnbound, "recursor": dnspeer.Recursor,
}

// Resolvers that validate take every answer, and say that it is secure wherever it
// can be.
func TestRealResolversValidateEveryAnswer(t *testing.T) {
	for what, denial := range denials {
		for program, start := range resolvers {
			t.Run(what+" "+program, func(t *testing.T) {
				w := newWorld(t, denial)
				addr := start(t, dnspeer.Trust{Anchors: w.anchor, Stubs: w.stubs})
				conn, err := dns.DialTimeout("tcp", addr.String(), time.Minute)
				require.NoError(t, err)
				defer conn.Close()
				counts := map[string]int{}
				for _, qname := range asked(t, w.parent, rand.New(rand.NewPCG(3, 4))) {
					for _, typ := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeMX, dns.TypeDS} {
						if odd(t, w, qname, typ, denial) || program == "recursor" && farBelowWildcard(t, w, qname, denial) {
							continue
						}
						req := question(qname, typ, true)
						req.RecursionDesired = true
						require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
						require.NoError(t, conn.WriteMsg(req))
						m, err := conn.ReadMsg()
						require.NoError(t, err)
						if m.Rcode == dns.RcodeServerFailure {
							t.Errorf("%s %s: %v", qname, dns.Type(typ), m)
						}
						secure, depends := secured(t, w, qname, typ)
						if secure != m.AuthenticatedData && !depends {
							t.Errorf("%s %s: secure %t: %v", qname, dns.Type(typ), secure, m)
						}
						counts[dns.RcodeToString[m.Rcode]]++
						if secure {
							counts["secure"]++
						}
					}
				}
				t.Log(counts)
			})
		}
	}
}

// odd says which questions no resolver is to be asked: CNAMEs in a circle, the DS of
// the trust anchor, an asterisk that another asterisk answers for, which both
// resolvers misjudge whoever serves the zone, and what is below an empty
// non-terminal that opted-out delegations alone make, of which no record tells.
func odd(t *testing.T, w *world, qname string, typ uint16, denial dnssec.Denial) bool {
	t.Helper()
	n := name(t, qname)
	z := find(question(qname, typ, true), w.all)
	circle := strings.Contains(qname, "self.") || strings.Contains(qname, "loop")
	return circle || n == w.parent.Origin() && typ == dns.TypeDS ||
		n.Wildcard() && z.Locate(n).Kind == dnssec.Synthesised ||
		denial == dnssec.NSEC3OptOut && strings.HasSuffix(qname, ".deep.hosting.test.")
}

// farBelowWildcard says what recursor 4.8 misjudges whoever serves the zone: three
// labels below the name that NSEC3 denies for a wildcard.
func farBelowWildcard(t *testing.T, w *world, qname string, denial dnssec.Denial) bool {
	t.Helper()
	z := find(question(qname, dns.TypeA, true), w.all)
	return denial != dnssec.NSEC && strings.HasPrefix(qname, "a.b.c.") && z.Locate(name(t, qname)).Kind == dnssec.Synthesised
}

// secured says whether an answer is secure, and whether that depends: what an
// opted-out span covers is not.
func secured(t *testing.T, w *world, qname string, typ uint16) (secure, depends bool) {
	t.Helper()
	for range 10 {
		req := question(qname, typ, true)
		z := find(req, w.all)
		if _, signed := z.Chain(); !signed {
			return false, depends
		}
		m := answer.Respond(z, req, answer.Options{})
		hashes := 0
		for _, rr := range m.Ns {
			if nsec3, ok := rr.(*dns.NSEC3); ok && nsec3.Flags == 1 {
				hashes++
			}
		}
		depends = depends || hashes > 1 || hashes == 1 && (len(m.Answer) > 0 || m.Rcode != dns.RcodeSuccess)
		next := ""
		for _, rr := range m.Answer {
			if c, ok := rr.(*dns.CNAME); ok && typ != dns.TypeCNAME {
				next = c.Target
			}
		}
		if next == "" || find(question(next, typ, true), w.all) == z {
			return true, depends
		}
		qname = next
		depends = depends || typ == dns.TypeDS // the recursor looks for cuts on the way
	}
	return false, false
}

// What delv and drill say of one answer of each kind.
func TestRealToolsValidateOneOfEach(t *testing.T) {
	for what, denial := range denials {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, denial)
			at := w.stubs["hosting.test."]
			for q, want := range map[string]string{
				"mail A":         "; fully validated",
				"mail MX":        "; negative response, fully validated", // NODATA
				"zz.mail A":      "; negative response, fully validated", // NXDOMAIN
				"b.ent A":        "; negative response, fully validated", // empty non-terminal
				"zz.wild MX":     "; fully validated",                    // wildcard
				"a.b.wild TXT":   "; negative response, fully validated", // wildcard NODATA
				"two AAAA":       "; fully validated",                    // CNAMEs
				"lost A":         "; fully validated",                    // CNAME to NXDOMAIN
				"a.b.ent.home A": "",                                     // below a DNAME, and not there
				"zz.alias AAAA":  "; fully validated",
				"safe DS":        "; fully validated",
				"open DS":        "; negative response, fully validated",
				"www.safe A":     "; fully validated",
				"odd TYPE65400":  "; fully validated",
				"red DNAME":      "; fully validated",
				"*foo A":         "; fully validated",
			} {
				if denial == dnssec.NSEC3OptOut && (strings.HasPrefix(want, "; negative") || strings.HasPrefix(q, "zz")) {
					continue // spans that delegations are left out of are not secure
				}
				args := strings.Fields(strings.Replace(q, " ", ".hosting.test ", 1))
				out := dnspeer.Delv(t, at, "hosting.test", w.anchor, args...)
				require.Contains(t, out, want, "%s: %s", q, out)
			}
			out := dnspeer.Drill(t, at, w.anchor, "mail.hosting.test", "A")
			require.Contains(t, out, "Chase successful", out)
		})
	}
}
