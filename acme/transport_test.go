package acme_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/stretchr/testify/require"
)

// intercepted is an authority where one resource is answered by the test.
func intercepted(t *testing.T, resource string, answer http.HandlerFunc) *acmetest.CA {
	t.Helper()
	return acmetest.NewCA(t, acmetest.CAOptions{Intercept: func(w http.ResponseWriter, r *http.Request, got string) bool {
		if got == resource {
			answer(w, r)
		}
		return got == resource
	}})
}

func obtain(t *testing.T, c *acme.Client) error {
	t.Helper()
	_, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
	return err
}

// Case R14: https only, no redirect to elsewhere, bodies to a limit.
func TestDirectoryURL(t *testing.T) {
	for _, url := range []string{"", "http://ca.example/directory", "ca.example", "https://", "file:///etc/passwd", "https://%"} {
		c := client(t, acmetest.NewCA(t, acmetest.CAOptions{}))
		c.Directory = url
		require.ErrorContains(t, obtain(t, c), "not an https URL", url)
	}
	require.ErrorContains(t, obtain(t, &acme.Client{Directory: "https://ca.example"}), "Client.Key is nil")
}

func TestBadDirectory(t *testing.T) {
	for name, body := range map[string]string{
		"html":          "<html>",
		"nothing":       "{}",
		"http":          `{"newNonce":"http://ca.example/n","newAccount":"https://ca.example/a","newOrder":"https://ca.example/o"}`,
		"with user":     `{"newNonce":"https://u:p@ca.example/n","newAccount":"https://ca.example/a","newOrder":"https://ca.example/o"}`,
		"huge":          `{"x":"` + strings.Repeat("x", 1<<20) + `"}`,
		"other types":   `{"newNonce":1}`,
		"not a request": `{"newNonce":"https://ca.example/\u0001","newAccount":"","newOrder":""}`,
	} {
		t.Run(name, func(t *testing.T) {
			ca := intercepted(t, acmetest.CADirectory, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
			err := obtain(t, client(t, ca))
			require.ErrorContains(t, err, ca.URL())
			require.Less(t, len(err.Error()), 1000)
		})
	}
}

func TestRedirect(t *testing.T) {
	var visited atomic.Bool
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited.Store(true) }))
	defer elsewhere.Close()
	for _, resource := range []string{acmetest.CADirectory, acmetest.CANewNonce, acmetest.CANewAccount, acmetest.CANewOrder, acmetest.CACertificate} {
		for _, code := range []int{301, 302, 307, 308} {
			ca := intercepted(t, resource, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, code) })
			require.ErrorContains(t, obtain(t, client(t, ca)), "redirected")
		}
	}
	require.False(t, visited.Load())
}

func TestRedirectOnTheSameHost(t *testing.T) {
	var once atomic.Bool
	ca := acmetest.NewCA(t, acmetest.CAOptions{Intercept: func(w http.ResponseWriter, r *http.Request, got string) bool {
		if got == acmetest.CADirectory && !once.Swap(true) {
			http.Redirect(w, r, "/directory?again", http.StatusFound)
			return true
		}
		return false
	}})
	require.NoError(t, obtain(t, client(t, ca)))
}

