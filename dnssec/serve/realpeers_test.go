package serve_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

const origin = "example.test"

// signed signs the next version of a zone.
func signed(t testing.TB, unsigned, prev *dnssec.Zone, keys []dnssec.KeyUse) *dnssec.Zone {
	var s dnssec.Signer
	z, _, err := s.Sign(t.Context(), unsigned, prev, keys, time.Now())
	require.NoError(t, err)
	return z
}

func csk(t testing.TB) []dnssec.KeyUse {
	k, err := dnssec.GenerateKey(origin, dnssec.KeyOptions{SEP: true})
	require.NoError(t, err)
	return []dnssec.KeyUse{dnssec.CSK(k)}
}

// keyOf is the key of a program, so that what the server logs says who it was.
func keyOf(what string) serve.Key {
	return serve.Key{Name: what + ".xfr.example", Secret: []byte("0123456789abcdef0123456789abcdef")}
}

// asSecondary is the configuration of each program to fetch a zone from a primary, by
// the key of keyOf.
func asSecondary(what string, from netip.AddrPort, lines ...string) (func(testing.TB, dnspeer.Authority) *dnspeer.Server, dnspeer.Authority) {
	a, name := dnspeer.Authority{Zones: map[string]string{origin: ""}}, keyOf(what).Name
	switch what {
	case "nsd":
		a.Blocks = []string{"key:", fmt.Sprintf("  name: %q", name), "  algorithm: hmac-sha256", fmt.Sprintf("  secret: %q", secret64)}
		a.ZoneLines = map[string][]string{origin: {
			fmt.Sprintf("request-xfr: %v@%d %s", from.Addr(), from.Port(), name),
			"allow-notify: 127.0.0.0/8 " + name, "allow-axfr-fallback: yes",
		}}
		return dnspeer.NSD, a
	case "knot":
		a.Blocks = []string{
			"key:", "  - id: " + name, "    algorithm: hmac-sha256", "    secret: " + secret64,
			"remote:", "  - id: primary", fmt.Sprintf("    address: %v@%d", from.Addr(), from.Port()), "    key: " + name,
			"acl:", "  - id: notify", "    address: 127.0.0.0/8", "    key: " + name, "    action: notify",
		}
		a.ZoneLines = map[string][]string{origin: append([]string{"master: primary", "acl: notify"}, lines...)}
		return dnspeer.Knot, a
	}
	a.Blocks = []string{fmt.Sprintf("key %s { algorithm hmac-sha256; secret %q; };", name, secret64)}
	a.ZoneLines = map[string][]string{origin: {
		"type secondary; masterfile-format text; request-ixfr yes;",
		fmt.Sprintf("primaries { %v port %d key %s; };", from.Addr(), from.Port(), name),
		fmt.Sprintf("allow-notify { key %s; };", name),
	}}
	return dnspeer.NamedAuthority, a
}

func serialAt(t testing.TB, at netip.AddrPort) uint32 {
	s := &serve.Secondaries{Servers: []string{at.String()}}
	got, err := s.Served(t.Context(), origin)
	if err != nil {
		return 0
	}
	return got[at.String()]
}

