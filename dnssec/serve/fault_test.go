package serve_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/stretchr/testify/require"
)

// Fetch gets what was published: all of it, then changes; and all of it again if the
// server does not have the snapshot any more.
func TestFetch(t *testing.T) {
	k := xfrKey(t)
	s := &serve.Server{Keys: []serve.Key{k}, Default: withKey(k), History: 2}
	versions := []*dnssec.Zone{zone(t, origin, 1, many(1000)...)}
	require.NoError(t, s.Publish(t.Context(), versions[0]))
	addr := start(t, s)
	p := serve.Primary{Addr: addr, Key: &k}
	got, err := serve.Fetch(t.Context(), origin, nil, p, serve.FetchLimits{})
	require.NoError(t, err)
	require.Equal(t, text(versions[0]), text(got))
	same, err := serve.Fetch(t.Context(), origin, got, p, serve.FetchLimits{})
	require.NoError(t, err)
	require.Same(t, got, same)
	for i := range uint32(4) {
		z := next(t, versions[i], 2+i, "new"+string(rune('a'+i)))
		versions = append(versions, z)
		require.NoError(t, s.Publish(t.Context(), z))
	}
	last := versions[4]
	for i, z := range versions[:4] {
		before := s.Stats()
		got, err := serve.Fetch(t.Context(), origin, z, p, serve.FetchLimits{})
		require.NoError(t, err)
		require.Equal(t, text(last), text(got))
		require.Equal(t, i >= 2, s.Stats().IXFR == before.IXFR+1, i)
		require.Equal(t, i < 2, s.Stats().AXFR == before.AXFR+1, i)
	}
	require.Error(t, s.Publish(t.Context(), zone(t, origin, 5, "other")), "same serial, other contents")
	require.NoError(t, s.Publish(t.Context(), last))
	name, err := dnssec.ParseName(origin)
	require.NoError(t, err)
	s.Remove(name)
	_, err = serve.Fetch(t.Context(), origin, nil, p, serve.FetchLimits{})
	require.ErrorContains(t, err, "NOTAUTH")
}

// A UDP question about changes gets them if they fit, and the SOA if not.
func TestIXFRByUDP(t *testing.T) {
	s := &serve.Server{Default: open()}
	a := zone(t, origin, 1, many(300)...)
	b := next(t, a, 2, "one")
	c := next(t, b, 3, many(400)[300:]...)
	addr := start(t, s)
	udp := func(serial uint32) []dns.RR {
		m := new(dns.Msg).SetIxfr(origin+".", serial, "ns.", "h.")
		client := dns.Client{Timeout: patience}
		got, _, err := client.ExchangeContext(t.Context(), m, addr.String())
		require.NoError(t, err)
		require.LessOrEqual(t, got.Len(), 512)
		return got.Answer
	}
	require.NoError(t, s.Publish(t.Context(), a))
	require.NoError(t, s.Publish(t.Context(), b))
	require.Len(t, udp(1), 5)
	require.Len(t, udp(2), 1)
	require.Len(t, udp(9), 1, "a serial of the future")
	require.NoError(t, s.Publish(t.Context(), c))
	require.Len(t, udp(1), 1, "too long")
}

// Who has no rule, another key, no key, or a signature that was there before, gets
// nothing.
func TestRefusals(t *testing.T) {
	k := xfrKey(t)
	other := k
	other.Name = "other.example"
	wrong := k
	wrong.Secret = []byte("another secret")
	s := &serve.Server{Keys: []serve.Key{k, other}, Default: withKey(k)}
	require.NoError(t, s.Publish(t.Context(), zone(t, origin, 1)))
	addr := start(t, s)
	for want, key := range map[string]*serve.Key{"REFUSED": &other, "BADSIG": &wrong, "says REFUSED": nil, "BADKEY": {Name: "nobody", Secret: k.Secret}} {
		_, err := serve.Fetch(t.Context(), origin, nil, serve.Primary{Addr: addr, Key: key}, serve.FetchLimits{})
		require.ErrorContains(t, err, want)
	}
	m := new(dns.Msg).SetAxfr(origin+".").SetTsig("xfr.example.", dns.HmacSHA256, 300, time.Now().Unix())
	raw, _, err := dns.TsigGenerate(m, secret64, "", false)
	require.NoError(t, err)
	require.Equal(t, dns.RcodeSuccess, first(t, addr, raw).Rcode)
	again := first(t, addr, raw)
	require.Equal(t, dns.RcodeNotAuth, again.Rcode)
	require.Equal(t, uint16(dns.RcodeBadTime), again.IsTsig().Error)
	m.SetTsig("xfr.example.", dns.HmacSHA256, 300, time.Now().Unix()-1000)
	raw, _, err = dns.TsigGenerate(m, secret64, "", false)
	require.NoError(t, err)
	late := first(t, addr, raw)
	require.Equal(t, uint16(dns.RcodeBadTime), late.IsTsig().Error)
	require.Len(t, late.IsTsig().OtherData, 12)
	require.NotEmpty(t, late.IsTsig().MAC)
	_, err = serve.ParseKey("hmac-sha1:k:" + secret64)
	require.NoError(t, err)
	bad := &serve.Server{Keys: []serve.Key{{Name: "k", Algorithm: serve.HMACSHA1, Secret: k.Secret}}}
	require.ErrorContains(t, bad.Serve(t.Context(), serve.Listeners{}), "refused")
}

