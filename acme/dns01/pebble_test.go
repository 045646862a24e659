package dns01_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/internal/pebbletest"
)

// pebble is Pebble that looks at a DNS, and an account there.
func pebble(t *testing.T, zones ...string) (*acmetest.DNS, *acme.Client, string) {
	t.Helper()
	d := acmetest.NewDNS(t, acmetest.DNSOptions{Zones: zones})
	p := pebbletest.New(t, pebbletest.Options{DNS: d.Addr(), BadNonces: 10})
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	c := &acme.Client{
		Directory: p.URL(), HTTP: p.HTTPClient(), Key: key, AcceptTerms: true,
		Poll: acme.PollPolicy{First: 5 * time.Millisecond},
	}
	a, err := c.Register(t.Context())
	require.NoError(t, err)
	return d, c, a.URL
}

func obtain(t *testing.T, c *acme.Client, s acme.Solver, names ...string) error {
	t.Helper()
	cert, err := c.Obtain(t.Context(), acme.Request{Names: names}, s)
	if err != nil {
		return err
	}
	require.ElementsMatch(t, names, cert.Leaf.DNSNames)
	return nil
}

// Pebble looks at the record by itself, so that its outcome is the proof that ours is
// what the draft says.
func TestPebbleAccountChallenge(t *testing.T) {
	for _, types := range [][]string{{acme.DNSAccount01}, {acme.DNS01}, {acme.DNSAccount01, acme.DNS01}} {
		d, c, url := pebble(t, "example.com")
		s := quick(d)
		s.Challenges = types
		err := obtain(t, c, s, "example.com", "*.example.com", "www.example.com")
		require.NoError(t, err)
		want, err := dns01.RecordName(acme.Challenge{Type: types[0], Identifier: "www.example.com", AccountURL: url})
		require.NoError(t, err)
		var names []string
		for _, call := range d.Writes() {
			for _, r := range call {
				names = append(names, r.Name)
				require.Empty(t, d.TXT(r.Name), "cleaned up")
			}
		}
		require.Contains(t, names, want)
		require.Len(t, names, 6, "three added, three deleted")
	}
}

// Two accounts prove one name at once, each by a label of its own.
func TestPebbleTwoAccounts(t *testing.T) {
	d, one, _ := pebble(t, "example.com")
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	two := &acme.Client{Directory: one.Directory, HTTP: one.HTTP, Key: key, AcceptTerms: true, Poll: one.Poll}
	var all sync.WaitGroup
	errs := make([]error, 2)
	for i, c := range []*acme.Client{one, two} {
		all.Go(func() {
			s := quick(d)
			s.Challenges = []string{acme.DNSAccount01}
			errs[i] = obtain(t, c, s, "www.example.com")
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	names := map[string]bool{}
	for _, call := range d.Writes() {
		names[call[0].Name] = true
	}
	require.Len(t, names, 2)
}

// With the record in place, certificates need no change of the DNS.
func TestPebblePersist(t *testing.T) {
	const issuer = "pebble.invalid" // what Pebble is told to be
	d, c, url := pebble(t, "example.com")
	p := &dns01.Persist{DNS: resolve(d)}
	set := func(values ...string) {
		d.SetTXT("example.com", "_validation-persist.example.com", values)
	}
	err := obtain(t, c, p, "example.com")
	require.ErrorIs(t, err, dns01.ErrNoPersistRecord)
	require.ErrorContains(t, err, fmt.Sprintf("add _validation-persist.example.com. TXT %q", dns01.PersistValue(issuer, url, false, time.Time{})))

	good := map[string][]string{
		dns01.PersistValue(issuer, url, false, time.Time{}):                  {"example.com"},
		dns01.PersistValue(issuer, url, false, time.Now().Add(24*time.Hour)): {"example.com"},
		dns01.PersistValue(issuer, url, true, time.Time{}):                   {"example.com", "*.example.com"},
		dns01.PersistValue(issuer, url, true, time.Now().Add(24*time.Hour)):  {"*.example.com"},
	}
	for value, names := range good {
		set("another's text", value)
		for range 2 { // as it is renewed
			err := obtain(t, c, p, names...)
			require.NoError(t, err, value)
		}
	}
	require.Empty(t, d.Writes())
}

// What we refuse, Pebble refuses too: nothing of it is our own invention.
func TestPebbleRefusesPersist(t *testing.T) {
	const issuer = "pebble.invalid"
	d, c, url := pebble(t, "example.com")
	ours := &dns01.Persist{DNS: resolve(d)}
	for value, name := range map[string]string{
		dns01.PersistValue(issuer, url, false, time.Time{}):                 "*.example.com",
		dns01.PersistValue(issuer, url, true, time.Now().Add(-time.Hour)):   "example.com",
		dns01.PersistValue(issuer, url+"0", true, time.Time{}):              "example.com",
		dns01.PersistValue("other.invalid", url, true, time.Time{}):         "example.com",
		dns01.PersistValue(issuer, url, true, time.Time{}) + "; policy=all": "example.com",
		issuer + "; policy=wildcard":                                        "example.com",
		issuer + "; accounturi=" + url + ";":                                "example.com",
	} {
		d.SetTXT("example.com", "_validation-persist.example.com", []string{value})
		err := obtain(t, c, ours, name)
		require.ErrorIs(t, err, dns01.ErrNoPersistRecord, value)
		err = obtain(t, c, blind{}, name)
		var refused *acme.Error
		require.ErrorAs(t, err, &refused, value)
		require.Equal(t, "example.com", refused.Identifier)
	}
}

// blind says that the record is there without looking.
type blind struct{}

func (blind) Types() []string { return []string{acme.DNSPersist01} }

func (blind) Present(context.Context, acme.Challenge) (acme.Presented, error) { return blind{}, nil }

func (blind) Ready(context.Context) error   { return nil }
func (blind) CleanUp(context.Context) error { return nil }
