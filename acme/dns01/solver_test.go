package dns01_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// resolve is how tests look up names: at the servers of a fake.
func resolve(d *acmetest.DNS) *dns01.DNS {
	return &dns01.DNS{
		Resolvers: []netip.AddrPort{d.Addr()}, Dial: d.Dial,
		Timeout: 10 * time.Second, // a loaded machine is no dead server
	}
}

// quick is a solver that looks often, for fakes that answer at once.
func quick(d *acmetest.DNS) *dns01.Solver {
	return &dns01.Solver{
		Provider: d, DNS: resolve(d),
		FirstPoll: 5 * time.Millisecond, MaxPoll: 20 * time.Millisecond, Timeout: time.Minute,
	}
}

func challenge(name, value string) acme.Challenge {
	return acme.Challenge{Type: acme.DNS01, Identifier: name, TXT: value}
}

func present(t *testing.T, s *dns01.Solver, ch acme.Challenge) acme.Presented {
	t.Helper()
	p, err := s.Present(t.Context(), ch)
	require.NoError(t, err)
	return p
}

func TestSolverAnswersAndCleansUp(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	s := quick(d)
	apex, wildcard := present(t, s, challenge("example.com", "one")), present(t, s, acme.Challenge{
		Type: acme.DNS01, Identifier: "EXAMPLE.com.", Wildcard: true, TXT: "two",
	})
	require.NoError(t, apex.Ready(t.Context()))
	require.NoError(t, wildcard.Ready(t.Context()))
	const name = "_acme-challenge.example.com."
	require.Equal(t, []string{"one", "two"}, d.TXT(name))
	require.NoError(t, apex.CleanUp(t.Context()))
	require.Equal(t, []string{"two"}, d.TXT(name))
	require.NoError(t, apex.CleanUp(t.Context()), "twice")
	require.NoError(t, wildcard.CleanUp(t.Context()))
	require.Empty(t, d.TXT(name))
}

// Every address of every server is asked, and nobody who remembers.
func TestSolverAsksAuthoritativeServersAlone(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{Servers: 3})
	s := quick(d)
	s.Zones, s.FollowCNAME = resolve(d), []string{"example.com"}
	p := present(t, s, challenge("www.example.com", "v"))
	require.NoError(t, p.Ready(t.Context()))
	asked := map[string]int{}
	for _, q := range d.Queries() {
		if strings.HasPrefix(q.Name, "_acme-challenge") {
			require.NotEqual(t, "resolver", q.Server, "it remembers what is not there: %v", q)
			if q.Type == "TXT" {
				asked[q.Server]++
			}
		}
	}
	require.Equal(t, map[string]int{"ns1.servers.test.": 2, "ns2.servers.test.": 2, "ns3.servers.test.": 2}, asked)
	require.NoError(t, p.CleanUp(t.Context()))
}

func TestReadyWaitsForTheSlowestServer(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	s := quick(d)
	d.Server(1).Hold()
	p := present(t, s, challenge("example.com", "v"))
	ready := make(chan error, 1)
	go func() { ready <- p.Ready(t.Context()) }()
	asked := func() bool { return len(d.Queries()) > 30 }
	require.Eventually(t, asked, time.Minute, time.Millisecond, "it looks again and again")
	select {
	case err := <-ready:
		require.Fail(t, "ready before the second server is", "%v", err)
	default:
	}
	d.Server(1).Release()
	require.NoError(t, <-ready)
}

func TestReadySaysWhoHasNot(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	s := quick(d)
	s.Timeout = 300 * time.Millisecond
	d.Server(1).Hold()
	err := present(t, s, challenge("example.com", "v")).Ready(t.Context())
	require.ErrorIs(t, err, dns01.ErrNotVisible)
	require.ErrorContains(t, err, "2 of 4 addresses of servers of example.com.")
	require.ErrorContains(t, err, "ns2.servers.test. (192.0.2.2): the record is not there yet")
	require.NotContains(t, err.Error(), "ns1")
}