// first sends octets by TCP and reads one message.
func first(t testing.TB, addr netip.AddrPort, raw []byte) *dns.Msg {
	c, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...))
	require.NoError(t, err)
	co := dns.Conn{Conn: c}
	m, err := co.ReadMsg()
	if m == nil {
		require.NoError(t, err)
	}
	return m
}

// A reader that stalls is cut off, gets the zone it asked for if it goes on, whatever
// is published meanwhile, and does not keep the server from its end.
func TestSlowReaders(t *testing.T) {
	old := zone(t, origin, 1, many(200_000)...)
	s := &serve.Server{Default: open(), Limits: serve.Limits{Write: 300 * time.Millisecond, Drain: 50 * time.Millisecond}}
	require.NoError(t, s.Publish(t.Context(), old))
	addr := start(t, s)
	raw, err := new(dns.Msg).SetAxfr(origin + ".").Pack()
	require.NoError(t, err)
	raw = append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)
	stalled, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	defer stalled.Close()
	_, err = stalled.Write(raw)
	require.NoError(t, err)
	eventually(t, "cut off", func() bool { return s.Stats().Aborted == 1 && s.Stats().Transferring == 0 })
}

func TestZoneReplacedDuringTransfer(t *testing.T) {
	old := zone(t, origin, 1, many(200_000)...)
	s := &serve.Server{Default: open()}
	require.NoError(t, s.Publish(t.Context(), old))
	l, addr := listen(t)
	stop := run(t, s, l)
	raw, err := new(dns.Msg).SetAxfr(origin + ".").Pack()
	require.NoError(t, err)
	c, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...))
	require.NoError(t, err)
	eventually(t, "it began", func() bool { return s.Stats().Transferring == 1 })
	require.NoError(t, s.Publish(t.Context(), next(t, old, 2, "new")))
	ended := make(chan struct{})
	go func() { defer close(ended); stop() }() // the server ends, after this transfer
	co, soas, records := dns.Conn{Conn: c}, 0, 0
	for soas < 2 {
		m, err := co.ReadMsg()
		require.NoError(t, err)
		for _, rr := range m.Answer {
			records++
			if soa, ok := rr.(*dns.SOA); ok {
				soas++
				require.Equal(t, uint32(1), soa.Serial)
			}
		}
	}
	require.Equal(t, old.Records()+1, records)
	_ = c.Close()
	<-ended
}

// Half a message, and a connection that ends in the middle of a transfer.
func TestBrokenConnections(t *testing.T) {
	s := &serve.Server{Default: open(), Limits: serve.Limits{Idle: 200 * time.Millisecond, Connections: 2}}
	require.NoError(t, s.Publish(t.Context(), zone(t, origin, 1, many(200_000)...)))
	addr := start(t, s)
	c, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	_, err = c.Write([]byte{0, 40, 1, 2})
	require.NoError(t, err)
	_, err = io.ReadAll(c) // closed by the server
	require.NoError(t, err)
	raw, err := new(dns.Msg).SetAxfr(origin + ".").Pack()
	require.NoError(t, err)
	first(t, addr, raw) // and closes
	eventually(t, "ended", func() bool { return s.Stats().Aborted == 1 && s.Stats().Transferring == 0 })
	got, err := serve.Fetch(t.Context(), origin, nil, serve.Primary{Addr: addr}, serve.FetchLimits{Records: 1000})
	require.ErrorContains(t, err, "more than 1000 records")
	require.Nil(t, got)
}

