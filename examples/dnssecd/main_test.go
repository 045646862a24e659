package main

import (
	"crypto/tls"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/parent/epp"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dnssecd": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true})
}

// The reference, with its secrets in other files.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("reference.toml")
	require.NoError(t, err)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("c2VjcmV0IHNlY3JldA==\n"), 0o600))
	moved := regexp.MustCompile(`\{ file = ".*" \}`).ReplaceAllString(string(text), `{ file = "`+secret+`" }`)
	file := filepath.Join(t.TempDir(), "dnssecd.toml")
	require.NoError(t, os.WriteFile(file, []byte(moved), 0o600))
	c, err := daemon.Load(file, (*config).check)
	require.NoError(t, err)
	require.Equal(t, []serve.Key{{Name: "secondaries.example.", Algorithm: "hmac-sha256", Secret: []byte("secret secret")}}, c.keys())
	for name, p := range c.Parents {
		_, err := p.driver(&c.Settings, nil, nil)
		if p.CA == "" {
			require.NoError(t, err, name)
		}
	}
	p, err := c.Policies["default"].policy("")
	require.NoError(t, err)
	require.Equal(t, rotate.KSKZSK, p.Scheme)
	require.Equal(t, 90*24*time.Hour, p.ZSKLifetime)
	require.Equal(t, 14*24*time.Hour, p.Validity.Lifetime)
	z, ok := c.zone("example.com.")
	require.True(t, ok)
	require.Len(t, z.access().Transfer, 2)
	require.Len(t, z.access().Notify, 2)
	require.Equal(t, "secondaries.example.", z.access().Notify[0].Key)
}

// Each kind of parent becomes what it says.
func TestParents(t *testing.T) {
	s := &Settings{TSIG: []tsigConfig{{Name: "k.example", Secret: daemon.NewSecret("c2VjcmV0")}}}
	update := netip.MustParseAddrPort("192.0.2.1:53")
	for _, tt := range []struct {
		config parentConfig
		want   []parent.Submitter
	}{
		{parentConfig{Kind: kindCDS}, nil},
		{parentConfig{Kind: kindCDS, Notify: true}, []parent.Submitter{&parent.Notify{}}},
		{parentConfig{Kind: kindUpdate, Update: update, Key: "K.example.", Zone: "example"}, []parent.Submitter{&parent.Update{
			Server: update, Zone: "example", Key: parent.TSIG{Name: "k.example.", Algorithm: "hmac-sha256.", Secret: "c2VjcmV0"},
		}}},
		{parentConfig{Kind: kindEPP, EPP: "nic:700", User: "u", Password: daemon.NewSecret("p"), Urgent: true}, []parent.Submitter{&epp.Client{
			Addr: "nic:700", User: "u", Password: "p", Urgent: true, TLS: &tls.Config{MinVersion: tls.VersionTLS12},
		}}},
	} {
		d, err := tt.config.driver(s, nil, nil)
		require.NoError(t, err)
		require.Equal(t, tt.want, d.Submitters, tt.config.Kind)
		require.IsType(t, &parent.Poller{}, d.Observer)
	}
}
