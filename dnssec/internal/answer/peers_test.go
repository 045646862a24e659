package answer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/stretchr/testify/require"
)

var peers = map[string]func(testing.TB, dnspeer.Authority) *dnspeer.Server{
	"nsd": dnspeer.NSD, "knot": dnspeer.Knot, "named": dnspeer.NamedAuthority,
}

var askedTypes = []uint16{
	dns.TypeA, dns.TypeNS, dns.TypeCNAME, dns.TypeSOA, dns.TypeMX, dns.TypeTXT, dns.TypeDS, dns.TypeDNAME,
	dns.TypeDNSKEY, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeHTTPS, 65400,
}

// view is what is compared of an answer.
func view(m *dns.Msg) string {
	return fmt.Sprintf("%s aa=%t tc=%t\n ANSWER %s\n AUTHORITY %s", dns.RcodeToString[m.Rcode], m.Authoritative, m.Truncated,
		strings.Join(records(m.Answer), "\n        "), strings.Join(records(m.Ns), "\n        "))
}

func records(rrs []dns.RR) []string {
	var out []string
	for _, rr := range rrs {
		s := strings.ToLower(strings.Join(strings.Fields(rr.String()), " "))
		if sig, ok := rr.(*dns.RRSIG); ok {
			s = fmt.Sprintf("%s rrsig %d %d %d", strings.ToLower(sig.Hdr.Name), sig.Hdr.Ttl, sig.TypeCovered, sig.Labels)
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// asking is a question with our answer, made once for all peers.
type asking struct {
	req, ours *dns.Msg
	view      string
}

func askings(t *testing.T, z *dnssec.Zone) []asking {
	t.Helper()
	var all []asking
	for _, qname := range asked(t, z, rand.New(rand.NewPCG(1, 2))) {
		for i, typ := range askedTypes {
			for _, do := range []bool{true, false} {
				if !do && i%4 != 0 {
					continue // fewer without the proofs
				}
				req := question(qname, typ, do)
				ours := answer.Respond(z, req, answer.Options{})
				all = append(all, asking{req, ours, view(ours)})
			}
		}
	}
	return all
}

// Every answer is that of other servers with the same signed zone, but for what is
// excused.
func TestRealServersAnswerAlike(t *testing.T) {
	for what, denial := range denials {
		z, _ := sign(t, parse(t, shapes), denial)
		all := askings(t, z)
		for program, start := range peers {
			t.Run(what+" "+program, func(t *testing.T) {
				s := start(t, dnspeer.Authority{Zones: map[string]string{"hosting.test": fileOf(t, z)}, Lines: minimal[program]})
				conn, err := dns.DialTimeout("tcp", s.Addr.String(), time.Minute)
				require.NoError(t, err)
				defer conn.Close()
				excuses := map[string]int{}
				for _, a := range all {
					require.NoError(t, conn.WriteMsg(a.req))
					theirs, err := conn.ReadMsg()
					require.NoError(t, err)
					if b := view(theirs); a.view != b {
						q := a.req.Question[0]
						why := excuse(program, z, q, a.ours, theirs)
						require.NotEmpty(t, why, "%s %s do=%t\nours %s\ntheirs %s", q.Name, dns.Type(q.Qtype), a.req.IsEdns0().Do(), a.view, b)
						excuses[why]++
					}
				}
				t.Logf("%d questions; excused %v", len(all), excuses)
			})
		}
	}
}

// minimal leaves out records that nobody asked for, and has the SOA's TTL as RFC
// 2308 wants it.
var minimal = map[string][]string{
	"nsd":   {"minimal-responses: yes"},
	"named": {"minimal-responses yes; zero-no-soa-ttl no;"},
}

// excuse says why an answer may be another than that of a server; empty is no reason.
func excuse(program string, z *dnssec.Zone, q dns.Question, ours, theirs *dns.Msg) string {
	n, err := dnssec.ParseName(q.Name)
	if err != nil {
		return ""
	}
	alike := ours.Rcode == theirs.Rcode && ours.Authoritative == theirs.Authoritative &&
		slices.Equal(records(ours.Answer), records(theirs.Answer))
	top := n
	for top != z.Origin() && top.Parent() != z.Origin() {
		top = top.Parent()
	}
	below := top != n && z.At(top).Has(dns.TypeNSEC3)
	if program != "nsd" && q.Qtype == dns.TypeNSEC && len(theirs.Answer) == 0 && len(ours.Answer) > 0 {
		return "no CNAME for NSEC in a zone of NSEC3, by a denial that says CNAME"
	}
	switch program {
	case "nsd":
		switch {
		case below:
			return "names below hashes are there"
		case q.Qtype == dns.TypeNSEC3:
			return "NSEC3 is beside a CNAME"
		case alike && z.Locate(n).Kind == dnssec.Redirected && len(theirs.Ns) < len(ours.Ns):
			return "no denial of the wildcard behind a DNAME"
		case ours.Rcode == theirs.Rcode && top.String() == "deep.hosting.test.":
			return "an empty non-terminal that is opted out"
		case alike && n.Wildcard() && len(theirs.Ns) > len(ours.Ns):
			return "the encloser of a wildcard asked for by its name"
		}
	case "knot":
		switch {
		case alike && q.Qtype == dns.TypeNSEC && len(theirs.Ns) < len(ours.Ns):
			return "the NSEC of a wildcard does not prove it"
		case alike && below:
			return "names below hashes are denied by less"
		case ours.Rcode == theirs.Rcode && top.String() == "deep.hosting.test.":
			return "an empty non-terminal that is opted out"
		}
	case "named":
		switch {
		case q.Qtype == dns.TypeNSEC && z.Locate(n).Kind == dnssec.Delegation:
			return "NSEC of the parent side"
		case theirs.Rcode == dns.RcodeServerFailure && slices.Equal(records(ours.Answer), records(theirs.Answer)):
			return "CNAMEs in a circle"
		}
	}
	return ""
}
