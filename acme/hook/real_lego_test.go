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

// lego has Debian's program issue a certificate.
func (w *world) lego(t *testing.T, program, provider string, env ...string) {
	t.Helper()
	env = append(env, "LEGO_CA_CERTIFICATES="+w.roots, "LEGO_DISABLE_CNAME_SUPPORT=true")
	w.run(t, env, program, "--accept-tos", "--email", "a@example.com", "--server", w.pebble.URL(),
		"--dns", provider, "--dns.disable-cp", "--dns.resolvers", w.dns.Addr().String(), "--key-type", "ec256", "--path", filepath.Join(w.dir, "out"),
		"-d", "example.com", "-d", "*.example.com", "run")
	files := filepath.Join(w.dir, "out", "certificates", "example.com")
	w.requireServed(t, files+".crt", files+".key", "example.com", "a.example.com")
}

func TestRealLegoExec(t *testing.T) {
	t.Parallel()
	program := peer.Look(t, "lego")
	for _, mode := range []string{"", "RAW"} {
		t.Run("EXEC_MODE="+mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slow)
			w.lego(t, program, "exec", "EXEC_PATH="+w.script(t, "lego", ""), "EXEC_MODE="+mode,
				"EXEC_SEQUENCE_INTERVAL=1", "EXEC_POLLING_INTERVAL=1")
		})
	}
}

func TestRealLegoHTTPReq(t *testing.T) {
	t.Parallel()
	program := peer.Look(t, "lego")
	for _, mode := range []string{"", "RAW"} {
		t.Run("HTTPREQ_MODE="+mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 0)
			api := &mythic.V2{
				KeyID: acmetest.MythicKeyID, Secret: acmetest.MythicSecret,
				API: w.mythic.API(), Login: w.mythic.Login(), HTTP: w.mythic.Client(),
			}
			h := &hook.Hook{Solver: &dns01.Solver{Provider: api}}
			server := httptest.NewServer(h.HTTPReq(hook.Password("u", "p", "example.com")))
			defer server.Close()
			w.lego(t, program, "httpreq", "HTTPREQ_ENDPOINT="+server.URL, "HTTPREQ_USERNAME=u", "HTTPREQ_PASSWORD=p",
				"HTTPREQ_MODE="+mode, "HTTPREQ_POLLING_INTERVAL=1")
		})
	}
}

func TestRealRunParts(t *testing.T) {
	t.Parallel()
	program := peer.Look(t, "run-parts")
	w := newWorld(t, slow)
	folder := filepath.Dir(w.script(t, "run-parts", ""))
	env := []string{"DOMAIN=example.com", "TOKEN_FILENAME=token", "TOKEN_VALUE=" + dashed(), "ARGS="}
	require.Empty(t, w.run(t, env, program, folder))
	require.Equal(t, []string{dashed()}, w.dns.TXT(apex))
}
