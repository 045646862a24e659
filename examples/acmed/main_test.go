package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/mythic"
	"github.com/mythic-beasts/hostkit/acme/rfc2136"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

func TestMain(m *testing.M) {
	if linkName(os.Args[0]) != nil { // it needs the path that it was called by
		main()
	}
	testscript.Main(m, map[string]func(){"acmed": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true})
}

// The reference, with its files elsewhere.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("reference.toml")
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	secret := write("secret", "c2VjcmV0IHNlY3JldA==\n")
	moved := regexp.MustCompile(`\{ file = "[^"]*" \}`).ReplaceAllString(string(text), `{ file = "`+secret+`" }`)
	moved = regexp.MustCompile(`(?m)^ca = .*`).ReplaceAllString(moved, `ca = "`+write("ca.pem", selfSigned(t))+`"`)
	cfg, err := daemon.Load(write("acmed.toml", moved), (*config).check)
	require.NoError(t, err)

	account := cfg.Accounts["letsencrypt"]
	eab, err := account.EAB.eab()
	require.NoError(t, err)
	require.Equal(t, &acme.EAB{KeyID: "kid-1", HMAC: []byte("secret secret")}, eab)
	s, err := cfg.solver(nil)
	require.NoError(t, err)
	all := s.Provider.(*providers)
	for name, want := range map[string]any{
		"_acme-challenge.example.com.": &mythic.V2{}, "_acme-challenge.www.example.org.": &mythic.V1{},
		"x.acme.example.com": &rfc2136.Provider{}, "notacme.example.com": &mythic.V2{},
	} {
		got, err := all.of(name)
		require.NoError(t, err, name)
		require.IsType(t, want, got, name)
	}
	_, err = all.of("notexample.org.")
	require.ErrorContains(t, err, `no DNS service has "notexample.org"`)
	require.Equal(t, []time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute, 24 * time.Hour}, cfg.Policy.policy().Backoff)
	require.Equal(t, acme.Request{
		Names: []string{"example.com", "*.example.com"}, KeyType: acme.EC256, Profile: "tlsserver", PreferredChain: "ISRG Root X1",
	}, cfg.request(&cfg.Certificates[0]))
	require.Empty(t, cfg.changed(&cfg.Settings))
	other := cfg.Settings
	other.Parallel, other.Store.Keep = 3, 4
	require.Equal(t, []string{"parallel", "store"}, cfg.changed(&other))
}

func TestLinkNames(t *testing.T) {
	for path, want := range map[string]string{
		"/usr/local/sbin/acmed": "", "acmed": "", "/x/acmed-dehydrated": "hook dehydrated", "acmed-lego": "hook lego",
		"/etc/acmed-certbot-auth": "hook certbot auth", "/hooks/deploy-challenge.d/acmed-run-parts": "hook run-parts deploy-challenge.d",
	} {
		require.Equal(t, want, strings.Join(linkName(path), " "), path)
	}
	t.Setenv(configVariable, "/etc/other.toml")
	require.Equal(t, []string{"-config", "/etc/other.toml", "hook", "lego"}, linkName("acmed-lego"))
}
