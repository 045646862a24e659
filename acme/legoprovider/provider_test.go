package legoprovider_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/challenge"
	legodns01 "github.com/go-acme/lego/v4/challenge/dns01"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/legoprovider"
)

const apex = "_acme-challenge.example.com."

func quick(d *acmetest.DNS) *dns01.Solver {
	return &dns01.Solver{
		Provider:  d,
		DNS:       &dns01.DNS{Resolvers: []netip.AddrPort{d.Addr()}, Dial: d.Dial, Timeout: 10 * time.Second},
		FirstPoll: 5 * time.Millisecond, MaxPoll: 20 * time.Millisecond, Timeout: time.Minute,
	}
}

func TestProvider(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	p := legoprovider.Wrap(quick(d))
	one, two := legodns01.GetChallengeInfo("example.com", "t.one").Value, legodns01.GetChallengeInfo("example.com", "t.two").Value
	require.NoError(t, p.Present("example.com", "t", "t.one"))
	require.NoError(t, p.Present("example.com", "t", "t.two"))
	require.NoError(t, p.Present("example.com", "t", "t.two"), "an authority may give the same again")
	require.ElementsMatch(t, []string{one, two}, d.TXT(apex))
	visible, err := p.PreCheck("example.com", apex, two, nil)
	require.NoError(t, err)
	require.True(t, visible)
	require.NoError(t, p.CleanUp("example.com", "t", "t.one"))
	require.NoError(t, p.CleanUp("example.com", "t", "t.two"))
	require.Equal(t, []string{two}, d.TXT(apex), "the other still needs it")
	require.NoError(t, p.CleanUp("example.com", "t", "t.two"))
	require.Empty(t, d.TXT(apex))
	require.NoError(t, p.CleanUp("example.com", "t", "t.two"), "nothing is left")
}

func TestProviderFails(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	broken := errors.New("it is broken")
	d.FailWrites(func(string, dns01.TXT) error { return broken })
	s := quick(d)
	s.Verifier, s.Timeout = never{}, 10*time.Millisecond
	p := legoprovider.Wrap(s)
	require.ErrorIs(t, p.Present("example.com", "t", "t.one"), broken)
	require.Error(t, p.Present("../x", "t", "t.one"))
	_, err := p.PreCheck("example.com", apex, "x", nil)
	require.ErrorContains(t, err, "no record")
	d.FailWrites(nil)
	require.NoError(t, p.Present("example.com", "t", "t.one"))
	_, err = p.PreCheck("example.com", apex, legodns01.GetChallengeInfo("example.com", "t.one").Value, nil)
	require.ErrorIs(t, err, dns01.ErrNotVisible)
	d.FailWrites(func(string, dns01.TXT) error { return broken })
	require.ErrorIs(t, p.CleanUp("example.com", "t", "t.one"), broken)
}

type never struct{}

func (never) Visible(context.Context, dns01.TXT) (bool, error) { return false, nil }

func TestTimeout(t *testing.T) {
	var p challenge.ProviderTimeout = legoprovider.Wrap(new(dns01.Solver))
	timeout, interval := p.Timeout()
	require.Equal(t, 5*time.Minute, timeout)
	require.Equal(t, 5*time.Second, interval)
	timeout, interval = legoprovider.Wrap(&dns01.Solver{Timeout: time.Hour, MaxPoll: time.Minute}).Timeout()
	require.Equal(t, time.Hour, timeout)
	require.Equal(t, time.Minute, interval)
}
