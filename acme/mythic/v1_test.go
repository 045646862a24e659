package mythic_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/mythic"
)

// The commands of a domain are one transaction, exact, and never REPLACE.
func TestV1Commands(t *testing.T) {
	dns := acmetest.NewDNS(t, acmetest.DNSOptions{})
	m := acmetest.NewMythic(t, dns, acmetest.MythicOptions{})
	sent := &bodies{next: m.Client().Transport}
	c := v1(m)
	c.HTTP = &http.Client{Transport: sent}
	a, b := txt("_acme-challenge.example.com.", "-a"), txt("_acme-challenge.www.example.com.", "b; c (d)")
	require.NoError(t, c.AddTXT(t.Context(), a, b))
	require.Equal(t, []string{"-a"}, dns.TXT(a.Name))
	require.Equal(t, []string{"b; c (d)"}, dns.TXT(b.Name))
	require.NoError(t, c.DeleteTXT(t.Context(), b, a))
	require.Empty(t, m.Records("example.com"))

	var commands [][]string
	for _, body := range sent.all {
		form, err := url.ParseQuery(body)
		require.NoError(t, err)
		require.Equal(t, []string{"example.com"}, form["domain"])
		require.Equal(t, []string{acmetest.MythicPassword}, form["password"])
		commands = append(commands, form["command"])
	}
	require.Equal(t, [][]string{
		{"ADD _acme-challenge 30 TXT -a", `ADD _acme-challenge.www 30 TXT "b; c (d)"`},
		{`DELETE _acme-challenge.www 30 TXT "b; c (d)"`, "DELETE _acme-challenge 30 TXT -a"},
	}, commands)
	for _, r := range m.Requests() {
		require.Empty(t, r.Query, "no password in an address")
	}
}

// What is there, or is not, is no error; the rest of the transaction is made up for.
func TestV1Idempotent(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	c := v1(m)
	a, b, other := txt("_acme-challenge.example.com.", "a"), txt("_acme-challenge.example.com.", "b"), txt("_acme-challenge.example.com.", "other")
	require.NoError(t, c.AddTXT(t.Context(), a, other))
	require.NoError(t, c.AddTXT(t.Context(), a))
	require.NoError(t, c.AddTXT(t.Context(), b, a))
	require.Equal(t, []string{"_acme-challenge a", "_acme-challenge other", "_acme-challenge b"}, values(m, "example.com"))
	require.NoError(t, c.DeleteTXT(t.Context(), a))
	require.NoError(t, c.DeleteTXT(t.Context(), a))
	require.NoError(t, c.DeleteTXT(t.Context(), a, b))
	require.Equal(t, []string{"_acme-challenge other"}, values(m, "example.com"))
}

// A record that was added with another TTL, by another client, is deleted all the same.
func TestV1OtherTTL(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	m.AddRecord("example.com", acmetest.MythicRecord{Host: "_acme-challenge", TTL: 3600, Type: "TXT", Data: "a"})
	require.NoError(t, v1(m).DeleteTXT(t.Context(), txt("_acme-challenge.example.com.", "a")))
	require.Empty(t, m.Records("example.com"))
}

