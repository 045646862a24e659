package hook_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/hook"
)

func TestDehydratedOneByOne(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	one, two := text("one"), dashed()
	for _, value := range []string{one, two} {
		require.NoError(t, process(d).Dehydrated(t.Context(), []string{"deploy_challenge", "Example.com", "token", value}))
	}
	require.ElementsMatch(t, []string{one, two}, d.TXT(apex))
	require.NoError(t, process(d).Dehydrated(t.Context(), []string{"clean_challenge", "example.com", "token", two}))
	require.Equal(t, []string{one}, d.TXT(apex), "exactly its value")
	require.NoError(t, process(d).Dehydrated(t.Context(), []string{"clean_challenge", "example.com", "token", two}), "again")
	require.Equal(t, []string{one}, d.TXT(apex))
	require.Len(t, d.Writes(), 4, "who deletes adds nothing")
}

func TestDehydratedChain(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	other := text("of another order")
	require.NoError(t, d.AddTXT(t.Context(), dns01.TXT{Zone: "example.com.", Name: apex, Value: other}))
	triples := []string{"example.com", "a", text("a"), "*.example.com", "b", dashed(), "www.example.com", "c", text("c")}
	require.NoError(t, process(d).Dehydrated(t.Context(), append([]string{"deploy_challenge"}, triples...)))
	require.ElementsMatch(t, []string{other, text("a"), dashed()}, d.TXT(apex))
	require.Equal(t, []string{text("c")}, d.TXT("_acme-challenge.www.example.com."))
	require.NoError(t, process(d).Dehydrated(t.Context(), append([]string{"clean_challenge"}, triples...)))
	require.Equal(t, []string{other}, d.TXT(apex))
	require.Empty(t, d.TXT("_acme-challenge.www.example.com."))
}

func TestDehydratedLetsOtherHooksPass(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	h := process(d)
	for _, args := range [][]string{
		{"this_hookscript_is_broken__dehydrated_is_working_fine__please_ignore_unknown_hooks_in_your_script"},
		{"startup_hook"},
		{"generate_csr", "example.com", "/certs", "example.com www.example.com"},
		{"unchanged_cert", "example.com", "k", "c", "f", "h"},
		{"deploy_ocsp", "example.com", "/ocsp", "1"},
		{"exit_hook"},
		{"deploy_cert", "example.com", "/k", "/c", "/f", "/h", "1"},
	} {
		require.NoError(t, h.Dehydrated(t.Context(), args), args[0])
	}
	require.Error(t, h.Dehydrated(t.Context(), nil))
	requireUntouched(t, d)
}

func TestDehydratedLogsWhatTheAuthoritySays(t *testing.T) {
	var out bytes.Buffer
	h := &hook.Hook{Log: slog.New(slog.NewTextHandler(&out, nil))}
	body := "{\n  \"type\": \"urn:ietf:params:acme:error:badNonce\"\n}\nlevel=ERROR msg=forged\x1b[2J" + strings.Repeat("x", 5000)
	require.NoError(t, h.Dehydrated(t.Context(), []string{"request_failure", "400", body, "post", "HTTP/2 400"}))
	require.NoError(t, h.Dehydrated(t.Context(), []string{"exit_hook", "it failed\nbadly"}))
	require.Equal(t, 2, strings.Count(out.String(), "\n"), "a line each")
	require.NotContains(t, out.String(), "\x1b")
	require.Less(t, out.Len(), 2000)
	require.Contains(t, out.String(), "badNonce")
}

