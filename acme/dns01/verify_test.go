package dns01_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// nowhere is a provider that changes nothing.
type nowhere struct{ *acmetest.DNS }

func (nowhere) AddTXT(context.Context, ...dns01.TXT) error    { return nil }
func (nowhere) DeleteTXT(context.Context, ...dns01.TXT) error { return nil }

var record = dns01.TXT{Zone: "example.com.", Name: "_acme-challenge.Example.com.", Value: "v"}

// Faults of one of two servers, and who then believes that the record is there.
func TestFaults(t *testing.T) {
	for what, test := range map[string]struct {
		fault              acmetest.DNSFault
		all, lame, quorum2 bool
		says               string
	}{
		"healthy":           {acmetest.DNSHealthy, true, true, true, ""},
		"silent":            {acmetest.DNSSilent, false, true, true, "i/o timeout"},
		"refuses":           {acmetest.DNSRefuses, false, true, true, "the answer is REFUSED"},
		"SERVFAIL":          {acmetest.DNSServFails, false, true, true, "the answer is SERVFAIL"},
		"lame":              {acmetest.DNSLame, false, true, true, "the server does not serve the zone"},
		"TCP only":          {acmetest.DNSTCPOnly, true, true, true, ""},
		"truncated by UDP":  {acmetest.DNSTruncates, true, true, true, ""},
		"forged before TCP": {acmetest.DNSForged, true, true, true, ""},
	} {
		t.Run(what, func(t *testing.T) {
			d := acmetest.NewDNS(t, acmetest.DNSOptions{})
			require.NoError(t, d.AddTXT(t.Context(), record))
			d.Server(1).SetFault(test.fault)
			names := resolve(d)
			names.Dial = impatient(d, test.fault)
			for _, v := range []struct {
				verifier dns01.Verifier
				want     bool
			}{
				{&dns01.Authoritative{DNS: names}, test.all},
				{&dns01.Authoritative{DNS: names, IgnoreLame: true}, test.lame},
				{&dns01.Authoritative{DNS: names, Quorum: 2}, test.quorum2},
			} {
				seen, err := v.verifier.Visible(t.Context(), record)
				require.Equal(t, v.want, seen, "%v", err)
				if !v.want {
					require.ErrorContains(t, err, test.says)
				}
			}
			other := record
			other.Value = "w"
			for _, v := range []*dns01.Authoritative{{DNS: names}, {DNS: names, IgnoreLame: true}, {DNS: names, Quorum: 1}} {
				seen, err := v.Visible(t.Context(), other)
				require.False(t, seen, "another value")
				require.Error(t, err)
			}
		})
	}
}

// impatient does not wait for what the second server never answers, and for all else
// as long as it takes.
func impatient(d *acmetest.DNS, fault acmetest.DNSFault) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d.Dial(ctx, network, address)
		second := strings.HasPrefix(address, "192.0.2.2:") || strings.HasPrefix(address, "[2001:db8::2]")
		mute := fault == acmetest.DNSSilent || network == "udp" && (fault == acmetest.DNSTCPOnly || fault == acmetest.DNSForged)
		if err == nil && second && mute {
			err = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		}
		return conn, err
	}
}

// A server that has not the record yet is never ignored as a lame one is.
func TestStaleServers(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{Servers: 3})
	d.Server(2).Hold()
	require.NoError(t, d.AddTXT(t.Context(), record))
	for _, v := range []struct {
		verifier *dns01.Authoritative
		want     bool
	}{
		{&dns01.Authoritative{}, false}, {&dns01.Authoritative{IgnoreLame: true}, false},
		{&dns01.Authoritative{Quorum: 4}, true}, {&dns01.Authoritative{Quorum: 5}, false},
	} {
		v.verifier.DNS = resolve(d)
		seen, err := v.verifier.Visible(t.Context(), record)
		require.Equal(t, v.want, seen, "%v", err)
	}
	d.Server(2).Release()
	seen, err := (&dns01.Authoritative{DNS: resolve(d), Quorum: 100}).Visible(t.Context(), record)
	require.True(t, seen, "%v", err)
}

