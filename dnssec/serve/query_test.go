package serve_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/tsig"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/stretchr/testify/require"
)

// writer keeps the answer to a handler's request.
type writer struct {
	dns.ResponseWriter
	remote net.Addr
	got    *dns.Msg
}

func (w *writer) RemoteAddr() net.Addr        { return w.remote }
func (w *writer) WriteMsg(m *dns.Msg) error   { w.got = m; return nil }
func (w *writer) TsigStatus() error           { return nil }
func (w *writer) Network() string             { return w.remote.Network() }
func (w *writer) Write(b []byte) (int, error) { return len(b), nil }

// As a handler of the library it answers questions, and refuses what needs octets.
func TestServeDNS(t *testing.T) {
	asked := false
	s := &serve.Server{Default: open(), Notified: func(serve.Notification) bool { asked = true; return true }}
	require.NoError(t, s.Publish(t.Context(), zone(t, origin, 1, many(200)...)))
	udp, tcp := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:5353")), net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:5353"))
	for what, c := range map[string]struct {
		m     *dns.Msg
		from  net.Addr
		rcode int
	}{
		"question": {new(dns.Msg).SetQuestion("ns."+origin+".", dns.TypeA), udp, dns.RcodeSuccess},
		"nothing":  {new(dns.Msg).SetQuestion("nothing."+origin+".", dns.TypeA), tcp, dns.RcodeNameError},
		"unknown":  {new(dns.Msg).SetQuestion("other.", dns.TypeA), udp, dns.RcodeRefused},
		"AXFR":     {new(dns.Msg).SetAxfr(origin + "."), tcp, dns.RcodeRefused},
		"IXFR":     {new(dns.Msg).SetIxfr(origin+".", 0, "ns.", "h."), tcp, dns.RcodeRefused},
		"NOTIFY":   {new(dns.Msg).SetNotify(origin + "."), udp, dns.RcodeRefused},
		"TSIG":     {new(dns.Msg).SetQuestion(origin+".", dns.TypeSOA).SetTsig("k.", dns.HmacSHA256, 300, 1), udp, dns.RcodeRefused},
	} {
		w := &writer{remote: c.from}
		s.ServeDNS(w, c.m)
		require.Equal(t, c.rcode, w.got.Rcode, what)
		require.Equal(t, c.m.Id, w.got.Id, what)
		require.True(t, w.got.Response, what)
	}
	require.False(t, asked)
	w := &writer{remote: &net.UnixAddr{Name: "socket"}}
	s.ServeDNS(w, new(dns.Msg).SetQuestion(origin+".", dns.TypeSOA))
	require.Nil(t, w.got, "of nobody")
}

// With rules for questions only those who match them, or may transfer the zone, get
// answers.
func TestQueryRules(t *testing.T) {
	k, reader := xfrKey(t), xfrKey(t)
	reader.Name = "reader.example"
	rules := serve.Config{
		Transfer: []serve.Access{{Key: k.Name}},
		Query:    []serve.Access{{Prefix: netip.MustParsePrefix("127.0.0.0/8"), Key: reader.Name}},
	}
	s := &serve.Server{Keys: []serve.Key{k, reader}, Zone: func(n dnssec.Name) (serve.Config, bool) { return rules, n.String() == origin+"." }}
	require.NoError(t, s.Publish(t.Context(), zone(t, origin, 3)))
	require.NoError(t, s.Publish(t.Context(), zone(t, "open.test", 4)))
	addr := start(t, s)
	serial := func(zone string, k *serve.Key) (uint32, error) {
		got, err := (&serve.Secondaries{Servers: []string{addr.String()}, Key: k}).Served(t.Context(), zone)
		return got[addr.String()], err
	}
	for _, key := range []*serve.Key{&k, &reader} {
		got, err := serial(origin, key)
		require.NoError(t, err)
		require.Equal(t, uint32(3), got)
	}
	_, err := serial(origin, nil)
	require.ErrorContains(t, err, "REFUSED")
	require.NotZero(t, s.Stats().Refused)
	got, err := serial("open.test", nil)
	require.NoError(t, err)
	require.Equal(t, uint32(4), got)
	_, err = serve.Fetch(t.Context(), origin, nil, serve.Primary{Addr: addr, Key: &reader}, serve.FetchLimits{})
	require.ErrorContains(t, err, "REFUSED")
}

// A signature that is cut, but good as far as it goes, is refused with a whole one
// (RFC 8945, section 5.2.4).
func TestTruncatedSignature(t *testing.T) {
	k := xfrKey(t)
	s := &serve.Server{Keys: []serve.Key{k}, Default: withKey(k)}
	require.NoError(t, s.Publish(t.Context(), zone(t, origin, 1)))
	addr := start(t, s)
	key, err := tsig.NewKey(k.Name, k.Algorithm, k.Secret)
	require.NoError(t, err)
	raw, err := new(dns.Msg).SetAxfr(origin + ".").Pack()
	require.NoError(t, err)
	body, r, err := tsig.Split(key.Chain(nil).Sign(raw, time.Now()))
	require.NoError(t, err)
	for size, want := range map[int]int{16: dns.RcodeNotAuth, 31: dns.RcodeNotAuth, 15: dns.RcodeFormatError, 0: dns.RcodeFormatError} {
		cut := *r
		cut.MAC = r.MAC[:size]
		got := first(t, addr, cut.Append(append([]byte(nil), body...)))
		require.Equal(t, want, got.Rcode, size)
		if want != dns.RcodeNotAuth {
			require.Nil(t, got.IsTsig())
			continue
		}
		require.Equal(t, uint16(dns.RcodeBadTrunc), got.IsTsig().Error)
		require.Equal(t, uint16(32), got.IsTsig().MACSize)
	}
	cut := *r
	cut.MAC = append([]byte{r.MAC[0] ^ 1}, r.MAC[1:20]...)
	require.Equal(t, uint16(dns.RcodeBadSig), first(t, addr, cut.Append(append([]byte(nil), body...))).IsTsig().Error)
	require.Zero(t, s.Stats().AXFR)
}

// Secondaries by name are asked at each of their addresses.
func TestSecondariesByName(t *testing.T) {
	s := &serve.Server{}
	require.NoError(t, s.Publish(t.Context(), zone(t, origin, 9)))
	addr := start(t, s)
	_, number, err := net.SplitHostPort(addr.String())
	require.NoError(t, err)
	sec := &serve.Secondaries{
		Servers: []string{"unused"},
		ServersOf: func(zone string) []string {
			if zone != origin {
				return nil
			}
			return []string{"ns1.test:" + number, "none.test", "broken.test:" + number, "bad:port:" + number}
		},
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			switch host {
			case "ns1.test":
				return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("127.0.0.9")}, nil
			case "none.test":
				return nil, nil
			}
			return nil, errors.New("no such name")
		},
		Wait: patience,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "127.0.0.9:"+number {
				return nil, errors.New("no way there")
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	got, err := sec.Served(t.Context(), origin)
	require.Equal(t, map[string]uint32{"ns1.test (" + addr.String() + ")": 9}, got)
	for _, want := range []string{`"none.test": it has no address`, `"broken.test:` + number + `": no such name`, "ns1.test (127.0.0.9:" + number + "): udp: no way there", "no such name"} {
		require.ErrorContains(t, err, want)
	}
	_, err = sec.Served(t.Context(), "other.test")
	require.ErrorContains(t, err, `"unused": no such name`)
	_, err = sec.Served(t.Context(), "a..b")
	require.Error(t, err)
}
