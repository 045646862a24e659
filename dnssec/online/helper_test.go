package online_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer/answertest"
	"github.com/mythic-beasts/hostkit/dnssec/online"
	"github.com/stretchr/testify/require"
)

const digest = "6BB18D1C1A7E3B5A4C2B5F0A3A3E0D0C6BB18D1C1A7E3B5A4C2B5F0A3A3E0D0C"

// shapes is a zone with a name of every kind.
const shapes = `$TTL 3600
@	SOA	ns1 hostmaster 2026010100 7200 3600 604800 900
@	NS	ns1
@	NS	ns2.other.test.
@	MX	10 mail
ns1	A	192.0.2.1
mail	60 A	192.0.2.2
mail	60 AAAA	2001:db8::2
*.wild	MX	5 mail
*.wild	A	192.0.2.20
deep.sub.wild	A	192.0.2.21
*.alias	CNAME	mail
*.lost	CNAME	nowhere
*foo	A	192.0.2.7
a.b.ent	A	192.0.2.10
www	CNAME	mail
two	CNAME	www
lost	CNAME	nothing.ent
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
ns.open	AAAA	2001:db8::3
lone.deep	NS	ns2.other.test.
https	HTTPS	1 . alpn=h2
odd	TYPE65400	\# 3 abcdef
`

func parse(t testing.TB, text string) *dnssec.Zone {
	t.Helper()
	z, err := dnssec.ParseZone(strings.NewReader(text), "hosting.test", dnssec.Options{})
	require.NoError(t, err)
	return z
}

func key(t testing.TB, sep bool) *dnssec.Key {
	t.Helper()
	k, err := dnssec.GenerateKey("hosting.test", dnssec.KeyOptions{SEP: sep})
	require.NoError(t, err)
	return k
}

// server answers from a zone by two keys, of which it returns the DS record.
func server(t testing.TB, z *dnssec.Zone) (*online.Server, *dns.DS) {
	t.Helper()
	uses := []dnssec.KeyUse{dnssec.KSK(key(t, true)), dnssec.ZSK(key(t, false))}
	ds, err := uses[0].Key.DS(dnssec.SHA256, 60)
	require.NoError(t, err)
	return &online.Server{
		Zone:     "Hosting.test",
		Lookup:   online.FromZone(func() *dnssec.Zone { return z }),
		Keys:     func() []dnssec.KeyUse { return uses },
		SignRate: 1 << 20,
	}, ds
}

func judge(s *online.Server) answertest.Judge {
	j := answertest.Judge{Zone: "hosting.test."}
	for _, u := range s.Keys() {
		j.Keys = append(j.Keys, u.Key.DNSKEY(3600))
	}
	return j
}

func question(qname string, typ uint16, do bool) *dns.Msg {
	m := new(dns.Msg).SetQuestion(qname, typ)
	m.RecursionDesired = false
	m.SetEdns0(1232, do)
	return m
}

func ask(t testing.TB, s *online.Server, qname string, typ uint16) *dns.Msg {
	t.Helper()
	return s.Respond(t.Context(), question(qname, typ, true), false)
}

// serve answers on loopback until the test ends: by the server for its zone, for
// others from the zones.
func serve(t testing.TB, s *online.Server, zones ...*dnssec.Zone) netip.AddrPort {
	t.Helper()
	handle := func(w dns.ResponseWriter, req *dns.Msg) {
		z := answer.Find(req.Question[0], func(apex dnssec.Name) *dnssec.Zone {
			for _, z := range zones {
				if z.Origin() == apex {
					return z
				}
			}
			return nil
		})
		cut := z != nil && req.Question[0].Qtype == dns.TypeDS && z.Origin().String() == strings.ToLower(req.Question[0].Name) && z.Origin().String() != "other.test."
		if z == nil || cut {
			s.ServeDNS(w, req)
			return
		}
		_, udp := w.RemoteAddr().(*net.UDPAddr)
		_ = w.WriteMsg(answer.Respond(z, req, answer.Options{UDP: udp}))
	}
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			_ = l.Close()
			continue
		}
		for _, server := range []*dns.Server{{Listener: l}, {PacketConn: p}} {
			server.Handler = dns.HandlerFunc(handle)
			started := make(chan struct{})
			server.NotifyStartedFunc = func() { close(started) }
			go func() { _ = server.ActivateAndServe() }()
			<-started
			t.Cleanup(func() { _ = server.Shutdown() })
		}
		return l.Addr().(*net.TCPAddr).AddrPort()
	}
	t.Fatal("no port is free")
	return netip.AddrPort{}
}

// asked are names about a zone: all of its own, those above, below and beside them,
// in letters of both cases.
func asked(t testing.TB, z *dnssec.Zone) []string {
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
		for up := rr.Header().Name; dns.CountLabel(up) > 2; up = up[dns.Split(up)[1]:] {
			add(up)
			add("zZ." + up)
			add("*." + up)
			add("a.B.c." + up)
		}
		add(strings.ToUpper(rr.Header().Name))
	}
	return names
}
