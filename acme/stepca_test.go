package acme_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/internal/stepcatest"
	"github.com/stretchr/testify/require"
)

// stepCA is step-ca, an account there, and a solver for the DNS that it looks at.
func stepCA(t *testing.T) (*stepcatest.StepCA, *acme.Client, *dns01.Solver) {
	t.Helper()
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	ca := stepcatest.New(t, stepcatest.Options{DNS: d.Addr()})
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	c := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key, AcceptTerms: true, SameHost: true}
	s := &dns01.Solver{
		Provider: d, FirstPoll: 10 * time.Millisecond,
		DNS: &dns01.DNS{Resolvers: []netip.AddrPort{d.Addr()}, Dial: d.Dial, Timeout: 10 * time.Second},
	}
	t.Cleanup(func() {
		for _, call := range d.Writes() {
			for _, r := range call {
				require.Empty(t, d.TXT(r.Name), "cleaned up")
			}
		}
	})
	return ca, c, s
}

// A second implementation of the protocol, from an order to the revocation.
func TestRealStepCA(t *testing.T) {
	ca, c, s := stepCA(t)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Root())
	obtain := func(names ...string) *acme.Certificate {
		cert, err := c.Obtain(t.Context(), acme.Request{Names: names}, s)
		require.NoError(t, err)
		require.ElementsMatch(t, names, cert.Leaf.DNSNames)
		_, err = cert.Leaf.Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: pool(cert.Chain[1:]), DNSName: strings.Replace(names[0], "*", "www", 1),
		})
		require.NoError(t, err)
		return cert
	}
	first := obtain("example.com")
	obtain("*.example.com", "example.com")
	var thirty []string
	for i := range 30 {
		thirty = append(thirty, fmt.Sprintf("n%d.example.com", i))
	}
	obtain(thirty...)

	second := obtain("example.com")
	require.NotEqual(t, first.Leaf.SerialNumber, second.Leaf.SerialNumber)
	require.NotEqual(t, first.Leaf.PublicKey, second.Leaf.PublicKey)
	if _, err := c.RenewalInfo(t.Context(), first.Leaf); err != nil {
		require.ErrorIs(t, err, acme.ErrNoRenewalInfo)
	}
	again, err := c.Obtain(t.Context(), acme.Request{Names: []string{"example.com"}, Replaces: second.Leaf}, s)
	require.NoError(t, err)
	require.False(t, again.Replaced, "it has no ARI, so that nothing is sent")

	require.NoError(t, c.Revoke(t.Context(), first.Leaf, acme.Superseded))
	require.NoError(t, c.Revoke(t.Context(), first.Leaf, acme.Superseded), "twice is no error")
	require.NoError(t, c.RevokeWithKey(t.Context(), second.Leaf, second.Key, acme.KeyCompromise))
	_, stranger, _ := stepCA(t)
	stranger.Directory, stranger.HTTP = c.Directory, c.HTTP
	require.GreaterOrEqual(t, problem(t, stranger.Revoke(t.Context(), again.Leaf, acme.Superseded)).Status, 400)
}

func TestRealStepCARefuses(t *testing.T) {
	_, c, _ := stepCA(t)
	z := new(zone) // writes into no DNS
	_, err := c.Obtain(t.Context(), acme.Request{Names: []string{"www.example.com"}}, z)
	require.ErrorContains(t, err, "www.example.com")
	problem(t, err)
	z.requireClean(t)
}

// faulty counts the answers of 5xx.
type faulty struct {
	next http.RoundTripper

	mu     sync.Mutex
	faults map[string]int // by the resource; guarded by mu
}

func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := f.next.RoundTrip(r)
	if err == nil && resp.StatusCode >= 500 {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.faults[strings.Split(r.URL.Path, "/")[3]]++ // after /acme/acme/
	}
	return resp, err
}

// Its database refuses orders that come at the same time, by answers of 500.
func TestRealStepCAManyOrders(t *testing.T) {
	ca, c, s := stepCA(t)
	f := &faulty{next: ca.HTTPClient().Transport, faults: map[string]int{}}
	c.HTTP = &http.Client{Transport: f}
	var all sync.WaitGroup
	errs := make([]error, 100)
	for i := range errs {
		all.Go(func() {
			_, errs[i] = c.Obtain(t.Context(), acme.Request{Names: []string{fmt.Sprintf("n%d.example.com", i)}}, s)
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	t.Logf("answers of 5xx: %v", f.faults)
}
