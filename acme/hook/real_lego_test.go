package hook_test

import (
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/hook"
	"github.com/mythic-beasts/hostkit/acme/mythic"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// lego has Debian's program issue a certificate of example.com and what more says.
func (w *world) lego(t *testing.T, provider string, env []string, more ...string) {
	t.Helper()
	env = append(env, "LEGO_CA_CERTIFICATES="+w.roots, "LEGO_DISABLE_CNAME_SUPPORT=true")
	args := append([]string{
		"--accept-tos", "--email", "a@example.com", "--server", w.pebble.URL(),
		"--dns", provider, "--dns.disable-cp", "--dns.resolvers", w.dns.Addr().String(),
		"--key-type", "ec256", "--path", filepath.Join(w.dir, "out"), "-d", "example.com",
	}, more...)
	w.run(t, env, peer.Look(t, "lego"), append(args, "run")...)
	files := filepath.Join(w.dir, "out", "certificates", "example.com")
	names := []string{"example.com"}
	if len(more) > 0 {
		names = append(names, "a.example.com")
	}
	w.requireServed(t, files+".crt", files+".key", names...)
}

func legoExec(t *testing.T, mode string, more ...string) {
	w := newWorld(t, slow)
	w.lego(t, "exec", []string{
		"EXEC_PATH=" + w.script(t, "lego", ""), "EXEC_MODE=" + mode,
		"EXEC_SEQUENCE_INTERVAL=1", "EXEC_POLLING_INTERVAL=1",
	}, more...)
}

func legoHTTPReq(t *testing.T, mode string) {
	w := newWorld(t, 0)
	api := &mythic.V2{
		KeyID: acmetest.MythicKeyID, Secret: acmetest.MythicSecret,
		API: w.mythic.API(), Login: w.mythic.Login(), HTTP: w.mythic.Client(),
	}
	h := &hook.Hook{Solver: &dns01.Solver{Provider: api}}
	server := httptest.NewServer(h.HTTPReq(hook.Password("u", "p", "example.com")))
	defer server.Close()
	w.lego(t, "httpreq", []string{
		"HTTPREQ_ENDPOINT=" + server.URL, "HTTPREQ_USERNAME=u", "HTTPREQ_PASSWORD=p",
		"HTTPREQ_MODE=" + mode, "HTTPREQ_POLLING_INTERVAL=1",
	}, "-d", "*.example.com")
}

func runParts(t *testing.T) {
	program := peer.Look(t, "run-parts")
	w := newWorld(t, slow)
	folder := filepath.Dir(w.script(t, "run-parts", ""))
	env := []string{"DOMAIN=example.com", "TOKEN_FILENAME=token", "TOKEN_VALUE=" + dashed(), "ARGS="}
	require.Empty(t, w.run(t, env, program, folder))
	require.Equal(t, []string{dashed()}, w.dns.TXT(apex))
}
