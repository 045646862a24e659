package acme_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
)

// Links are found if they are alternates, wherever they stand, and lead to absolute
// URLs.
func FuzzLink(f *testing.F) {
	f.Add("/cert/1/1", "alternate", `<https://ca.example/dir>;rel="index"`)
	f.Add("https://ca.example/x?a=1,2;b", "Alternate up", `</x>;rel=alternate;title="a, b; c=<d>"`)
	f.Add("//other.example/y", "up", `;;;,,,<`)
	f.Add("?q", "", `<a>;rel="x`)
	f.Fuzz(func(t *testing.T, target, rel, junk string) {
		const from = "https://ca.example/cert/1"
		for _, u := range acme.Alternates(from, junk, target) {
			parsed, err := url.Parse(u)
			require.NoError(t, err)
			require.True(t, parsed.IsAbs(), u)
		}
		require.LessOrEqual(t, len(acme.Alternates(from, junk, target)), acme.MaxAlternates)

		base, err := url.Parse(from)
		require.NoError(t, err)
		to, err := base.Parse(target)
		if err != nil || strings.ContainsAny(target, "<>") || strings.ContainsAny(rel, "\"\\;=") {
			return
		}
		found := acme.Alternates(from, `<`+target+`>; title=x; rel="`+rel+`"`)
		wanted := false
		for r := range strings.FieldsSeq(rel) {
			wanted = wanted || strings.EqualFold(r, "alternate")
		}
		if wanted {
			require.Equal(t, []string{to.String()}, found)
		} else {
			require.Empty(t, found)
		}
	})
}

// A chain that is accepted is what its certificates say and nothing else.
func FuzzChain(f *testing.F) {
	ca := acmetest.NewCA(f, acmetest.CAOptions{})
	key, err := acme.NewKey(acme.EC256)
	require.NoError(f, err)
	c := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key, AcceptTerms: true}
	cert, err := c.Obtain(f.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
	require.NoError(f, err)
	f.Add(cert.ChainPEM)
	f.Add(cert.KeyPEM)
	f.Add(append([]byte("a comment\n"), cert.ChainPEM...))
	f.Add(append(bytes.Clone(cert.ChainPEM), "a comment\n"...))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Add(bytes.Repeat(cert.ChainPEM, acme.MaxChain))
	f.Fuzz(func(t *testing.T, text []byte) {
		chain, err := acme.ParseChain(text)
		if err != nil {
			require.Nil(t, chain)
			return
		}
		require.NotEmpty(t, chain)
		require.LessOrEqual(t, len(chain), acme.MaxChain)
		var again []byte
		for _, link := range chain {
			again = append(again, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: link.Raw})...)
		}
		same, err := acme.ParseChain(again)
		require.NoError(t, err)
		require.Len(t, same, len(chain))
		for i, link := range chain {
			require.True(t, link.Equal(same[i]))
		}
	})
}

// A window that is accepted can be kept: it ends after it starts, and meets the life of
// the certificate.
func FuzzRenewalInfo(f *testing.F) {
	f.Add([]byte(`{"suggestedWindow":{"start":"2026-03-01T00:00:00Z","end":"2026-03-02T00:00:00Z"},"explanationURL":"https://x"}`))
	f.Add([]byte(`{"suggestedWindow":{"start":"2026-03-02T00:00:00Z","end":"2026-03-01T00:00:00Z"}}`))
	f.Add([]byte(`{"suggestedWindow":{"start":"0001-01-01T00:00:00Z","end":"9999-12-31T23:59:59.999999999+23:59"}}`))
	f.Add([]byte(`{"suggestedWindow":null}`))
	f.Add([]byte(`<html>503</html>`))
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: begin, NotAfter: begin.AddDate(0, 0, 90)}
	f.Fuzz(func(t *testing.T, body []byte) {
		var info acme.RenewalInfo
		if info.Read(body, leaf) != nil {
			require.Zero(t, info)
			return
		}
		require.True(t, info.End.After(info.Start))
		require.True(t, info.End.After(leaf.NotBefore))
		require.True(t, info.Start.Before(leaf.NotAfter))
		require.LessOrEqual(t, len(info.ExplanationURL), acme.MaxDetail+len("…"))
	})
}

// A wait is never negative, never endless, and the seconds that were written.
func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"0", "120", " 5 ", "-1", "+7", "1e9", "99999999999999999999", "Fri, 02 Jan 2026 00:00:00 GMT", "Friday, 02-Jan-26 00:00:00 GMT", "Fri Jan  2 00:00:00 2026"} {
		f.Add(v)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		d := acme.RetryAfter(value, now)
		require.GreaterOrEqual(t, d, time.Duration(0))
		require.LessOrEqual(t, d, 366*24*time.Hour)
		if n := new(big.Int); isDigits(strings.TrimSpace(value)) && len(value) < 8 {
			n.SetString(strings.TrimSpace(value), 10)
			require.Equal(t, time.Duration(min(n.Int64(), 366*24*3600))*time.Second, d)
		}
	})
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
