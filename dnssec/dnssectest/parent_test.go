package dnssectest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

const childZone = "child.test."

func parentDS(n int) rotate.DS {
	return rotate.DS{Tag: uint16(n), Algorithm: 13, DigestType: 2, Digest: fmt.Sprintf("%064x", n)}
}

func TestClock(t *testing.T) {
	var c dnssectest.Clock
	start := c.Now()
	require.Equal(t, 2026, start.Year())
	c.Advance(time.Hour)
	require.Equal(t, start.Add(time.Hour), c.Now())
	c.Advance(-2 * time.Hour)
	require.Equal(t, start.Add(-time.Hour), c.Now())
	c.Set(start)
	require.Equal(t, start, c.Now())
}

// Name servers are late by their lag, keep what they had when frozen, and signatures
// are made anew before they expire.
func TestParentOverTime(t *testing.T) {
	var c dnssectest.Clock
	p := dnssectest.NewParent(t, dnssectest.ParentOptions{Now: c.Now, Servers: 3})
	require.NoError(t, p.Delegate(childZone, "ns.child.test."))
	observed := func() (out [][]rotate.DS) {
		facts, err := p.Observe(t.Context(), childZone)
		require.NoError(t, err)
		for _, s := range facts.Servers {
			require.True(t, s.Answered)
			out = append(out, s.DS)
		}
		return out
	}
	p.SetLag(1, time.Hour)
	p.SetFault(2, dnssectest.Frozen)
	c.Advance(time.Minute)
	require.NoError(t, p.Submit(t.Context(), childZone, []rotate.DS{parentDS(1)}, nil))
	require.NoError(t, p.Submit(t.Context(), childZone, []rotate.DS{parentDS(1)}, []rotate.DS{parentDS(2)}))
	require.Equal(t, [][]rotate.DS{{parentDS(1)}, nil, nil}, observed())
	c.Advance(time.Hour)
	require.Equal(t, [][]rotate.DS{{parentDS(1)}, {parentDS(1)}, nil}, observed())
	p.SetFault(2, dnssectest.None)
	require.Equal(t, []rotate.DS{parentDS(1)}, observed()[2])
	p.SetFault(0, dnssectest.Silent)
	facts, err := p.Observe(t.Context(), childZone)
	require.NoError(t, err)
	require.False(t, facts.Servers[0].Answered)

	c.Advance(100 * 24 * time.Hour)
	for _, rr := range p.Zone().RRset(p.Zone().Origin(), dns.TypeRRSIG) {
		require.True(t, rr.(*dns.RRSIG).ValidityPeriod(c.Now()), rr)
	}
	require.ErrorContains(t, p.SetDS("a..b"), "label")
	require.Error(t, p.Delegate("child.example.", "ns.child.test."))
}

// scanned is a child whose servers the parent looks at.
type scanned struct {
	parent   *dnssectest.Parent
	clock    dnssectest.Clock
	key      *dnssec.Key
	zone     *dnssec.Zone
	ds       rotate.DS
	original *dnssec.Zone
}

func newScanned(t *testing.T) *scanned {
	t.Helper()
	s := &scanned{}
	s.parent = dnssectest.NewParent(t, dnssectest.ParentOptions{Now: s.clock.Now})
	require.NoError(t, s.parent.Delegate(childZone, "ns.child.test."))
	var err error
	s.key, err = dnssec.GenerateKey(childZone, dnssec.KeyOptions{SEP: true})
	require.NoError(t, err)
	s.original, err = dnssec.ParseZone(strings.NewReader("@ 60 SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"), childZone, dnssec.Options{})
	require.NoError(t, err)
	s.ds = s.want(t, s.key, dnssec.CSK(s.key))
	s.parent.SetChild(childZone, s.server, s.server)
	return s
}

func (s *scanned) server(network string, packet []byte) [][]byte {
	return dnssectest.ZoneServer(func() *dnssec.Zone { return s.zone })(network, packet)
}