// All three fetch the whole zone first, then each change when they are told, signed
// by their keys; a change of several steps too. Who asks for changes gets changes,
// as the server has all that there were. NSD asks for the whole zone again after it
// has got two changes before it loaded the first: it takes the first for failed, as
// its log says. The others never do.
func TestRealSecondaries(t *testing.T) {
	keys := csk(t)
	unsigned := zone(t, origin, 1, many(2000)...)
	z := signed(t, unsigned, nil, keys)
	peers := map[string]netip.AddrPort{}
	var notify atomic.Pointer[[]serve.Peer]
	notify.Store(new([]serve.Peer))
	var book ledger
	s := &serve.Server{Retry: serve.Retry{First: 200 * time.Millisecond, Max: time.Second, Tries: 100}, Log: slog.New(&book)}
	var rules serve.Config
	for _, what := range []string{"nsd", "knot", "named"} {
		s.Keys = append(s.Keys, keyOf(what))
		rules.Transfer = append(rules.Transfer, serve.Access{Key: keyOf(what).Name})
	}
	s.Zone = func(dnssec.Name) (serve.Config, bool) {
		c := rules
		c.Notify = *notify.Load()
		return c, true
	}
	addr := start(t, s)
	require.NoError(t, s.Publish(t.Context(), z))
	var told []serve.Peer
	for _, what := range []string{"nsd", "knot", "named"} {
		start, a := asSecondary(what, addr)
		peers[what] = start(t, a).Addr
		told = append(told, serve.Peer{Addr: peers[what], Key: keyOf(what).Name})
	}
	for what, at := range peers {
		eventually(t, what+" has the zone", func() bool { return serialAt(t, at) == z.Serial() })
	}
	notify.Store(&told)
	require.GreaterOrEqual(t, s.Stats().AXFR, uint64(3))
	for round := range 4 {
		unsigned = next(t, unsigned, unsigned.Serial()+1, fmt.Sprintf("new%d", round))
		z = signed(t, unsigned, z, keys)
		require.NoError(t, s.Publish(t.Context(), z))
		if round == 1 {
			continue // two changes at once
		}
		for what, at := range peers {
			eventually(t, fmt.Sprintf("%s has change %d", what, round), func() bool { return serialAt(t, at) == z.Serial() })
			require.Equal(t, dns.RcodeSuccess, ask(t, at, fmt.Sprintf("new%d.%s.", round, origin), dns.TypeA).Rcode, what)
		}
	}
	eventually(t, "all were told", func() bool { return s.Stats().NotifyPending == 0 })
	stats := s.Stats()
	require.GreaterOrEqual(t, stats.Notified, uint64(9))
	require.Zero(t, stats.BadTSIG)
	require.Zero(t, stats.Aborted)
	increments := map[string]int{}
	for _, e := range book.transfers() {
		t.Log(e)
		if e.asked == "IXFR" {
			require.NotEqual(t, "AXFR", e.kind, "%v asks for changes since %d", e.key, e.since)
			require.NotZero(t, e.since)
		}
		if e.key != keyOf("nsd").Name+"." && e.kind == "AXFR" {
			require.Equal(t, uint32(1), e.serial, e.key)
		}
		if e.kind == "IXFR" {
			increments[e.key]++
		}
	}
	for what := range peers {
		require.GreaterOrEqual(t, increments[keyOf(what).Name+"."], 2, what)
	}
	for what, at := range peers { // the record sets, each signature with them
		for _, name := range []string{"new0", "new3", "host000042"} {
			require.Contains(t, fmt.Sprint(ask(t, at, name+"."+origin+".", dns.TypeA).Answer), "RRSIG", what)
		}
	}
}

func ask(t testing.TB, at netip.AddrPort, name string, typ uint16) *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, typ)
	m.SetEdns0(1232, true)
	c := dns.Client{Timeout: patience}
	got, _, err := c.ExchangeContext(t.Context(), m, at.String())
	require.NoError(t, err)
	return got
}

// Knot validates each change before it takes it, and refuses one with a name that is
// not signed.
func TestRealKnotValidatesIncrements(t *testing.T) {
	keys, k := csk(t), keyOf("knot")
	unsigned := zone(t, origin, 1, many(50)...)
	z := signed(t, unsigned, nil, keys)
	var notify atomic.Pointer[[]serve.Peer]
	notify.Store(new([]serve.Peer))
	s := &serve.Server{Keys: []serve.Key{k}, Retry: serve.Retry{First: 200 * time.Millisecond, Tries: 100}}
	s.Zone = func(dnssec.Name) (serve.Config, bool) {
		c := withKey(k)
		c.Notify = *notify.Load()
		return c, true
	}
	addr := start(t, s)
	require.NoError(t, s.Publish(t.Context(), z))
	launch, a := asSecondary("knot", addr, "dnssec-validation: on")
	knot := launch(t, a)
	eventually(t, "the zone", func() bool { return serialAt(t, knot.Addr) == z.Serial() })
	notify.Store(&[]serve.Peer{{Addr: knot.Addr, Key: k.Name}})
	for round := range 3 {
		unsigned = next(t, unsigned, unsigned.Serial()+1, fmt.Sprintf("a.new%d", round))
		z = signed(t, unsigned, z, keys)
		require.NoError(t, s.Publish(t.Context(), z))
		eventually(t, "an increment", func() bool { return serialAt(t, knot.Addr) == z.Serial() })
	}
	require.Equal(t, uint64(3), s.Stats().IXFR)
	bogus := next(t, z, z.Serial()+1, "unsigned")
	before := s.Stats()
	require.NoError(t, s.Publish(t.Context(), bogus))
	eventually(t, "it tries the change, and all of it", func() bool {
		st := s.Stats()
		return st.IXFR > before.IXFR && st.AXFR > before.AXFR
	})
	require.Contains(t, knot.Process.Output(), "missing NSEC")
	require.Equal(t, z.Serial(), serialAt(t, knot.Addr))
}

