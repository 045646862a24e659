package acmetest_test

import (
	"context"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

func TestDNSIsAProvider(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	acmetest.TestProvider(t, d, acmetest.ProviderTest{
		Zone:   "example.com",
		Lookup: func(_ testing.TB, name string) []string { return d.TXT(name) },
	})
}

// ask asks a server of the fake, or its resolver.
func ask(t *testing.T, d *acmetest.DNS, network, address, name string, typ uint16) (*dns.Msg, error) {
	t.Helper()
	return askFor(t, time.Minute, d, network, address, name, typ)
}

func askFor(t *testing.T, patience time.Duration, d *acmetest.DNS, network, address, name string, typ uint16) (*dns.Msg, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := d.Dial(ctx, network, address)
	require.NoError(t, err)
	c := &dns.Conn{Conn: conn}
	defer c.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	require.NoError(t, c.WriteMsg(new(dns.Msg).SetQuestion(name, typ)))
	return c.ReadMsg()
}

const (
	first  = "192.0.2.1:53"
	second = "[2001:db8::2]:53"
	name   = "_acme-challenge.example.com."
)

func TestDNSServersLag(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	values := func(address string) int {
		m, err := ask(t, d, "udp", address, name, dns.TypeTXT)
		require.NoError(t, err)
		return len(m.Answer)
	}
	d.Server(1).Hold()
	require.NoError(t, d.AddTXT(t.Context(), dns01.TXT{Name: name, Value: "v"}))
	require.Equal(t, 1, values(first))
	require.Equal(t, 1, values(d.Addr().String()))
	require.Zero(t, values(second))
	d.Server(1).Release()
	require.Equal(t, 1, values(second))
	d.SetTXT("example.com", name, []string{"v", "w"})
	require.Equal(t, []string{"v", "w"}, d.TXT(name))
	d.SetTXT("example.com", name, []string{"v"})
	require.Equal(t, 1, values(second))
	d.Server(1).SetLag(time.Hour)
	require.NoError(t, d.DeleteTXT(t.Context(), dns01.TXT{Name: name, Value: "v"}))
	require.Zero(t, values(first))
	require.Equal(t, 1, values(second))
}

func TestDNSFaults(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	for what, test := range map[string]struct {
		fault    acmetest.DNSFault
		udp, tcp answer
	}{
		"healthy":    {acmetest.DNSHealthy, good, good},
		"silent":     {acmetest.DNSSilent, nil, nil},
		"refuses":    {acmetest.DNSRefuses, rcode(dns.RcodeRefused), rcode(dns.RcodeRefused)},
		"SERVFAIL":   {acmetest.DNSServFails, rcode(dns.RcodeServerFailure), rcode(dns.RcodeServerFailure)},
		"lame":       {acmetest.DNSLame, lame, lame},
		"TCP only":   {acmetest.DNSTCPOnly, nil, good},
		"truncating": {acmetest.DNSTruncates, truncated, good},
		"forged":     {acmetest.DNSForged, forged, good},
	} {
		t.Run(what, func(t *testing.T) {
			d.Server(0).SetFault(test.fault)
			for network, want := range map[string]answer{"udp": test.udp, "tcp": test.tcp} {
				patience := time.Minute
				if want == nil { // silence
					patience = 200 * time.Millisecond
				}
				m, err := askFor(t, patience, d, network, first, "example.com.", dns.TypeSOA)
				if want == nil {
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
					continue
				}
				require.NoError(t, err)
				require.True(t, want(m), "by %s: %v", network, m)
			}
		})
	}
}

// answer says whether one is as expected; nil expects none.
type answer func(m *dns.Msg) bool

func good(m *dns.Msg) bool      { return m.Authoritative && len(m.Answer) == 1 }
func lame(m *dns.Msg) bool      { return !m.Authoritative && m.Rcode == 0 && len(m.Answer) == 0 }
func truncated(m *dns.Msg) bool { return m.Truncated }
func forged(m *dns.Msg) bool    { return m != nil }
func rcode(want int) answer     { return func(m *dns.Msg) bool { return m.Rcode == want } }

func TestDNSDelegatesAndChases(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	third := d.AddServer()
	d.AddZone("sub.example.com", third)
	m, err := ask(t, d, "udp", first, "a.sub.example.com.", dns.TypeTXT)
	require.NoError(t, err)
	require.False(t, m.Authoritative)
	require.Len(t, m.Ns, 1)
	require.Equal(t, third.Name(), m.Ns[0].(*dns.NS).Ns)
	require.Len(t, m.Extra, 2)

	d.Add("alias.example.com. 60 IN CNAME a.sub.example.com.")
	d.Add("loop.example.com. 60 IN CNAME loop.example.com.")
	require.NoError(t, d.AddTXT(t.Context(), dns01.TXT{Name: "a.sub.example.com.", Value: "v"}))
	m, err = ask(t, d, "tcp", d.Addr().String(), "alias.example.com.", dns.TypeTXT)
	require.NoError(t, err)
	require.Len(t, m.Answer, 2)
	m, err = ask(t, d, "tcp", d.Addr().String(), "loop.example.com.", dns.TypeTXT)
	require.NoError(t, err)
	require.Equal(t, dns.RcodeServerFailure, m.Rcode)
	last := d.Queries()[len(d.Queries())-1]
	require.Equal(t, acmetest.DNSQuery{Server: "resolver", Network: "tcp", Name: "loop.example.com.", Type: "TXT"}, last)
}

func TestDNSFamilies(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	d.Server(0).OnlyIPv6()
	d.Server(1).OnlyIPv4()
	for host, want := range map[string]struct{ v4, v6 int }{"ns1.servers.test.": {0, 1}, "ns2.servers.test.": {1, 0}} {
		m, err := ask(t, d, "udp", d.Addr().String(), host, dns.TypeA)
		require.NoError(t, err)
		require.Len(t, m.Answer, want.v4)
		m, err = ask(t, d, "udp", d.Addr().String(), host, dns.TypeAAAA)
		require.NoError(t, err)
		require.Len(t, m.Answer, want.v6)
	}
	_, err := d.Dial(t.Context(), "udp", first)
	require.Error(t, err)
	_, err = d.Dial(t.Context(), "udp", netip.MustParseAddrPort(second).Addr().String())
	require.Error(t, err, "no port")
}