// want makes the child ask for the DS of a key.
func (s *scanned) want(t *testing.T, key *dnssec.Key, uses ...dnssec.KeyUse) rotate.DS {
	t.Helper()
	ds, err := key.DS(dnssec.SHA256, 60)
	require.NoError(t, err)
	s.sign(t, uses, ds.ToCDS(), key.DNSKEY(60).ToCDNSKEY())
	return rotate.DS{Tag: ds.KeyTag, Algorithm: ds.Algorithm, DigestType: ds.DigestType, Digest: strings.ToLower(ds.Digest)}
}

func (s *scanned) sign(t *testing.T, uses []dnssec.KeyUse, rrs ...dns.RR) {
	t.Helper()
	unsigned, err := s.original.Update(func(tx *dnssec.Tx) error { return tx.Add(rrs...) })
	require.NoError(t, err)
	s.zone, _, err = (&dnssec.Signer{}).Sign(t.Context(), unsigned, nil, uses, s.clock.Now())
	require.NoError(t, err)
}

// A child from its first DS over a roll to none.
func TestScan(t *testing.T) {
	s := newScanned(t)
	scan := func() error { return s.parent.Scan(t.Context(), childZone) }
	require.NoError(t, scan())
	require.Equal(t, []rotate.DS{s.ds}, s.parent.DS(childZone))
	require.NoError(t, scan(), "nothing is new")

	next, err := dnssec.GenerateKey(childZone, dnssec.KeyOptions{SEP: true, Others: []*dnssec.Key{s.key}})
	require.NoError(t, err)
	s.want(t, next, dnssec.CSK(next))
	require.ErrorContains(t, scan(), "not signed by a key that the DS names")
	first := s.zone
	s.clock.Advance(time.Hour)
	want := s.want(t, next, dnssec.CSK(next), dnssec.CSK(s.key))
	require.NoError(t, scan())
	require.Equal(t, []rotate.DS{want}, s.parent.DS(childZone))
	s.zone = first
	require.ErrorContains(t, scan(), "older than what was taken before")

	third, err := dnssec.GenerateKey(childZone, dnssec.KeyOptions{SEP: true, Others: []*dnssec.Key{s.key, next}})
	require.NoError(t, err)
	s.want(t, third, dnssec.CSK(next))
	require.ErrorContains(t, scan(), "no key that the new DS names")

	remove, err := dns.NewRR(childZone + " 60 CDS 0 0 0 00")
	require.NoError(t, err)
	s.clock.Advance(time.Hour)
	s.sign(t, []dnssec.KeyUse{dnssec.CSK(next)}, remove, next.DNSKEY(60).ToCDNSKEY())
	require.ErrorContains(t, scan(), "do not ask for the same")
	s.sign(t, []dnssec.KeyUse{dnssec.CSK(next)}, remove)
	require.NoError(t, scan())
	require.Empty(t, s.parent.DS(childZone))
	require.NoError(t, scan())
	require.Error(t, s.parent.Scan(t.Context(), "other.test."))
	require.NotEmpty(t, s.parent.Scans())
}

func TestScanWantsAgreement(t *testing.T) {
	s := newScanned(t)
	other := newScanned(t)
	s.parent.SetChild(childZone, s.server, other.server)
	require.ErrorContains(t, s.parent.Scan(t.Context(), childZone), "server 1 has another")
	s.parent.SetChild(childZone, s.server, func(string, []byte) [][]byte { return nil })
	require.ErrorContains(t, s.parent.Scan(t.Context(), childZone), "no answer")
	s.parent.SetChild(childZone, dnssectest.AddrServer(dnssectest.ListenHandler(t, "127.0.0.1:0", s.server)))
	require.NoError(t, s.parent.Scan(t.Context(), childZone))
	require.Equal(t, []rotate.DS{s.ds}, s.parent.DS(childZone))
}

// Whether a first DS is right can be for somebody else to say.
func TestFirst(t *testing.T) {
	refused := errors.New("no signals")
	s := newScanned(t)
	p := dnssectest.NewParent(t, dnssectest.ParentOptions{
		Now:   s.clock.Now,
		First: func(context.Context, string) ([]rotate.DS, error) { return nil, refused },
	})
	require.NoError(t, p.Delegate(childZone, "ns.child.test."))
	p.SetChild(childZone, s.server)
	require.ErrorIs(t, p.Scan(t.Context(), childZone), refused)
}

