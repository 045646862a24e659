package acme_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/internal/pebbletest"
	"github.com/stretchr/testify/require"
)

func pebbleClient(t *testing.T, p *pebbletest.Pebble) *acme.Client {
	t.Helper()
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	return &acme.Client{
		Directory: p.URL(), HTTP: p.HTTPClient(), Key: key, AcceptTerms: true, SameHost: true,
		Poll: acme.PollPolicy{First: 5 * time.Millisecond},
	}
}

// dnsSolver writes the records of a zone into a DNS.
func dnsSolver(dns *acmetest.DNS, zoneName string) *zone {
	set := func(ch acme.Challenge, z *zone) {
		name := "_acme-challenge." + ch.Identifier + "."
		dns.SetTXT(zoneName, name, z.TXT(name))
	}
	z := new(zone)
	z.onReady = func(_ context.Context, ch acme.Challenge) error { set(ch, z); return nil }
	return z
}

func TestPebble(t *testing.T) {
	dns := acmetest.NewDNS(t, acmetest.DNSOptions{})
	dns.AddZone("example.org.", dns.AddServer())
	p := pebbletest.New(t, pebbletest.Options{DNS: dns.Addr(), BadNonces: 20, ChainLength: 3})
	z := dnsSolver(dns, "example.org.")
	cert, err := pebbleClient(t, p).Obtain(t.Context(), acme.Request{Names: []string{"www.example.org", "*.example.org", "b.example.org"}}, z)
	require.NoError(t, err)
	require.Len(t, cert.Chain, 4)
	roots := x509.NewCertPool()
	roots.AddCert(p.Root(0))
	_, err = cert.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "b.example.org", Intermediates: pool(cert.Chain[1:])})
	require.NoError(t, err)
	z.requireClean(t)
}

func TestPebbleRefusesWrongRecord(t *testing.T) {
	dns := acmetest.NewDNS(t, acmetest.DNSOptions{})
	dns.AddZone("example.org.", dns.AddServer())
	p := pebbletest.New(t, pebbletest.Options{DNS: dns.Addr()})
	z := new(zone) // writes into no DNS
	_, err := pebbleClient(t, p).Obtain(t.Context(), acme.Request{Names: []string{"www.example.org"}}, z)
	got := problem(t, err)
	require.Contains(t, []string{acme.Unauthorized, acme.DNS}, got.Type)
	require.Equal(t, "www.example.org", got.Identifier)
	z.requireClean(t)
}

// Case R16 on Pebble: many orders at once, refused nonces, names proved before.
func TestPebbleManyOrders(t *testing.T) {
	p := pebbletest.New(t, pebbletest.Options{BadNonces: 20, Reuse: 50})
	c := pebbleClient(t, p)
	z := new(zone)
	var all sync.WaitGroup
	errs := make([]error, 100)
	for i := range errs {
		all.Go(func() {
			names := []string{"shared.example.org", fmt.Sprintf("n%d.example.org", i)}
			_, errs[i] = c.Obtain(t.Context(), acme.Request{Names: names}, z)
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	z.requireClean(t)
}

func TestPebbleAccount(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	p := pebbletest.New(t, pebbletest.Options{EAB: map[string][]byte{"kid-1": secret}})
	c := pebbleClient(t, p)
	_, err := c.Register(t.Context())
	require.ErrorContains(t, err, "set EAB")
	bound := pebbleClient(t, p)
	bound.EAB = &acme.EAB{KeyID: "kid-1", HMAC: secret}
	account, err := bound.Register(t.Context())
	require.NoError(t, err)
	require.True(t, account.Created)

	next, err := acme.NewKey(acme.EC384)
	require.NoError(t, err)
	require.NoError(t, bound.RolloverKey(t.Context(), next))
	again := pebbleClient(t, p)
	again.Key = next
	found, err := again.Register(t.Context())
	require.NoError(t, err)
	require.Equal(t, account.URL, found.URL)
	_, err = again.Obtain(t.Context(), acme.Request{Names: []string{"a.example.org"}}, new(zone))
	require.NoError(t, err)
	again.Contacts = []string{"mailto:a@example.org"}
	updated, err := again.UpdateContacts(t.Context())
	require.NoError(t, err)
	require.Equal(t, again.Contacts, updated.Contacts)
	require.NoError(t, again.DeactivateAccount(t.Context()))
}

func TestPebbleChainsAndProfiles(t *testing.T) {
	p := pebbletest.New(t, pebbletest.Options{AlternateRoots: 2, Profiles: map[string]uint64{"long": 90 * 86400, "short": 6 * 86400}})
	c := pebbleClient(t, p)
	for n := range 3 {
		root := p.Root(n)
		cert, err := c.Obtain(t.Context(), acme.Request{
			Names: []string{"a.example.org"}, Profile: "short", PreferredChain: root.Subject.CommonName,
		}, new(zone))
		require.NoError(t, err)
		require.Equal(t, root.Subject.CommonName, cert.Chain[len(cert.Chain)-1].Issuer.CommonName)
		require.Less(t, cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore), 7*24*time.Hour)
	}
}

func TestPebbleRenewal(t *testing.T) {
	p := pebbletest.New(t, pebbletest.Options{RetryAfterAuthz: 1, RetryAfterOrder: 1})
	c := pebbleClient(t, p)
	c.Poll.MaxRetryAfter = 10 * time.Millisecond
	cert, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example.org"}}, new(zone))
	require.NoError(t, err)
	info, err := c.RenewalInfo(t.Context(), cert.Leaf)
	require.NoError(t, err)
	require.True(t, info.End.After(info.Start))

	other := leafOf(t, client(t, acmetest.NewCA(t, acmetest.CAOptions{})))
	_, err = c.RenewalInfo(t.Context(), other)
	require.GreaterOrEqual(t, problem(t, err).Status, 400)
	for _, text := range []string{"<html>", "{}", acmetest.RenewalWindow(cert.Leaf.NotAfter, cert.Leaf.NotBefore)} {
		p.SetRenewalInfo(cert.Leaf, text)
		got, err := c.RenewalInfo(t.Context(), cert.Leaf)
		require.Error(t, err)
		require.Zero(t, got)
	}

	second, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example.org"}, Replaces: cert.Leaf}, new(zone))
	require.NoError(t, err)
	require.True(t, second.Replaced)
	// That the first cannot be replaced once more is for acmetest's authority: Pebble
	// notes it without a lock, and the race detector would see nothing else.
	third, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example.org"}}, new(zone))
	require.NoError(t, err)
	require.NoError(t, c.Revoke(t.Context(), second.Leaf, acme.Superseded))
	require.NoError(t, c.Revoke(t.Context(), second.Leaf, acme.Superseded))
	require.NoError(t, c.RevokeWithKey(t.Context(), third.Leaf, third.Key, acme.KeyCompromise))
}