// kdig and dig fetch, with the algorithms there are, and are refused.
func TestRealClients(t *testing.T) {
	kdig, dig, nsupdate := peer.Look(t, "kdig"), peer.Look(t, "dig"), peer.Look(t, "nsupdate")
	z := zone(t, origin, 7, many(3000)...)
	var keys []serve.Key
	rules := serve.Config{}
	for _, alg := range []string{"hmac-sha256", "hmac-sha384", "hmac-sha512"} {
		k, err := serve.ParseKey(alg + ":" + alg + ".example:" + secret64)
		require.NoError(t, err)
		keys = append(keys, k)
		rules.Transfer = append(rules.Transfer, serve.Access{Key: k.Name})
	}
	s := &serve.Server{Keys: keys, Default: rules}
	require.NoError(t, s.Publish(t.Context(), z))
	addr := start(t, s)
	at := []string{"@" + addr.Addr().String(), "-p", fmt.Sprint(addr.Port())}
	call := func(program string, args ...string) string {
		out, _ := exec.CommandContext(t.Context(), program, append(append([]string(nil), at...), args...)...).CombinedOutput()
		return string(out)
	}
	for _, k := range keys {
		y := k.Algorithm + ":" + k.Name + ":" + secret64
		for _, program := range []string{kdig, dig} {
			out := call(program, "-y", y, origin, "AXFR")
			require.Equal(t, 3000, strings.Count(out, "192.0.2.2"), out[:min(len(out), 2000)])
			require.NotContains(t, out, "error")
			require.Equal(t, 1, strings.Count(call(program, "-y", y, origin, "IXFR=7", "+short"), "hostmaster"))
		}
	}
	for what, y := range map[string]string{
		"NOTAUTH": "hmac-sha256:other.example:" + secret64,
		"BADSIG":  "hmac-sha256:hmac-sha256.example:AAAA" + secret64[4:],
		"BADKEY":  "hmac-sha512:hmac-sha256.example:" + secret64,
	} {
		require.Contains(t, call(dig, "-y", y, origin, "SOA"), what)
	}
	require.Contains(t, call(dig, origin, "AXFR"), "Transfer failed")
	require.Contains(t, call(dig, "other.test", "A"), "REFUSED")
	require.Contains(t, call(dig, "-c", "CH", "version.bind", "TXT"), "REFUSED")
	require.Contains(t, call(dig, "+edns=1", "+noednsneg", origin, "SOA"), "BADVERS")
	cmd := exec.CommandContext(t.Context(), nsupdate)
	cmd.Stdin = strings.NewReader(fmt.Sprintf("server %s %d\nzone %s\nupdate add x.%s 60 A 192.0.2.9\nsend\n", addr.Addr(), addr.Port(), origin, origin))
	out, _ := cmd.CombinedOutput()
	require.Contains(t, string(out), "NOTIMP")
}

// A transfer by TLS, as kdig does it and as Fetch does.
func TestRealTLS(t *testing.T) {
	kdig := peer.Look(t, "kdig")
	config, roots := certificate(t)
	z := zone(t, origin, 7, many(3000)...)
	s := &serve.Server{TLS: config, Default: serve.Config{Transfer: []serve.Access{{TLS: true}}}}
	require.NoError(t, s.Publish(t.Context(), z))
	l, plain := listen(t)
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.TLS = []net.Listener{secure}
	run(t, s, l)
	addr := netip.MustParseAddrPort(secure.Addr().String())
	out, err := exec.CommandContext(t.Context(), kdig, "@127.0.0.1", "-p", fmt.Sprint(addr.Port()), "+tls", origin, "AXFR").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, 3000, strings.Count(string(out), "192.0.2.2"))
	got, err := serve.Fetch(t.Context(), origin, nil, serve.Primary{Addr: addr, TLS: &tls.Config{RootCAs: roots, ServerName: "primary.test"}}, serve.FetchLimits{})
	require.NoError(t, err)
	require.Equal(t, text(z), text(got))
	_, err = serve.Fetch(t.Context(), origin, nil, serve.Primary{Addr: addr, TLS: &tls.Config{ServerName: "primary.test"}}, serve.FetchLimits{})
	require.ErrorContains(t, err, "certificate")
	_, err = serve.Fetch(t.Context(), origin, nil, serve.Primary{Addr: plain}, serve.FetchLimits{})
	require.ErrorContains(t, err, "REFUSED")
}

func certificate(t testing.TB) (*tls.Config, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "primary.test"}, DNSNames: []string{"primary.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}
