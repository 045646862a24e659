package hook_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/hook"
)

// asked is a verifier that keeps what it was asked about, and sees all.
type asked struct {
	mu    sync.Mutex // guards names
	names []string
}

func (a *asked) Visible(_ context.Context, r dns01.TXT) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.names, r.Name) {
		a.names = append(a.names, r.Name)
	}
	return true, nil
}

func auth(name, value, remaining string) func(string) string {
	return environment("CERTBOT_DOMAIN", name, "CERTBOT_VALIDATION", value,
		"CERTBOT_REMAINING_CHALLENGES", remaining, "CERTBOT_ALL_DOMAINS", "example.com,www.example.com,b.example.com")
}

func TestCertbotWaitsAtTheEndOnly(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	dir := filepath.Join(t.TempDir(), "state")
	call := func(phase string, getenv func(string) string) []string {
		seen := new(asked)
		h := process(d)
		h.Solver.Verifier, h.State = seen, dir
		require.NoError(t, h.Certbot(t.Context(), phase, getenv))
		slices.Sort(seen.names)
		return seen.names
	}
	require.Empty(t, call("auth", auth("gone.example.com", text("of a run that died"), "5")))
	require.Empty(t, call("auth", auth("example.com", text("a"), "2")))
	require.Empty(t, call("auth", auth("www.example.com", dashed(), "1")))
	require.Equal(t, []string{
		"_acme-challenge.b.example.com.", apex, "_acme-challenge.www.example.com.",
	}, call("auth", auth("b.example.com", text("c"), "0")))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "nothing is remembered of an order that is done")
	require.Empty(t, call("cleanup", auth("www.example.com", dashed(), "0")))
	require.Empty(t, d.TXT("_acme-challenge.www.example.com."))
	require.Equal(t, []string{text("a")}, d.TXT(apex))
}

func TestCertbotWithoutState(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	seen := new(asked)
	h := process(d)
	h.Solver.Verifier = seen
	require.NoError(t, h.Certbot(t.Context(), "auth", auth("example.com", text("a"), "1")))
	require.Empty(t, seen.names)
	require.NoError(t, h.Certbot(t.Context(), "auth", environment("CERTBOT_DOMAIN", "example.com", "CERTBOT_VALIDATION", text("b"))))
	require.Equal(t, []string{apex}, seen.names, "a certbot that does not count")
	require.NoError(t, process(d).Certbot(t.Context(), "cleanup", auth("example.com", text("a"), "0")))
	require.Equal(t, []string{text("b")}, d.TXT(apex))
}

// A file of the state that is broken, or that somebody else wrote, is for nothing.
func TestCertbotStateIsChecked(t *testing.T) {
	for what, content := range map[string]string{
		"cut off":  `{"remaining":1,"records":[{"na`,
		"bad name": `{"remaining":1,"time":"2999-01-01T00:00:00Z","records":[{"name":"../x","value":"` + text("x") + `"}]}`,
	} {
		d := acmetest.NewDNS(t, acmetest.DNSOptions{})
		h := process(d)
		h.State = t.TempDir()
		require.NoError(t, h.Certbot(t.Context(), "auth", auth("example.com", text("a"), "1")))
		files, err := filepath.Glob(filepath.Join(h.State, "*.json"))
		require.NoError(t, err)
		require.Len(t, files, 1)
		info, err := os.Stat(files[0])
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		require.NoError(t, os.WriteFile(files[0], []byte(content), 0o600))
		require.NoError(t, h.Certbot(t.Context(), "auth", auth("b.example.com", text("b"), "0")), what)
	}
}

func TestCertbotDeploys(t *testing.T) {
	var got hook.Deployment
	h := &hook.Hook{Deploy: func(_ context.Context, d hook.Deployment) error { got = d; return nil }}
	require.NoError(t, h.Certbot(t.Context(), "deploy", environment("RENEWED_DOMAINS", "example.com *.example.com", "RENEWED_LINEAGE", "/live/example.com")))
	require.Equal(t, hook.Deployment{
		Names: []string{"example.com", "*.example.com"}, Key: "/live/example.com/privkey.pem", Cert: "/live/example.com/cert.pem",
		FullChain: "/live/example.com/fullchain.pem", Chain: "/live/example.com/chain.pem",
	}, got)
}

func TestCertbotRefuses(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	h := process(d)
	h.Deploy = func(context.Context, hook.Deployment) error { t.Error("deployed"); return nil }
	for what, c := range map[string]struct {
		phase  string
		getenv func(string) string
	}{
		"phase":        {"renew", auth("example.com", text("a"), "0")},
		"nothing":      {"auth", environment()},
		"name":         {"auth", auth("../example.com", text("a"), "0")},
		"value":        {"cleanup", auth("example.com", "x", "0")},
		"number":       {"auth", auth("example.com", text("a"), "many")},
		"negative":     {"auth", auth("example.com", text("a"), "-1")},
		"http-01":      {"auth", environment("CERTBOT_DOMAIN", "example.com", "CERTBOT_VALIDATION", text("a"), "CERTBOT_TOKEN", "t")},
		"no names":     {"deploy", environment("RENEWED_LINEAGE", "/live/x")},
		"bad names":    {"deploy", environment("RENEWED_DOMAINS", "../x", "RENEWED_LINEAGE", "/live/x")},
		"bad lineage":  {"deploy", environment("RENEWED_DOMAINS", "example.com", "RENEWED_LINEAGE", "/live/../x")},
		"none lineage": {"deploy", environment("RENEWED_DOMAINS", "example.com")},
	} {
		require.Error(t, h.Certbot(t.Context(), c.phase, c.getenv), what)
	}
	requireUntouched(t, d)
}