// R3: when an order ends while it waits, its records go all the same.
func TestCleanUpAfterCancellation(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	s := quick(d)
	d.Server(0).Hold()
	ctx, cancel := context.WithCancel(t.Context())
	p, err := s.Present(ctx, challenge("example.com", "v"))
	require.NoError(t, err)
	ready := make(chan error, 1)
	go func() { ready <- p.Ready(ctx) }()
	require.Eventually(t, func() bool { return len(d.Queries()) > 10 }, time.Minute, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ready, context.Canceled)
	require.Equal(t, []string{"v"}, d.TXT("_acme-challenge.example.com."))
	require.NoError(t, p.CleanUp(ctx), "with a dead context too")
	require.Empty(t, d.TXT("_acme-challenge.example.com."))
}

// R5: orders of the same name at the same time each delete their own value.
func TestOrdersOfOneName(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	s := quick(d)
	const orders = 20
	stays := present(t, s, challenge("example.com", "stays"))
	var all sync.WaitGroup
	for i := range orders {
		all.Go(func() {
			value := fmt.Sprintf("order-%d", i)
			p, err := s.Present(t.Context(), challenge("example.com", value))
			if err == nil {
				err = p.Ready(t.Context())
			}
			if err != nil {
				t.Errorf("%s: %v", value, err)
				return
			}
			if err := p.CleanUp(t.Context()); err != nil {
				t.Errorf("%s: %v", value, err)
			}
		})
	}
	all.Wait()
	require.Equal(t, []string{"stays"}, d.TXT("_acme-challenge.example.com."))
	require.NoError(t, stays.CleanUp(t.Context()))
}

// An authority may give two orders the same challenge, and so the same value.
func TestOrdersOfOneValue(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	s := quick(d)
	one, two := present(t, s, challenge("example.com", "same")), present(t, s, challenge("example.com", "same"))
	require.NoError(t, one.CleanUp(t.Context()))
	require.Equal(t, []string{"same"}, d.TXT("_acme-challenge.example.com."))
	require.NoError(t, two.Ready(t.Context()))
	require.NoError(t, two.CleanUp(t.Context()))
	require.Empty(t, d.TXT("_acme-challenge.example.com."))
	require.Len(t, d.Writes(), 2)
}

// What could not be added may be there all the same, as after a time-out.
func TestPresentLeavesNothingBehind(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	s := quick(d)
	broken := errors.New("broken")
	s.Provider = failing{DNS: d, err: broken}
	_, err := s.Present(t.Context(), challenge("example.com", "v"))
	require.ErrorIs(t, err, broken)
	require.Empty(t, d.TXT("_acme-challenge.example.com."))
	require.Len(t, d.Writes(), 2, "added, and deleted")
}

// failing adds, and says that it did not.
type failing struct {
	*acmetest.DNS
	err error
}

func (f failing) AddTXT(ctx context.Context, records ...dns01.TXT) error {
	return errors.Join(f.err, f.DNS.AddTXT(ctx, records...))
}

func TestPresentRefuses(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	long := strings.Repeat("a.", 120) + "example.com"
	for what, ch := range map[string]acme.Challenge{
		"no name":       challenge("", "v"),
		"a long name":   challenge(long, "v"),
		"a long label":  challenge(strings.Repeat("a", 64)+".example.com", "v"),
		"a path":        challenge("../../etc.example.com", "v"),
		"a star inside": challenge("a.*.example.com", "v"),
		"another zone":  challenge("notexample.com", "v"),
		"another type":  {Type: acme.HTTP01, Identifier: "example.com", TXT: "v"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := quick(d).Present(t.Context(), ch)
			require.ErrorContains(t, err, "dns01: answer the challenge for")
		})
	}
	require.Empty(t, d.Writes())
	_, err := new(dns01.Solver).Present(t.Context(), challenge("example.com", "v"))
	require.ErrorContains(t, err, "no Provider")
}

// A finder's answer must be above the name, at a dot.
func TestZoneMustBeAboveTheName(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{Zones: []string{"example.com", "notexample.com"}})
	for _, zone := range []string{"example.com", "com.com.", "", "x.www.notexample.com."} {
		s := quick(d)
		s.Zones = fixed(zone)
		_, err := s.Present(t.Context(), challenge("www.notexample.com", "v"))
		require.ErrorContains(t, err, "is none above it", zone)
	}
	require.Empty(t, d.Writes())
}

type fixed string

func (f fixed) ZoneOf(context.Context, string) (string, error) { return string(f), nil }
