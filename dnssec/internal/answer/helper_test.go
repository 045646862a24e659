package answer_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
	"github.com/stretchr/testify/require"
)

const digest = "6BB18D1C1A7E3B5A4C2B5F0A3A3E0D0C6BB18D1C1A7E3B5A4C2B5F0A3A3E0D0C"

// shapes is a zone with a name of every kind that all servers understand alike.
const shapes = `$TTL 3600
@	SOA	ns1 hostmaster 2026010100 7200 3600 604800 900
@	NS	ns1
@	NS	ns2.other.test.
@	MX	10 mail
ns1	A	192.0.2.1
mail	60 A	192.0.2.2
mail	60 AAAA	2001:db8::2
*	TXT	"any"
*.wild	MX	5 mail
*.wild	A	192.0.2.20
deep.sub.wild	A	192.0.2.21
*.alias	CNAME	mail
*.lost	CNAME	nowhere
*.away	CNAME	www.other.test.
*foo	A	192.0.2.7
a.b.ent	A	192.0.2.10
www	CNAME	mail
two	CNAME	www
lost	CNAME	nothing.ent
loop1	CNAME	loop2
loop2	CNAME	loop1
self	CNAME	self
out	CNAME	www.other.test.
tocut	CNAME	www.safe
tored	CNAME	x.red
towild	CNAME	q.wild
red	DNAME	other.test.
red	TXT	"beside"
home	DNAME	ent
safe	NS	ns.safe
safe	DS	12345 13 2 ` + digest + `
safe	A	192.0.2.12
ns.safe	A	192.0.2.13
open	NS	ns.open
open	NS	ns.safe
open	NS	ns1
ns.open	AAAA	2001:db8::3
lone.deep	NS	ns2.other.test.
one.many	NS	ns2.other.test.
two.many	NS	ns2.other.test.
two.many	DS	12345 13 2 ` + digest + `
sip	SRV	0 5 5060 mail
https	HTTPS	1 . alpn=h2
https	A	192.0.2.30
odd	TYPE65400	\# 3 abcdef
`

var denials = map[string]dnssec.Denial{"NSEC": dnssec.NSEC, "NSEC3": dnssec.NSEC3, "opt-out": dnssec.NSEC3OptOut}

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

// sign signs a zone by a new key, and returns its DS record.
func sign(t testing.TB, z *dnssec.Zone, denial dnssec.Denial) (*dnssec.Zone, *dns.DS) {
	t.Helper()
	key, err := dnssec.GenerateKey(z.Origin().String(), dnssec.KeyOptions{SEP: true})
	require.NoError(t, err)
	s := dnssec.Signer{Denial: denial}
	signed, _, err := s.Sign(t.Context(), z, nil, []dnssec.KeyUse{dnssec.CSK(key)}, time.Now())
	require.NoError(t, err)
	ds, err := key.DS(dnssec.SHA256, 60)
	require.NoError(t, err)
	return signed, ds
}

func fileOf(t testing.TB, z *dnssec.Zone) string {
	t.Helper()
	var b strings.Builder
	_, err := z.WriteTo(&b)
	require.NoError(t, err)
	return b.String()
}

// question asks with or without DO.
func question(qname string, typ uint16, do bool) *dns.Msg {
	m := new(dns.Msg).SetQuestion(qname, typ)
	m.RecursionDesired = false
	m.SetEdns0(answer.DefaultUDPSize, do)
	return m
}

// serve answers on loopback from the zones until the test ends.
func serve(t testing.TB, zones ...*dnssec.Zone) netip.AddrPort {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			_ = l.Close()
			continue
		}
		for _, s := range []*dns.Server{{Listener: l}, {PacketConn: p}} {
			udp := s.PacketConn != nil
			s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
				_ = w.WriteMsg(answer.Respond(find(req, zones), req, answer.Options{UDP: udp}))
			})
			started := make(chan struct{})
			s.NotifyStartedFunc = func() { close(started) }
			go func() { _ = s.ActivateAndServe() }()
			<-started
			t.Cleanup(func() { _ = s.Shutdown() })
		}
		return l.Addr().(*net.TCPAddr).AddrPort()
	}
	t.Fatal("no port is free")
	return netip.AddrPort{}
}

// asked are names about a zone: all of its own, those above, below and beside them.
func asked(t testing.TB, z *dnssec.Zone, rng *rand.Rand) []string {
	t.Helper()
	seen := map[string]bool{}
	var names []string
	add := func(s string) {
		if n, err := dnssec.ParseName(s); err == nil && n.Under(z.Origin()) && !seen[s] {
			seen[s] = true
			names = append(names, s)
		}
	}
	for rr := range z.All() {
		n := name(t, rr.Header().Name)
		add(n.String())
		if rr.Header().Rrtype == dns.TypeNSEC3 {
			add("zz." + n.String())
			continue
		}
		for up := n; up.Under(z.Origin()) && up != z.Origin(); up = up.Parent() {
			add(up.String())
			add("zz." + up.String())
			add("*." + up.String())
			add("a.b.c." + up.String())
		}
		add(fmt.Sprintf("r%d.%s", rng.IntN(1000), n.Parent()))
	}
	return names
}

func find(req *dns.Msg, zones []*dnssec.Zone) *dnssec.Zone {
	if len(req.Question) == 0 {
		return nil
	}
	return answer.Find(req.Question[0], func(apex dnssec.Name) *dnssec.Zone {
		for _, z := range zones {
			if z.Origin() == apex {
				return z
			}
		}
		return nil
	})
}

// world is the zone of all shapes with the zones that it delegates to and leads to.
type world struct {
	parent *dnssec.Zone
	all    []*dnssec.Zone
	anchor []string
	stubs  map[string]netip.AddrPort
}

func newWorld(t testing.TB, denial dnssec.Denial) *world {
	t.Helper()
	w := &world{stubs: map[string]netip.AddrPort{}}
	text := shapes
	for _, child := range []string{"safe", "two.many", "open", "one.many", "lone.deep"} {
		z, err := dnssec.ParseZone(strings.NewReader(fmt.Sprintf(
			"@ 60 SOA ns host 1 2 3 4 60\n@ 60 NS ns.%s.hosting.test.\nwww 60 A 192.0.2.99\n* 60 TXT child\n", child)),
			child+".hosting.test", dnssec.Options{})
		require.NoError(t, err)
		if child == "safe" || child == "two.many" {
			signed, ds := sign(t, z, denial)
			text = strings.Replace(text, child+"	DS	12345 13 2 "+digest,
				fmt.Sprintf("%s	DS	%d 13 2 %s", child, ds.KeyTag, ds.Digest), 1)
			z = signed
		}
		w.all = append(w.all, z)
	}
	other, err := dnssec.ParseZone(strings.NewReader("@ 60 SOA ns host 1 2 3 4 60\n@ 60 NS ns\n* 60 A 192.0.2.98\n"), "other.test", dnssec.Options{})
	require.NoError(t, err)
	parent, ds := sign(t, parse(t, text), denial)
	w.parent, w.anchor = parent, []string{ds.String()}
	w.all = append(w.all, other, parent)
	at := serve(t, w.all...)
	for _, z := range w.all {
		w.stubs[z.Origin().String()] = at
	}
	return w
}