func TestSameHost(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	c := client(t, ca)
	c.SameHost = true
	require.NoError(t, obtain(t, c))
	other := intercepted(t, acmetest.CADirectory, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"newNonce":"https://ca.example/n","newAccount":"https://ca.example/a","newOrder":"https://ca.example/o"}`))
	})
	c = client(t, other)
	c.SameHost = true
	require.ErrorContains(t, obtain(t, c), "the host of the directory")
}

func TestBadAnswers(t *testing.T) {
	for name, tt := range map[string]struct{ resource, body, want string }{
		"another's names":  {acmetest.CANewOrder, `{"status":"ready","identifiers":[{"type":"dns","value":"b.example"}]}`, "changed the names"},
		"more names":       {acmetest.CANewOrder, `{"status":"ready","identifiers":[{"type":"dns","value":"a.example"},{"type":"dns","value":"b.example"}]}`, "changed the names"},
		"an address":       {acmetest.CANewOrder, `{"status":"ready","identifiers":[{"type":"ip","value":"192.0.2.1"}]}`, `put a "ip"`},
		"no authorization": {acmetest.CANewOrder, `{"status":"pending","identifiers":[{"type":"dns","value":"a.example"}]}`, "0 authorizations"},
		"unknown state":    {acmetest.CANewOrder, `{"status":"\u001b[1m","identifiers":[{"type":"dns","value":"a.example"}]}`, `is "\x1b[1m"`},
		"invalid":          {acmetest.CANewOrder, `{"status":"invalid","error":{"detail":"why"},"identifiers":[{"type":"dns","value":"a.example"}]}`, `"why"`},
		"no JSON":          {acmetest.CANewOrder, `<html>`, "invalid character"},
		"another's name":   {acmetest.CAAuthz, `{"status":"pending","identifier":{"type":"dns","value":"victim.example"}}`, "not ordered"},
		"its wildcard":     {acmetest.CAAuthz, `{"status":"pending","wildcard":true,"identifier":{"type":"dns","value":"a.example"}}`, "not ordered"},
		"revoked":          {acmetest.CAAuthz, `{"status":"revoked","identifier":{"type":"dns","value":"a.example"}}`, `is "revoked"`},
		"odd token":        {acmetest.CAAuthz, `{"status":"pending","identifier":{"type":"dns","value":"a.example"},"challenges":[{"type":"dns-01","status":"pending","token":"../../x"}]}`, "not base64url"},
		"no chain":         {acmetest.CACertificate, `hello`, "no certificate"},
		"a key":            {acmetest.CACertificate, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", `PEM block "PRIVATE KEY"`},
		"no certificate":   {acmetest.CACertificate, "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n", "certificate 1"},
	} {
		t.Run(name, func(t *testing.T) {
			ca := intercepted(t, tt.resource, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://ca.example/order")
				_, _ = w.Write([]byte(tt.body))
			})
			require.ErrorContains(t, obtain(t, client(t, ca)), tt.want)
		})
	}
}

// The chain of another order, with another key, is refused.
func TestForeignChain(t *testing.T) {
	first := acmetest.NewCA(t, acmetest.CAOptions{})
	cert, err := client(t, first).Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
	require.NoError(t, err)
	ca := intercepted(t, acmetest.CACertificate, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(cert.ChainPEM) })
	require.ErrorContains(t, obtain(t, client(t, ca)), "another key")

	_, err = client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"b.example"}, Key: cert.Key}, new(zone))
	require.ErrorContains(t, err, `does not have the name "b.example"`)
}

// A 503 is tried again, and not for ever; a refusal without a document is one.
func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, Intercept: func(w http.ResponseWriter, _ *http.Request, got string) bool {
			if got == acmetest.CANewOrder {
				http.Error(w, "<b>gateway</b>\x1b[1m", http.StatusBadGateway)
			}
			return got == acmetest.CANewOrder
		}})
		start := time.Now()
		err := obtain(t, client(t, ca))
		p := problem(t, err)
		require.Equal(t, 502, p.Status)
		require.Empty(t, p.Type)
		require.ErrorContains(t, err, `"<b>gateway</b>\x1b[1m\n"`)
		require.Equal(t, 7, ca.Requests(acmetest.CANewOrder))
		require.Greater(t, time.Since(start), time.Second)
	})
}

func TestBadNoncesForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, BadNonces: 100})
		_, err := client(t, ca).Register(t.Context())
		require.Equal(t, acme.BadNonce, problem(t, err).Type)
		require.Equal(t, 21, ca.Requests(acmetest.CANewAccount))
		require.Equal(t, 1, ca.Requests(acmetest.CANewNonce), "each refusal brings the next nonce")
	})
}

// A nonce that has lain for long is not tried.
func TestOldNonces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true})
		c := client(t, ca)
		require.NoError(t, obtain(t, c))
		before := ca.Requests(acmetest.CANewNonce)
		require.NoError(t, obtain(t, c))
		require.Equal(t, before, ca.Requests(acmetest.CANewNonce))
		<-time.After(time.Hour)
		require.NoError(t, obtain(t, c))
		require.Equal(t, before+1, ca.Requests(acmetest.CANewNonce))
	})
}