// By real updates on a real socket, with a key or without.
func TestParentUpdates(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	p := dnssectest.NewParent(t, dnssectest.ParentOptions{KeyName: "key.", KeySecret: secret})
	require.NoError(t, p.Delegate(childZone, "ns.child.test."))
	addr := p.Listen(t)[0].String()
	send := func(zone, key string, fn func(m *dns.Msg)) int {
		m := new(dns.Msg).SetUpdate(zone)
		fn(m)
		c := &dns.Client{Net: "tcp", TsigSecret: map[string]string{"key.": key}}
		if key != "" {
			m.SetTsig("key.", dns.HmacSHA256, 300, time.Now().Unix())
		}
		answer, _, err := c.Exchange(m, addr)
		if key == secret {
			if answer.Rcode == dns.RcodeNotAuth {
				require.ErrorIs(t, err, dns.ErrAuth) // which is how the library says so
			} else {
				require.NoError(t, err)
			}
			require.NotNil(t, answer.IsTsig())
		}
		return answer.Rcode
	}
	ds, err := dns.NewRR("child.test. 60 DS 1 13 2 " + parentDS(1).Digest)
	require.NoError(t, err)
	insert := func(m *dns.Msg) { m.Insert([]dns.RR{ds}) }
	require.Equal(t, dns.RcodeRefused, send("test.", "", insert))
	require.Equal(t, dns.RcodeNotAuth, send("test.", "AAAA", insert))
	require.Equal(t, dns.RcodeNotAuth, send("other.", secret, insert))
	require.Empty(t, p.DS(childZone))
	require.Equal(t, dns.RcodeSuccess, send("test.", secret, insert))
	require.Equal(t, []rotate.DS{parentDS(1)}, p.DS(childZone))
	other := dns.Copy(ds)
	other.(*dns.DS).KeyTag = 9
	require.Equal(t, dns.RcodeNXRrset, send("test.", secret, func(m *dns.Msg) { m.Used([]dns.RR{dns.Copy(other)}) }))
	require.Equal(t, dns.RcodeYXRrset, send("test.", secret, func(m *dns.Msg) { m.RRsetNotUsed([]dns.RR{dns.Copy(ds)}) }))
	require.Equal(t, dns.RcodeSuccess, send("test.", secret, func(m *dns.Msg) { m.RemoveRRset([]dns.RR{dns.Copy(ds)}) }))
	require.Empty(t, p.DS(childZone))
	require.Equal(t, dns.RcodeNXRrset, send("test.", secret, func(m *dns.Msg) { m.RRsetUsed([]dns.RR{dns.Copy(ds)}) }))
}

// Conns of the network behave as sockets do where DNS clients notice.
func TestNetwork(t *testing.T) {
	var n dnssectest.Network
	p := dnssectest.NewParent(t, dnssectest.ParentOptions{Network: &n})
	for _, network := range []string{"udp", "tcp"} {
		c, err := n.Dial(t.Context(), network, "192.0.2.1:53")
		require.NoError(t, err)
		conn := &dns.Conn{Conn: c}
		require.Equal(t, "192.0.2.1:53", c.RemoteAddr().String())
		require.Equal(t, network, c.LocalAddr().Network())
		if network == "tcp" {
			for range 2 {
				require.NoError(t, conn.WriteMsg(new(dns.Msg).SetQuestion(p.Name(), dns.TypeSOA)))
				m, err := conn.ReadMsg()
				require.NoError(t, err)
				require.Len(t, m.Answer, 1)
			}
		}
		require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
		require.NoError(t, c.SetWriteDeadline(time.Unix(1, 0)))
		var timeout net.Error
		_, err = c.Read(make([]byte, 10))
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
		require.NoError(t, c.Close())
		_, err = c.Read(make([]byte, 10))
		require.Error(t, err)
	}
	_, err := n.Dial(t.Context(), "udp", "192.0.2.99:53")
	require.ErrorContains(t, err, "refused")
	_, err = n.Dial(t.Context(), "udp", "name:53")
	require.Error(t, err)
}
