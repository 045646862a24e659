package acme_test

import (
	"crypto"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/stretchr/testify/require"
)

func TestRegister(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{TermsOfService: "https://ca.invalid/terms"})
	c := client(t, ca)
	c.Contacts = []string{"mailto:a@example.org"}
	first, err := c.Register(t.Context())
	require.NoError(t, err)
	require.True(t, first.Created)
	require.Equal(t, c.Contacts, first.Contacts)

	again := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: c.Key}
	found, err := again.Register(t.Context())
	require.NoError(t, err, "the terms were agreed to before")
	require.False(t, found.Created)
	require.Equal(t, first.URL, found.URL)

	known := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: c.Key, AccountURL: first.URL}
	before := ca.Requests(acmetest.CANewAccount)
	_, err = known.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
	require.NoError(t, err)
	require.Equal(t, before, ca.Requests(acmetest.CANewAccount))

	updated, err := known.UpdateContacts(t.Context())
	require.NoError(t, err)
	require.Empty(t, updated.Contacts)
	require.NoError(t, known.DeactivateAccount(t.Context()))
	_, err = known.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
	require.Equal(t, acme.Unauthorized, problem(t, err).Type)
}

func TestTerms(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{TermsOfService: "https://ca.invalid/terms"})
	c := client(t, ca)
	c.AcceptTerms = false
	_, err := c.Register(t.Context())
	require.ErrorContains(t, err, `"https://ca.invalid/terms": set AcceptTerms`)
}

func TestExternalAccount(t *testing.T) {
	secret := []byte("a secret of the customer's")
	ca := acmetest.NewCA(t, acmetest.CAOptions{EAB: map[string][]byte{"kid-1": secret}})
	c := client(t, ca)
	_, err := c.Register(t.Context())
	require.ErrorContains(t, err, "set EAB")

	wrong := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: c.Key, EAB: &acme.EAB{KeyID: "kid-1", HMAC: []byte("guessed secret")}}
	_, err = wrong.Register(t.Context())
	require.Equal(t, acme.Unauthorized, problem(t, err).Type)
	require.NotContains(t, err.Error(), "guessed secret")

	right := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: c.Key, EAB: &acme.EAB{KeyID: "kid-1", HMAC: secret}}
	a, err := right.Register(t.Context())
	require.NoError(t, err)
	found, err := c.Register(t.Context()) // without the binding
	require.NoError(t, err)
	require.Equal(t, a.URL, found.URL)
}

func TestAccountKeys(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	for _, typ := range []acme.KeyType{acme.EC256, acme.EC384, acme.RSA2048} {
		key, err := acme.NewKey(typ)
		require.NoError(t, err)
		c := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: hidden{key}}
		_, err = c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
		require.NoError(t, err)
	}
}

// hidden is a key that can sign and no more, as one in an HSM.
type hidden struct{ crypto.Signer }

func TestHiddenCertificateKey(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	cert, err := client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"a.example"}, Key: hidden{key}}, new(zone))
	require.NoError(t, err)
	require.Empty(t, cert.KeyPEM)
	_, err = acme.MarshalKey(hidden{key})
	require.Error(t, err)
}

func TestRolloverKey(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{BadNonces: 20})
	c := client(t, ca)
	a, err := c.Register(t.Context())
	require.NoError(t, err)
	next, err := acme.NewKey(acme.RSA2048)
	require.NoError(t, err)
	require.NoError(t, c.RolloverKey(t.Context(), next))
	require.ErrorContains(t, c.RolloverKey(t.Context(), next), "present one")
	_, err = c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
	require.NoError(t, err, "the same client goes on")

	found, err := (&acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: next}).Register(t.Context())
	require.NoError(t, err)
	require.Equal(t, a.URL, found.URL)
	fresh, err := (&acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: c.Key}).Register(t.Context())
	require.NoError(t, err)
	require.True(t, fresh.Created, "the old key has no account")
	require.Equal(t, 409, problem(t, c.RolloverKey(t.Context(), c.Key)).Status, "but now it has")
}

func TestRevoke(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	c := client(t, ca)
	obtain := func() *acme.Certificate {
		cert, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
		require.NoError(t, err)
		return cert
	}
	cert := obtain()
	require.ErrorContains(t, c.Revoke(t.Context(), cert.Leaf, 2), "no reason 2")
	require.NoError(t, c.Revoke(t.Context(), cert.Leaf, acme.KeyCompromise))
	reason, ok := ca.Revoked(cert.Leaf)
	require.True(t, ok)
	require.Equal(t, acme.KeyCompromise, reason)
	require.NoError(t, c.Revoke(t.Context(), cert.Leaf, acme.KeyCompromise), "twice is no error")

	cert, other := obtain(), client(t, ca)
	require.Equal(t, acme.Unauthorized, problem(t, other.Revoke(t.Context(), cert.Leaf, acme.Superseded)).Type)
	require.ErrorContains(t, other.RevokeWithKey(t.Context(), cert.Leaf, other.Key, acme.Superseded), "not its own")
	require.NoError(t, other.RevokeWithKey(t.Context(), cert.Leaf, cert.Key, acme.Superseded))
}

// Case R14: no way of printing shows a secret.
func TestSecretsAreNotPrinted(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	c := client(t, ca)
	cert, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
	require.NoError(t, err)
	eab := acme.EAB{KeyID: "kid-1", HMAC: []byte("SECRET SECRET")}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "cert", *cert, "eab", eab)
	for _, v := range []any{*cert, cert, eab, &eab, acme.Request{Key: cert.Key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
			_, _ = fmt.Fprintf(&log, verb+"\n", v)
		}
		text, err := json.Marshal(v)
		require.NoError(t, err)
		log.Write(text)
	}
	inner := strings.Split(string(cert.KeyPEM), "\n")[1]
	for _, secret := range []string{inner, "SECRET", "534543524554", "83 69 67", "PRIVATE"} {
		require.NotContains(t, log.String(), secret)
	}
}

func TestParseKey(t *testing.T) {
	for _, text := range []string{"", "no PEM", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"} {
		_, err := acme.ParseKey([]byte(text))
		require.Error(t, err)
		require.NotContains(t, err.Error(), "c2VjcmV0")
	}
	_, err := acme.NewKey(99)
	require.Error(t, err)
}