// What the API refuses is an error that names the command.
func TestV1Refusals(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	record := txt("_acme-challenge.example.com.", "v")
	refused := "NADD _acme-challenge 30 TXT v; Zone is locked\n"
	m.Fail(acmetest.MythicFault{Status: http.StatusOK, Body: refused})
	err := v1(m).AddTXT(t.Context(), record)
	require.ErrorContains(t, err, `"NADD _acme-challenge 30 TXT v; Zone is locked"`)
	require.ErrorContains(t, err, "add TXT _acme-challenge in domain example.com")

	m.Fail(acmetest.MythicFault{Status: http.StatusOK, Body: refused})
	m.Fail(acmetest.MythicFault{Status: http.StatusBadRequest, Body: "no list today"})
	err = v1(m).AddTXT(t.Context(), record)
	require.ErrorContains(t, err, "Zone is locked")
	require.ErrorContains(t, err, "no list today")

	// Less than all is confirmed, or something else is.
	for _, body := range []string{"", "OK", "DELETE _acme-challenge 30 TXT v", "ADDED", "<html>"} {
		m.Fail(acmetest.MythicFault{Status: http.StatusOK, Body: body})
		require.ErrorContains(t, v1(m).AddTXT(t.Context(), record), "0 of 1 commands were confirmed", body)
	}
	require.Empty(t, m.Records("example.com"))

	// The second attempt counts as the first does.
	require.NoError(t, v1(m).AddTXT(t.Context(), record))
	more := txt("_acme-challenge.example.com.", "w")
	m.Fail(acmetest.MythicFault{Status: http.StatusOK, Body: refused})
	m.Fail(acmetest.MythicFault{Status: http.StatusOK, Body: "_acme-challenge 30 TXT \"v\"\n"})
	m.Fail(acmetest.MythicFault{Status: http.StatusOK, Body: "NADD _acme-challenge 30 TXT w; Disk is full\n"})
	require.ErrorContains(t, v1(m).AddTXT(t.Context(), record, more), "Disk is full")

	m.Fail(acmetest.MythicFault{Status: http.StatusBadRequest, Body: "Bad command"})
	require.ErrorContains(t, v1(m).AddTXT(t.Context(), record), `answered 400: "Bad command"`)
}

func TestV1Passwords(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{
		Zones:     []string{"example.com", "sub.example.com", "notexample.com"},
		Passwords: map[string]string{"example.com": "one", "sub.example.com": "two", "notexample.com": "three"},
	})
	c := v1(m)
	c.Passwords = map[string]mythic.Secret{"Example.com.": "one", "sub.example.com": "two"}
	for name, want := range map[string]string{
		"_acme-challenge.example.com.":        "example.com.",
		"_acme-challenge.notsub.example.com.": "example.com.",
		"_acme-challenge.a.SUB.example.com":   "sub.example.com.",
	} {
		zone, err := c.ZoneOf(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, zone)
		require.NoError(t, c.AddTXT(t.Context(), txt(name, "v")))
	}
	require.Len(t, m.Records("example.com"), 2)
	require.Len(t, m.Records("sub.example.com"), 1)
	err := c.AddTXT(t.Context(), txt("_acme-challenge.notexample.com.", "v"))
	require.ErrorIs(t, err, fs.ErrNotExist, "the suffix ends in the middle of a label")
	require.ErrorContains(t, c.AddTXT(t.Context(), dns01.TXT{Zone: "com.", Name: "a.example.com.", Value: "v"}), "no password")

	c = v1(m)
	err = c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v"))
	require.ErrorIs(t, err, mythic.ErrUnauthorized)
	require.NotContains(t, err.Error(), acmetest.MythicPassword)
	c = &mythic.V1{Passwords: map[string]mythic.Secret{"example.com": ""}}
	require.ErrorContains(t, c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v")), "no password")
	c = &mythic.V1{Passwords: map[string]mythic.Secret{"exa mple.com": "p"}}
	_, err = c.ZoneOf(t.Context(), "example.com.")
	require.ErrorContains(t, err, "a domain of V1.Passwords")
}

func TestV1ManyValues(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	records := make([]dns01.TXT, 250)
	for i := range records {
		records[i] = txt(fmt.Sprintf("_acme-challenge.%d.example.com.", i), strings.Repeat("v", 43))
	}
	require.NoError(t, v1(m).AddTXT(t.Context(), records...))
	require.Len(t, m.Records("example.com"), 250)
	require.NoError(t, v1(m).DeleteTXT(t.Context(), records...))
	require.Empty(t, m.Records("example.com"))
	require.Len(t, m.Requests(), 6)
}