// What strangers call themselves reaches neither the DNS nor a path.
func TestDehydratedRefuses(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	h := process(d)
	h.Deploy = func(context.Context, hook.Deployment) error { t.Error("deployed"); return nil }
	good := text("x")
	for what, args := range map[string][]string{
		"no triple":            {"deploy_challenge"},
		"half a triple":        {"deploy_challenge", "example.com", "t", good, "www.example.com"},
		"path":                 {"deploy_challenge", "../../etc", "t", good},
		"path below":           {"deploy_challenge", "example.com/../x", "t", good},
		"empty":                {"deploy_challenge", "", "t", good},
		"empty label":          {"deploy_challenge", "a..example.com", "t", good},
		"wildcard inside":      {"deploy_challenge", "a.*.example.com", "t", good},
		"wildcards":            {"deploy_challenge", "*.*.example.com", "t", good},
		"space":                {"deploy_challenge", "a b.example.com", "t", good},
		"newline":              {"deploy_challenge", "example.com\n", "t", good},
		"NUL":                  {"deploy_challenge", "exa\x00mple.com", "t", good},
		"escaped dot":          {"deploy_challenge", `a\.example.com`, "t", good},
		"U-label":              {"deploy_challenge", "bücher.example.com", "t", good},
		"Kelvin sign":          {"deploy_challenge", "\u212a.example.com", "t", good},
		"option":               {"deploy_challenge", "-rf.example.com", "t", good},
		"long":                 {"deploy_challenge", strings.Repeat("a.", 124) + "example.com", "t", good},
		"long label":           {"deploy_challenge", strings.Repeat("a", 64) + ".example.com", "t", good},
		"no value":             {"deploy_challenge", "example.com", "t", ""},
		"short value":          {"deploy_challenge", "example.com", "t", good[1:]},
		"value of http-01":     {"deploy_challenge", "example.com", "t", "token." + good},
		"other record's value": {"deploy_challenge", "example.com", "t", `v=spf1 include:evil.example" "` + good[30:]},
		"second of two":        {"deploy_challenge", "example.com", "t", good, "..", "t", good},
		"clean":                {"clean_challenge", "../x", "t", good},
		"deploy's name":        {"deploy_cert", "../x", "/k", "/c", "/f", "/h", "1"},
		"deploy's path":        {"deploy_cert", "example.com", "/certs/../../k", "/c", "/f", "/h", "1"},
		"deploy's folder":      {"deploy_cert", "example.com", "k", "/c", "/f", "/h", "1"},
		"deploy's time":        {"deploy_cert", "example.com", "/k", "/c", "/f", "/h", "now"},
		"deploy too short":     {"deploy_cert", "example.com", "/k"},
		"sync nothing":         {"sync_cert"},
		"sync's path":          {"sync_cert", "/certs/../etc/passwd"},
		"sync's missing file":  {"sync_cert", "/does/not/exist"},
	} {
		require.Error(t, h.Dehydrated(t.Context(), args), what)
	}
	requireUntouched(t, d)
}

func TestDehydratedLeavesNothingAfterAFailure(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	broken := errors.New("it is broken")
	d.FailWrites(func(op string, r dns01.TXT) error {
		if op == "add" && strings.Contains(r.Name, "www") {
			return broken
		}
		return nil
	})
	err := process(d).Dehydrated(t.Context(), []string{"deploy_challenge", "example.com", "a", text("a"), "www.example.com", "b", text("b")})
	require.ErrorIs(t, err, broken)
	require.Empty(t, d.TXT(apex))
	d.FailWrites(nil)
	h := process(d)
	h.Solver.Timeout, h.Solver.Verifier = 10*time.Millisecond, never{}
	err = h.Dehydrated(t.Context(), []string{"deploy_challenge", "example.com", "a", text("a")})
	require.ErrorIs(t, err, dns01.ErrNotVisible)
	require.Empty(t, d.TXT(apex))
}

// never sees no record.
type never struct{}

func (never) Visible(context.Context, dns01.TXT) (bool, error) { return false, nil }

func TestDehydratedDeploys(t *testing.T) {
	var got hook.Deployment
	h := &hook.Hook{Deploy: func(_ context.Context, d hook.Deployment) error { got = d; return nil }}
	args := []string{"deploy_cert", "*.Example.com", "/c/privkey.pem", "/c/cert.pem", "/c/fullchain.pem", "/c/chain.pem", "1700000000"}
	require.NoError(t, h.Dehydrated(t.Context(), args))
	require.Equal(t, hook.Deployment{
		Names: []string{"*.example.com"}, Key: "/c/privkey.pem", Cert: "/c/cert.pem",
		FullChain: "/c/fullchain.pem", Chain: "/c/chain.pem", Time: time.Unix(1700000000, 0),
	}, got)
	broken := errors.New("no such service")
	h.Deploy = func(context.Context, hook.Deployment) error { return broken }
	require.ErrorIs(t, h.Dehydrated(t.Context(), args), broken)
}

func TestDehydratedSyncs(t *testing.T) {
	dir := t.TempDir()
	args := []string{"sync_cert"}
	for _, name := range []string{"privkey.pem", "cert.pem", "fullchain.pem", "chain.pem", "cert.csr"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(name), 0o600))
		args = append(args, path)
	}
	require.NoError(t, new(hook.Hook).Dehydrated(t.Context(), args))
}

func TestSolverIsChecked(t *testing.T) {
	call := []string{"deploy_challenge", "example.com", "t", text("x")}
	require.ErrorContains(t, new(hook.Hook).Dehydrated(t.Context(), call), "Solver")
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	h := process(d)
	journal, err := dns01.OpenJournal(filepath.Join(t.TempDir(), "journal"))
	require.NoError(t, err)
	defer func() { require.NoError(t, journal.Close()) }()
	h.Solver.Journal = journal
	require.ErrorContains(t, h.Dehydrated(t.Context(), call), "Journal")
	requireUntouched(t, d)
}