// Each change reaches a secondary: one that does not hear at first, or refuses; and
// once more when the program starts anew.
func TestNotify(t *testing.T) {
	k := xfrKey(t)
	l, addr := listen(t)
	sec := dnssectest.NewSecondary(t, dnssectest.SecondaryOptions{
		Primary: addr, Zones: []string{origin}, KeyName: "xfr.example.", KeySecret: secret64,
	})
	sec.SetDeaf(2)
	rules := withKey(k)
	rules.Notify = []serve.Peer{{Addr: sec.Addr(), Key: k.Name}}
	s := &serve.Server{Keys: []serve.Key{k}, Default: rules, Retry: serve.Retry{First: 50 * time.Millisecond, Max: 200 * time.Millisecond, Tries: 1000}}
	z := zone(t, origin, 1)
	require.NoError(t, s.Publish(t.Context(), z))
	stop := run(t, s, l)
	eventually(t, "the first", func() bool { return sec.Zone(origin) != nil && s.Stats().NotifyPending == 0 })
	require.GreaterOrEqual(t, s.Stats().NotifyFailed, uint64(2))
	sec.SetRefuse(true)
	for i := range uint32(10) {
		z = next(t, z, 2+i)
		require.NoError(t, s.Publish(t.Context(), z))
	}
	sec.SetRefuse(false)
	eventually(t, "the last", func() bool { got := sec.Serials(origin); return len(got) > 0 && got[len(got)-1] == 11 })
	served, err := (&serve.Secondaries{Servers: []string{sec.Addr().String()}}).Served(t.Context(), origin)
	require.NoError(t, err)
	require.Equal(t, map[string]uint32{sec.Addr().String(): 11}, served)
	stop()
	heard := sec.Notified()
	again := &serve.Server{Keys: []serve.Key{k}, Default: rules}
	require.NoError(t, again.Publish(t.Context(), z))
	start(t, again)
	eventually(t, "told again", func() bool { return sec.Notified() > heard })
	sec.SetSilent(true)
	_, err = (&serve.Secondaries{Servers: []string{sec.Addr().String()}, Wait: 50 * time.Millisecond}).Served(t.Context(), origin)
	require.ErrorContains(t, err, sec.Addr().String())
}

// A puller follows a primary: by NOTIFY, and whatever the primary sends it has a
// whole zone.
func TestPuller(t *testing.T) {
	k := xfrKey(t)
	primary := &serve.Server{Keys: []serve.Key{k}}
	l, addr := listen(t)
	pl, paddr := listen(t)
	rules := withKey(k)
	rules.Notify = []serve.Peer{{Addr: paddr, Key: k.Name}}
	primary.Default = rules
	z := zone(t, origin, 1, many(500)...)
	require.NoError(t, primary.Publish(t.Context(), z))
	run(t, primary, l)
	got := make(chan *dnssec.Zone, 10)
	p := &serve.Puller{Zone: origin, Primaries: []serve.Primary{{Addr: addr, Key: &k}}, MinWait: time.Hour, Changed: func(_ context.Context, z *dnssec.Zone) error {
		got <- z
		return nil
	}}
	run(t, &serve.Server{Keys: []serve.Key{k}, Notified: p.Notified}, pl)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	require.Equal(t, text(z), text(<-got))
	for i := range uint32(3) {
		z = next(t, z, 2+i, "pulled"+string(rune('a'+i)))
		require.NoError(t, primary.Publish(t.Context(), z))
		require.Equal(t, text(z), text(<-got))
	}
	eventually(t, "what Changed took is current", func() bool {
		current, expired := p.Current()
		return !expired && current.Serial() == z.Serial()
	})
	require.Equal(t, uint64(1), primary.Stats().AXFR)
	require.False(t, p.Notified(serve.Notification{Zone: z.Origin(), From: paddr}), "without the key")
	cancel()
	require.NoError(t, <-done)
}

func FuzzRequest(f *testing.F) {
	for _, m := range []*dns.Msg{new(dns.Msg).SetAxfr(origin + "."), new(dns.Msg).SetIxfr(origin+".", 1, "ns.", "h."), new(dns.Msg).SetNotify(origin + "."), new(dns.Msg).SetQuestion("a."+origin+".", dns.TypeA)} {
		raw, err := m.Pack()
		require.NoError(f, err)
		f.Add(raw)
	}
	s := &serve.Server{Default: open()}
	z, err := dnssec.ParseZone(strings.NewReader("@ 60 SOA ns h 1 2 3 4 5\n"), origin, dnssec.Options{})
	require.NoError(f, err)
	require.NoError(f, s.Publish(f.Context(), z))
	addr := start(f, s)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 60000 {
			return
		}
		c, err := net.Dial("udp", addr.String())
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write(raw)
		require.NoError(t, err)
		// The question after it has another ID, and is answered: the server lives.
		id := binary.BigEndian.Uint16(append(slices.Clone(raw), 0, 0))
		question := binary.BigEndian.AppendUint16(nil, ^id)
		_, err = c.Write(append(question, "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x04test\x00\x00\x06\x00\x01"...))
		require.NoError(t, err)
		require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
		buf := make([]byte, 65536)
		for answers := 0; ; answers++ {
			n, err := c.Read(buf)
			require.NoError(t, err)
			require.GreaterOrEqual(t, n, 12)
			require.NotZero(t, buf[2]&0x80, "an answer")
			if binary.BigEndian.Uint16(buf) == ^id {
				m := new(dns.Msg)
				require.NoError(t, m.Unpack(buf[:n]))
				require.Len(t, m.Answer, 1)
				return
			}
			require.Equal(t, id, binary.BigEndian.Uint16(buf))
			require.Zero(t, answers, "one to each")
			require.GreaterOrEqual(t, len(raw), 12)
			require.Zero(t, raw[2]&0x80, "to an answer")
			require.LessOrEqual(t, n, 1232)
			if binary.BigEndian.Uint16(raw[10:]) == 0 { // no EDNS
				require.LessOrEqual(t, n, 512)
			}
		}
	})
}
