package acme_test

import (
	"context"
	"crypto/x509"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/stretchr/testify/require"
)

func TestCertID(t *testing.T) {
	// The example of RFC 9773 section 4.1.
	id, err := acme.CertID(&x509.Certificate{
		AuthorityKeyId: []byte{0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3, 0x7b, 0x84, 0x7b, 0xa0, 0xae, 0x2c, 0xde, 0x01, 0xc8, 0xd4},
		SerialNumber:   big.NewInt(0x87654321),
	})
	require.NoError(t, err)
	require.Equal(t, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", id)
	_, err = acme.CertID(&x509.Certificate{SerialNumber: big.NewInt(1)})
	require.Error(t, err)
}

func leafOf(t *testing.T, c *acme.Client) *x509.Certificate {
	t.Helper()
	cert, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
	require.NoError(t, err)
	return cert.Leaf
}

func TestRenewalInfo(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	c := client(t, ca)
	leaf := leafOf(t, c)
	info, err := c.RenewalInfo(t.Context(), leaf)
	require.NoError(t, err)
	id, err := acme.CertID(leaf)
	require.NoError(t, err)
	require.Equal(t, id, info.CertID)
	require.Equal(t, "https://ca.invalid/why", info.ExplanationURL)
	require.Equal(t, 6*time.Hour, info.RetryAfter)
	require.True(t, info.Start.After(leaf.NotBefore) && info.End.Before(leaf.NotAfter))

	require.NoError(t, c.Revoke(t.Context(), leaf, acme.Superseded))
	info, err = c.RenewalInfo(t.Context(), leaf)
	require.NoError(t, err)
	require.True(t, info.Start.Before(time.Now()), "a revoked one is for now")
}

// Case R1: what is no good answer is an error, and no window.
func TestRenewalInfoBad(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	c := client(t, ca)
	leaf := leafOf(t, c)
	in := func(start, end time.Duration) string {
		return acmetest.RenewalWindow(leaf.NotBefore.Add(start), leaf.NotBefore.Add(end))
	}
	const life = 90 * 24 * time.Hour
	for name, text := range map[string]string{
		"html":                  "<html>out of order</html>",
		"empty object":          "{}",
		"no end":                `{"suggestedWindow":{"start":"2026-01-01T00:00:00Z"}}`,
		"null":                  "null",
		"other type":            `{"suggestedWindow":[1,2]}`,
		"no time":               `{"suggestedWindow":{"start":"soon","end":"later"}}`,
		"end before start":      in(life/2, life/3),
		"end at start":          in(life/2, life/2),
		"another's, long past":  in(-life, -life/2),
		"1970":                  `{"suggestedWindow":{"start":"1970-01-01T00:00:00Z","end":"1970-01-02T00:00:00Z"}}`,
		"when it is too late":   in(life, life+time.Hour),
		"more than a body":      `{"suggestedWindow":` + strings.Repeat(" ", 1<<20) + `{}}`,
		"something after it":    in(life/3, life/2) + "{}",
		"a part of the message": in(life/3, life/2)[:40],
	} {
		t.Run(name, func(t *testing.T) {
			ca.SetRenewalInfo(leaf, text)
			info, err := c.RenewalInfo(t.Context(), leaf)
			require.Error(t, err)
			require.Zero(t, info)
			require.Less(t, len(err.Error()), 1000)
		})
	}
	ca.SetRenewalInfo(leaf, in(-time.Hour, time.Minute))
	_, err := c.RenewalInfo(t.Context(), leaf)
	require.NoError(t, err, "a past window of its own is one")
}

func TestRenewalInfoStatus(t *testing.T) {
	var status int
	ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, Intercept: func(w http.ResponseWriter, _ *http.Request, resource string) bool {
		if resource != acmetest.CARenewalInfo || status == 0 {
			return false
		}
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(acmetest.RenewalWindow(time.Now(), time.Now().Add(time.Hour))))
		return true
	}})
	c := client(t, ca)
	leaf := leafOf(t, c)
	for _, status = range []int{201, 204, 302, 304, 404, 429, 500, 503} {
		before := ca.Requests(acmetest.CARenewalInfo)
		info, err := c.RenewalInfo(t.Context(), leaf)
		require.Error(t, err, status)
		require.Zero(t, info)
		require.Equal(t, before+1, ca.Requests(acmetest.CARenewalInfo), "asked once")
		if status >= 400 {
			require.Equal(t, 5*time.Second, problem(t, err).RetryAfter)
		}
	}
	status = 200
	info, err := c.RenewalInfo(t.Context(), leaf)
	require.NoError(t, err)
	require.Equal(t, time.Minute, info.RetryAfter, "not more often")
}

func TestRenewalInfoNotOffered(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{NoRenewalInfo: true})
	c := client(t, ca)
	leaf := leafOf(t, c)
	_, err := c.RenewalInfo(t.Context(), leaf)
	require.ErrorIs(t, err, acme.ErrNoRenewalInfo)
	cert, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}, Replaces: leaf}, new(zone))
	require.NoError(t, err)
	require.False(t, cert.Replaced, "not sent")
}

func TestRenewalInfoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, Intercept: func(_ http.ResponseWriter, r *http.Request, resource string) bool {
			if resource == acmetest.CARenewalInfo {
				<-r.Context().Done()
				return true
			}
			return false
		}})
		c := client(t, ca)
		leaf := leafOf(t, c)
		start := time.Now()
		_, err := c.RenewalInfo(t.Context(), leaf)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(start))
	})
}
