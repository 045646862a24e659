package dns01_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// world has a customer's zone and one of ours, on servers of their own.
func world(t *testing.T) (*acmetest.DNS, *dns01.Solver) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{Zones: []string{"customer.test", "test"}})
	d.AddZone("ours.test", d.AddServer(), d.AddServer())
	d.AddZone("notours.test", d.Server(0))
	s := quick(d)
	s.FollowCNAME = []string{"ours.test"}
	return d, s
}

func TestAliases(t *testing.T) {
	const from = "_acme-challenge.customer.test."
	for what, test := range map[string]aliases{
		"none":           {nil, from, ""},
		"one":            {[]string{from + " CNAME a.ours.test."}, "a.ours.test.", ""},
		"the zone":       {[]string{from + " CNAME ours.test."}, "ours.test.", ""},
		"several":        {[]string{from + " CNAME b.customer.test.", "b.customer.test. CNAME a.ours.test."}, "a.ours.test.", ""},
		"mixed case":     {[]string{from + " CNAME A.Ours.TEST."}, "a.ours.test.", ""},
		"not ours":       {[]string{from + " CNAME a.notours.test."}, "", "is in none of the allowed zones"},
		"out of ours":    {[]string{from + " CNAME a.ours.test.", "a.ours.test. CNAME a.notours.test."}, "", "is in none of the allowed zones"},
		"itself":         {[]string{from + " CNAME " + from}, "", "is an alias that leads back to " + from},
		"a loop":         {[]string{from + " CNAME a.ours.test.", "a.ours.test. CNAME " + from}, "", "leads back"},
		"nowhere":        {[]string{from + " CNAME a.nowhere.invalid."}, "", "no zone has it"},
		"too many":       chain(9),
		"as many as can": {chain(7).records, "h7.ours.test.", ""},
	} {
		t.Run(what, func(t *testing.T) {
			d, s := world(t)
			for _, record := range test.records {
				d.Add(record)
			}
			p, err := s.Present(t.Context(), challenge("customer.test", "v"))
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				require.Empty(t, d.Writes())
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{"v"}, d.TXT(test.to))
			require.NoError(t, p.Ready(t.Context()))
			require.NoError(t, p.CleanUp(t.Context()))
			require.Empty(t, d.TXT(test.to))
		})
	}
}

type aliases struct {
	records []string
	to      string // where the record goes
	err     string
}

func chain(n int) aliases {
	c := aliases{err: "leads through more than 8 aliases"}
	from := "_acme-challenge.customer.test."
	for i := 1; i <= n; i++ {
		to := fmt.Sprintf("h%d.ours.test.", i)
		c.records = append(c.records, from+" CNAME "+to)
		from = to
	}
	return c
}

// Nobody's record steers where we write, unless its zone was named.
func TestAliasesAreNotFollowedByThemselves(t *testing.T) {
	d, s := world(t)
	s.FollowCNAME, s.Timeout = nil, 200*time.Millisecond
	d.Add("_acme-challenge.customer.test. CNAME a.ours.test.")
	p := present(t, s, challenge("customer.test", "v"))
	require.Empty(t, d.TXT("a.ours.test."))
	d.Remove("_acme-challenge.customer.test. CNAME a.ours.test.")
	require.NoError(t, p.Ready(t.Context()))
}

func TestAliasIsSaidInTheError(t *testing.T) {
	d, s := world(t)
	s.FollowCNAME, s.Timeout = nil, 200*time.Millisecond
	s.Provider = nowhere{d}
	d.Add("_acme-challenge.customer.test. CNAME a.ours.test.")
	err := present(t, s, challenge("customer.test", "v")).Ready(t.Context())
	require.ErrorContains(t, err, "it is an alias of a.ours.test.: allow that zone by FollowCNAME")
}

func TestStaticDelegation(t *testing.T) {
	for _, from := range []string{"customer.test", "Customer.Test.", "_acme-challenge.customer.test"} {
		d, s := world(t)
		s.FollowCNAME = nil
		s.Delegation = map[string]string{from: "Customer.ours.test"}
		p := present(t, s, challenge("customer.test", "v"))
		require.NoError(t, p.Ready(t.Context()))
		require.Equal(t, []string{"v"}, d.TXT("customer.ours.test."))
		require.NoError(t, present(t, s, challenge("www.customer.test", "v")).Ready(t.Context()), "another name")
		require.Equal(t, []string{"v"}, d.TXT("_acme-challenge.www.customer.test."))
	}
	d, _ := world(t)
	for from, to := range map[string]string{"a..b": "x.ours.test", "customer.test": ""} {
		s := quick(d)
		s.Delegation = map[string]string{from: to}
		_, err := s.Present(t.Context(), challenge("customer.test", "v"))
		require.ErrorContains(t, err, "dns01: delegation of")
	}
}

// By NS records, at the name of the challenge or above: the zone below has the record.
func TestDelegatedZones(t *testing.T) {
	for _, zone := range []string{"_acme-challenge.customer.test", "sub.customer.test", "_acme-challenge.sub.customer.test"} {
		t.Run(zone, func(t *testing.T) {
			d, s := world(t)
			below := d.AddServer()
			d.AddZone(zone, below)
			s.Zones = resolve(d)
			name := "customer.test"
			if zone != "_acme-challenge.customer.test" {
				name = "sub.customer.test"
			}
			p := present(t, s, challenge(name, "v"))
			require.NoError(t, p.Ready(t.Context()))
			require.Equal(t, zone+".", d.Writes()[0][0].Zone)
			asked := false
			for _, q := range d.Queries() {
				asked = asked || q.Server == below.Name() && q.Type == "TXT"
			}
			require.True(t, asked)
		})
	}
}

// A provider that writes above the delegation writes where nobody looks.
func TestRecordAboveADelegation(t *testing.T) {
	d, s := world(t)
	d.AddZone("_acme-challenge.customer.test", d.AddServer())
	s.Zones, s.Timeout, s.FollowCNAME = fixed("customer.test"), 300*time.Millisecond, nil
	err := present(t, s, challenge("customer.test", "v")).Ready(t.Context())
	require.ErrorContains(t, err, "0 of 2 addresses of servers of _acme-challenge.customer.test. have")
}
