package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	legodns01 "github.com/go-acme/lego/v4/challenge/dns01"
	"github.com/go-acme/lego/v4/providers/dns/mythicbeasts"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/mythic"
)

// fake is the DNS API, and the DNS that it writes into.
func fake(h *host) (*acmetest.DNS, *acmetest.Mythic) {
	d := acmetest.NewDNS(h, acmetest.DNSOptions{})
	return d, acmetest.NewMythic(h, d, acmetest.MythicOptions{Latency: 100 * time.Millisecond})
}

func ourMythic(m *acmetest.Mythic) *mythic.V2 {
	return &mythic.V2{KeyID: acmetest.MythicKeyID, Secret: acmetest.MythicSecret, API: m.API(), Login: m.Login(), HTTP: m.Client()}
}

// together calls n times at once, and returns how long all took.
func together(n int, call func(i int) error) (float64, error) {
	errs := make([]error, n)
	start := time.Now()
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = call(i) })
	}
	all.Wait()
	return time.Since(start).Seconds(), errors.Join(errs...)
}

// presents compares our client of the DNS API with lego's, without and with what our
// solver puts together.
func presents(ctx context.Context, rounds int, _ string) error {
	const records, least = 100, 20
	took, logins := map[string][]float64{}, map[string]int{}
	names := []string{"ours", "ours, by the solver", "lego"}
	for range rounds {
		for _, name := range names {
			seconds, n, err := presentAll(ctx, name, records)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			took[name], logins[name] = append(took[name], seconds), n
		}
	}
	for _, name := range names {
		fmt.Printf("  %-20s %8.3f s, logged in %d times\n", name, median(took[name]), logins[name])
	}
	for _, name := range names[:2] {
		var r []float64
		for i := range took[name] {
			r = append(r, took["lego"][i]/took[name][i])
		}
		want := float64(least)
		if name == "ours" {
			want = 0 // without what the solver is for
		}
		fmt.Printf("  %s: %s times faster%s\n", name, spread(r), goal("at least", want, median(r) >= want))
	}
	return nil
}

// presentAll adds records to a fresh fake.
func presentAll(ctx context.Context, name string, records int) (seconds float64, logins int, err error) {
	var h host
	defer h.cleanUp()
	d, m := fake(&h)
	var call func(i int) error
	switch name {
	case "ours":
		c := ourMythic(m)
		call = func(i int) error {
			return c.AddTXT(ctx, dns01.TXT{Name: fmt.Sprintf("_acme-challenge.n%d.example.com.", i), Value: "v"})
		}
	case "ours, by the solver":
		s := &dns01.Solver{Provider: ourMythic(m)}
		call = func(i int) error {
			_, err := s.Present(ctx, challenge(i))
			return err
		}
	default:
		p, err := legoMythic(d, m)
		if err != nil {
			return 0, 0, err
		}
		call = func(i int) error { return p.Present(fmt.Sprintf("n%d.example.com", i), "token", "key") }
	}
	seconds, err = together(records, call)
	if have := len(m.Records("example.com")); err == nil && have != records {
		err = fmt.Errorf("%d of %d records are there", have, records)
	}
	return seconds, m.Logins(), err
}

func challenge(i int) acme.Challenge {
	return acme.Challenge{Type: acme.DNS01, Identifier: fmt.Sprintf("n%d.example.com", i), TXT: fmt.Sprintf("v%d", i)}
}

func legoMythic(d *acmetest.DNS, m *acmetest.Mythic) (*mythicbeasts.DNSProvider, error) {
	legodns01.ClearFqdnCache()
	if err := legodns01.AddRecursiveNameservers([]string{d.Addr().String()})(nil); err != nil {
		return nil, err
	}
	config, err := mythicbeasts.NewDefaultConfig()
	if err != nil {
		return nil, err
	}
	config.UserName, config.Password, config.HTTPClient = acmetest.MythicKeyID, acmetest.MythicSecret, m.Client()
	if config.APIEndpoint, err = url.Parse(m.API()); err != nil {
		return nil, err
	}
	if config.AuthAPIEndpoint, err = url.Parse(m.Login()); err != nil {
		return nil, err
	}
	return mythicbeasts.NewDNSProviderConfig(config)
}

// coalesce counts the requests for challenges from their presentation to the clean-up.
func coalesce(ctx context.Context, rounds int, _ string) error {
	const least = 20
	for _, n := range []int{100, 1000} {
		var each []float64
		for range rounds {
			requests, seconds, err := coalesceOnce(ctx, n)
			if err != nil {
				return err
			}
			each = append(each, float64(n)/float64(requests))
			fmt.Printf("  %d challenges: %d requests, %.2f s\n", n, requests, seconds)
		}
		fmt.Printf("  %d challenges: %s for each request%s\n", n, spread(each), goal("at least", least, slices.Min(each) >= least))
	}
	return nil
}

func coalesceOnce(ctx context.Context, n int) (requests int, seconds float64, err error) {
	var h host
	defer h.cleanUp()
	d, m := fake(&h)
	s := &dns01.Solver{
		Provider: ourMythic(m), Coalesce: dns01.Coalesce{Window: time.Second}, FirstPoll: 50 * time.Millisecond,
		DNS: &dns01.DNS{Resolvers: []netip.AddrPort{d.Addr()}, Dial: d.Dial},
	}
	seconds, err = together(n, func(i int) error {
		p, err := s.Present(ctx, challenge(i))
		if err != nil {
			return err
		}
		return errors.Join(p.Ready(ctx), p.CleanUp(ctx))
	})
	if left := len(m.Records("example.com")); err == nil && left > 0 {
		err = fmt.Errorf("%d records are left", left)
	}
	return len(m.Requests()), seconds, err
}
