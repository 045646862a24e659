package hook_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/hook"
)

func TestRunParts(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	one := environment("DOMAIN", "example.com", "TOKEN_FILENAME", "token", "TOKEN_VALUE", dashed())
	require.NoError(t, process(d).RunParts(t.Context(), "deploy-challenge.d", one))
	require.Equal(t, []string{dashed()}, d.TXT(apex))
	many := environment("DOMAIN", "example.com", "TOKEN_FILENAME", "a", "TOKEN_VALUE", text("a"),
		"ARGS", strings.Join([]string{"example.com a " + text("a"), "www.example.com b " + text("b"), ""}, "\n"))
	require.NoError(t, process(d).RunParts(t.Context(), "deploy-challenge", many))
	require.Equal(t, []string{text("b")}, d.TXT("_acme-challenge.www.example.com."))
	require.NoError(t, process(d).RunParts(t.Context(), "clean-challenge", one))
	require.Equal(t, []string{text("a")}, d.TXT(apex))
	lines := environment("ARGS", strings.Join([]string{"example.com", "a", text("a"), "www.example.com", "b", text("b")}, "\n"))
	require.NoError(t, process(d).RunParts(t.Context(), "clean_challenge", lines))
	require.Empty(t, d.TXT(apex))
	require.Empty(t, d.TXT("_acme-challenge.www.example.com."))
}

func TestRunPartsOthers(t *testing.T) {
	var got hook.Deployment
	h := &hook.Hook{Deploy: func(_ context.Context, d hook.Deployment) error { got = d; return nil }}
	require.NoError(t, h.RunParts(t.Context(), "deploy-cert", environment(
		"DOMAIN", "example.com", "KEYFILE", "/k", "CERTFILE", "/c", "FULLCHAINFILE", "/f", "CHAINFILE", "/h", "TIMESTAMP", "")))
	require.Equal(t, hook.Deployment{Names: []string{"example.com"}, Key: "/k", Cert: "/c", FullChain: "/f", Chain: "/h"}, got)
	none := environment()
	for _, event := range []string{"exit-hook", "unchanged-cert", "request-failure", "invalid-challenge", "of-another-version"} {
		require.NoError(t, h.RunParts(t.Context(), event, none), event)
	}
	require.Error(t, h.RunParts(t.Context(), "deploy-challenge", none))
	require.Error(t, h.RunParts(t.Context(), "deploy-challenge", environment("ARGS", "example.com a")))
	require.Error(t, h.RunParts(t.Context(), "deploy-cert", environment("DOMAIN", "../x")))
}