// Both families are asked; one that this machine does not have is left out.
func TestFamilies(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	d.Server(0).OnlyIPv6()
	d.Server(1).OnlyIPv4()
	d.Server(0).Hold()
	require.NoError(t, d.AddTXT(t.Context(), record))
	names := resolve(d)
	v := &dns01.Authoritative{DNS: names}
	seen, err := v.Visible(t.Context(), record)
	require.False(t, seen, "the IPv6 address is asked")
	require.ErrorContains(t, err, "1 of 2 addresses")
	require.ErrorContains(t, err, "2001:db8::1")

	names.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "[") {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
		}
		return d.Dial(ctx, network, address)
	}
	seen, err = v.Visible(t.Context(), record)
	require.True(t, seen, "%v", err)
	d.Server(1).SetFault(acmetest.DNSRefuses)
	seen, _ = v.Visible(t.Context(), record)
	require.False(t, seen, "nobody has shown it")
	_, err = (&dns01.Authoritative{DNS: names, IgnoreLame: true}).Visible(t.Context(), record)
	require.ErrorContains(t, err, "0 of 2")
}

func TestRecursiveOnly(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{Zones: []string{"example.com", "ours.test"}})
	s := quick(d)
	s.DNS.RecursiveOnly = true
	s.Zones, s.FollowCNAME = s.DNS, []string{"ours.test"}
	d.Add("_acme-challenge.www.example.com. CNAME a.ours.test.")
	for _, host := range []string{"example.com", "www.example.com"} {
		p := present(t, s, challenge(host, "v"))
		require.NoError(t, p.Ready(t.Context()))
	}
	require.Equal(t, []string{"v"}, d.TXT("a.ours.test."))
	for _, q := range d.Queries() {
		require.Equal(t, "resolver", q.Server, "others cannot be reached")
	}
	v := &dns01.Recursive{DNS: s.DNS}
	missing := dns01.TXT{Name: "_acme-challenge.example.com.", Value: "another"}
	seen, err := v.Visible(t.Context(), missing)
	require.False(t, seen)
	require.ErrorContains(t, err, "0 of 1 recursive servers have _acme-challenge.example.com. TXT")

	second := acmetest.NewDNS(t, acmetest.DNSOptions{}) // has nothing
	both := &dns01.DNS{Resolvers: []netip.AddrPort{d.Addr(), second.Addr()}, Timeout: time.Minute}
	has := dns01.TXT{Name: "_acme-challenge.example.com.", Value: "v"}
	seen, _ = (&dns01.Recursive{DNS: both}).Visible(t.Context(), has)
	require.False(t, seen)
	seen, err = (&dns01.Recursive{DNS: both, Quorum: 1}).Visible(t.Context(), has)
	require.True(t, seen, "%v", err)
}

// Zones by SOA records: whole labels, and never by asking a resolver for the name.
func TestZoneOf(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{Zones: []string{"test", "example.test", "notexample.test"}})
	d.AddZone("deep.sub.example.test", d.AddServer())
	names := resolve(d)
	for name, want := range map[string]string{
		"_acme-challenge.example.test":            "example.test.",
		"_acme-challenge.WWW.Example.test.":       "example.test.",
		"_acme-challenge.notexample.test":         "notexample.test.",
		"_acme-challenge.a.b.c.sub.example.test":  "example.test.",
		"_acme-challenge.deep.sub.example.test":   "deep.sub.example.test.",
		"_acme-challenge.a.deep.sub.example.test": "deep.sub.example.test.",
	} {
		zone, err := names.ZoneOf(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, zone)
	}
	for _, q := range d.Queries() {
		if q.Server == "resolver" {
			require.NotContains(t, q.Name, "_acme-challenge")
		}
	}
	for name, says := range map[string]string{"_acme-challenge.example.invalid": "no zone has it", "a..b": "no domain name", ".": "no domain name"} {
		_, err := names.ZoneOf(t.Context(), name)
		require.ErrorContains(t, err, says)
	}
	d.Server(0).SetFault(acmetest.DNSRefuses)
	d.Server(1).SetFault(acmetest.DNSLame)
	_, err := names.ZoneOf(t.Context(), "_acme-challenge.example.test")
	require.ErrorContains(t, err, "no server of example.test. answers")
}

func TestContextEndsLooking(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	d.Server(0).SetFault(acmetest.DNSSilent)
	names := resolve(d)
	names.Timeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := (&dns01.Authoritative{DNS: names}).Visible(ctx, record)
		done <- err
	}()
	asked := func() bool { return len(d.Queries()) > 8 }
	require.Eventually(t, asked, time.Minute, time.Millisecond)
	cancel()
	require.ErrorContains(t, <-done, "context canceled")
}
