package hook_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/hook"
	"github.com/mythic-beasts/hostkit/internal/pebbletest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// slow is a DNS that takes so long to have a change that who does not wait fails.
const slow = 500 * time.Millisecond

// world is an authority that looks at a DNS, which a DNS service writes to.
type world struct {
	dir    string
	dns    *acmetest.DNS
	mythic *acmetest.Mythic
	pebble *pebbletest.Pebble
	roots  string // of the authority's server
}

func newWorld(t *testing.T, delay time.Duration) *world {
	t.Helper()
	zones := []string{"example.com", "example.org"}
	dns := acmetest.NewDNS(t, acmetest.DNSOptions{Zones: zones})
	w := &world{
		dir: t.TempDir(), dns: dns,
		mythic: acmetest.NewMythic(t, dns, acmetest.MythicOptions{Zones: zones, Delay: delay}),
		pebble: pebbletest.New(t, pebbletest.Options{DNS: dns.Addr()}),
	}
	w.roots = w.certificate(t, "authority.pem", w.pebble.HTTPClient(), w.pebble.URL())
	return w
}

// certificate writes that of a server into a file.
func (w *world) certificate(t *testing.T, name string, client *http.Client, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	r.Header.Set("User-Agent", "test")
	resp, err := client.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return w.pem(t, name, resp.TLS.PeerCertificates[0])
}

func (w *world) pem(t *testing.T, name string, cert *x509.Certificate) string {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	return w.write(t, name, string(text), 0o600)
}

func (w *world) write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(w.dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	return path
}

// script is a program that calls this binary as a hook.
func (w *world) script(t *testing.T, client, phase string) string {
	t.Helper()
	text, err := json.Marshal(settings{
		Client: client, Phase: phase, API: w.mythic.API(), Login: w.mythic.Login(),
		Roots: w.certificate(t, "api.pem", w.mythic.Client(), w.mythic.API()),
		State: filepath.Join(w.dir, "state"), Deployed: w.deployed(),
	})
	require.NoError(t, err)
	name := client + phase
	path := w.write(t, name+".json", string(text), 0o600)
	self, err := os.Executable()
	require.NoError(t, err)
	first := ""
	if client == "run-parts" {
		first = `"$0"`
		name = "deploy-challenge/hook"
	}
	return w.write(t, name, fmt.Sprintf("#!/bin/sh\n%s='%s' exec '%s' %s \"$@\"\n", settingsVariable, path, self, first), 0o700)
}

func (w *world) deployed() string { return filepath.Join(w.dir, "deployed.json") }

// run runs a client to its end and returns what it says.
func (w *world) run(t *testing.T, env []string, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "HOME="+w.dir)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", program, out)
	return string(out)
}

// deployment is what the hook was told of.
func (w *world) deployment(t *testing.T) (d hook.Deployment) {
	t.Helper()
	text, err := os.ReadFile(w.deployed())
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &d))
	return d
}

// requireServed serves the certificate and has openssl connect by each name, and then
// looks whether a record is left.
func (w *world) requireServed(t *testing.T, fullChain, key string, names ...string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(fullChain, key)
	require.NoError(t, err)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	go serve(l)
	root := w.pem(t, "root.pem", w.pebble.Root(0))
	for _, name := range names {
		cmd := exec.CommandContext(t.Context(), peer.Look(t, "openssl"), "s_client", "-connect", l.Addr().String(),
			"-servername", name, "-verify_hostname", name, "-verify_return_error", "-CAfile", root, "-brief")
		cmd.Stdin = bytes.NewReader(nil)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "Verification: OK")
		require.Contains(t, string(out), "Verified peername: ")
	}
	w.mythic.Settle()
	for _, zone := range []string{"example.com", "example.org"} {
		for _, r := range w.mythic.Records(zone) {
			require.NotEqual(t, "TXT", r.Type, "a record is left: %v", r)
		}
	}
}

func serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			_ = c.(*tls.Conn).Handshake()
			_ = c.Close()
		}()
	}
}

// The clients wait most of the time, so that all of them run at once.
func TestRealClients(t *testing.T) {
	var all sync.WaitGroup
	defer all.Wait()
	for name, test := range map[string]func(*testing.T){
		"dehydrated":            func(t *testing.T) { dehydrated(t, "no") },
		"dehydrated HOOK_CHAIN": func(t *testing.T) { dehydrated(t, "yes", "-d", "www.example.org") },
		"certbot":               certbot,
		"lego exec":             func(t *testing.T) { legoExec(t, "", "-d", "*.example.com") },
		"lego exec RAW":         func(t *testing.T) { legoExec(t, "RAW") },
		"lego httpreq":          func(t *testing.T) { legoHTTPReq(t, "") },
		"lego httpreq RAW":      func(t *testing.T) { legoHTTPReq(t, "RAW") },
		"run-parts":             runParts,
	} {
		all.Go(func() { t.Run(name, test) })
	}
}

func dehydrated(t *testing.T, chain string, more ...string) {
	program := peer.Look(t, "dehydrated")
	peer.Need(t, "curl", "openssl")
	w := newWorld(t, slow)
	config := w.write(t, "config", strings.Join([]string{
		"CA=" + w.pebble.URL(), "CHALLENGETYPE=dns-01", "BASEDIR=" + w.dir, "HOOK='" + w.script(t, "dehydrated", "") + "'",
		"HOOK_CHAIN=" + chain, `CURL_OPTS="--cacert ` + w.roots + `"`, "KEY_ALGO=prime256v1", "KEYSIZE=2048", "",
	}, "\n"), 0o600)
	args := append([]string{"-f", config, "--accept-terms", "-c", "-d", "example.com", "-d", "*.example.com"}, more...)
	w.run(t, nil, program, args...)
	d := w.deployment(t)
	require.Equal(t, []string{"example.com"}, d.Names)
	names := []string{"example.com", "a.example.com"}
	if len(more) > 0 {
		names = append(names, more[1])
	}
	w.requireServed(t, d.FullChain, d.Key, names...)
}

func certbot(t *testing.T) {
	program := peer.Look(t, "certbot")
	w := newWorld(t, slow)
	w.run(t, []string{"REQUESTS_CA_BUNDLE=" + w.roots}, program, "certonly", "--non-interactive", "--agree-tos", "-m", "a@example.com",
		"--server", w.pebble.URL(), "--manual", "--preferred-challenges", "dns",
		"--manual-auth-hook", w.script(t, "certbot", "auth"), "--manual-cleanup-hook", w.script(t, "certbot", "cleanup"),
		"--deploy-hook", w.script(t, "certbot", "deploy"), "--key-type", "ecdsa",
		"--config-dir", "c", "--work-dir", "w", "--logs-dir", "l", "-d", "www.example.org", "-d", "example.com", "-d", "*.example.com")
	d := w.deployment(t)
	require.ElementsMatch(t, []string{"www.example.org", "example.com", "*.example.com"}, d.Names)
	w.requireServed(t, d.FullChain, d.Key, "example.com", "a.example.com", "www.example.org")
}
