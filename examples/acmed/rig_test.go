package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/internal/pebbletest"
)

// patience is for a machine with much else to do.
const patience = 60 * time.Second

// authority is a certificate authority under test.
type authority interface {
	URL() string
	HTTPClient() *http.Client
}

// rig is a daemon in a process of its own, an authority and a DNS service.
type rig struct {
	t        *testing.T
	dir      string
	dns      *acmetest.DNS
	mythic   *acmetest.Mythic
	ca       authority
	pebble   *pebbletest.Pebble // nil with another authority
	config   string             // what follows the settings
	mode     string             // of propagation
	resolver netip.AddrPort
	certs    string // where they are
	cmd      *exec.Cmd
	ended    chan error
	out      *os.File
}

// newRig has Pebble.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := newWorld(t)
	r.pebble = pebbletest.New(t, pebbletest.Options{DNS: r.dns.Addr()})
	r.ca = r.pebble
	return r
}

// newWorld has no authority yet.
func newWorld(t *testing.T) *rig {
	t.Helper()
	zones := []string{"example.com", "example.org"}
	dns := acmetest.NewDNS(t, acmetest.DNSOptions{Zones: zones})
	dir := t.TempDir()
	return &rig{
		t: t, dir: dir, dns: dns, resolver: dns.Addr(), mode: `mode = "api"`, certs: filepath.Join(dir, "state", "certs"),
		mythic: acmetest.NewMythic(t, dns, acmetest.MythicOptions{Zones: zones}),
	}
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) write(name, text string) string {
	require.NoError(r.t, os.MkdirAll(filepath.Dir(r.path(name)), 0o700))
	require.NoError(r.t, os.WriteFile(r.path(name), []byte(text), 0o600))
	return r.path(name)
}

func (r *rig) script(name, text string) string {
	path := r.write(name, "#!/bin/sh\n"+text+"\n")
	require.NoError(r.t, os.Chmod(path, 0o700))
	return path
}

func (r *rig) read(name string) string {
	text, err := os.ReadFile(r.path(name))
	if err != nil {
		return ""
	}
	return string(text)
}

func encode(cert *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
}

// selfSigned is some certificate.
func selfSigned(t *testing.T) string {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	return encode(server.Certificate())
}

// trust writes the certificate of a server into a file.
func (r *rig) trust(name string, client *http.Client, url string) string {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, url, nil)
	require.NoError(r.t, err)
	req.Header.Set("User-Agent", "test")
	resp, err := client.Do(req)
	require.NoError(r.t, err)
	require.NoError(r.t, resp.Body.Close())
	return r.write(name, encode(resp.TLS.PeerCertificates[0]))
}

// certificate configures one.
func (r *rig) certificate(names, more string) {
	r.config += fmt.Sprintf("[[certificate]]\nnames = [%s]\n%s\n", names, more)
}

// configure writes the configuration.
func (r *rig) configure() {
	r.write("acmed.toml", fmt.Sprintf(`
state = %q
control = %q
[account.test]
directory = %q
accept_terms = true
contacts = ["mailto:a@example.com"]
ca = %q
first_poll = "20ms"
[dns.fake]
kind = "mythic"
key_id = %q
secret = { file = %q }
api = %q
login = %q
ca = %q
[propagation]
%s
resolvers = [%q]
first_poll = "20ms"
max_poll = "200ms"
[deploy]
backoff = ["100ms"]
%s`, r.path("state"), r.path("control"), r.ca.URL(), r.trust("authority.pem", r.ca.HTTPClient(), r.ca.URL()),
		acmetest.MythicKeyID, r.write("secret", acmetest.MythicSecret+"\n"), r.mythic.API(), r.mythic.Login(),
		r.trust("api.pem", r.mythic.Client(), r.mythic.API()), r.mode, r.resolver, r.config))
}

func (r *rig) start() {
	r.t.Helper()
	r.configure()
	before := r.launch()
	r.await("ready", func() bool { return strings.Count(r.said(), "acmed is ready") > before })
}

// launch starts the daemon and waits for nothing. It returns how often one was ready.
func (r *rig) launch() int {
	r.t.Helper()
	var err error
	r.out, err = os.OpenFile(r.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(r.t, err)
	before := strings.Count(r.said(), "acmed is ready")
	r.cmd = exec.Command("acmed", "-config", r.path("acmed.toml"), "-debug", "unix:"+r.path("debug"), "-log", "debug")
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	require.NoError(r.t, r.cmd.Start())
	cmd, ended := r.cmd, make(chan error, 1)
	r.ended = ended
	go func() { ended <- cmd.Wait() }()
	r.t.Cleanup(func() {
		if r.t.Failed() {
			r.t.Logf("%s", r.said())
		}
		_ = cmd.Process.Kill()
	})
	return before
}

func (r *rig) said() string {
	said, err := os.ReadFile(r.path("log"))
	require.NoError(r.t, err)
	return string(said)
}

func (r *rig) await(what string, ok func() bool) {
	r.t.Helper()
	require.Eventually(r.t, ok, patience, 20*time.Millisecond, what)
}

// end ends the process by a signal; by SIGTERM it has to end well.
func (r *rig) end(s syscall.Signal) {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(s))
	r.awaitEnd(s == syscall.SIGTERM)
}

func (r *rig) awaitEnd(well bool) {
	r.t.Helper()
	select {
	case err := <-r.ended:
		if well {
			require.NoError(r.t, err)
		}
	case <-time.After(patience):
		r.t.Fatal("the daemon does not end")
	}
}

// reload reads the configuration again.
func (r *rig) reload() {
	r.t.Helper()
	r.configure()
	require.NoError(r.t, r.cmd.Process.Signal(syscall.SIGHUP))
}

// run is a command.
func (r *rig) run(args ...string) (string, error) {
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(r.t.Context(), "acmed", append([]string{"-config", r.path("acmed.toml")}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, stderr.String())
	}
	return out.String(), nil
}

func (r *rig) must(args ...string) string {
	r.t.Helper()
	out, err := r.run(args...)
	require.NoError(r.t, err)
	return out
}

// status is what a command says of a certificate.
func (r *rig) status(name string) view {
	r.t.Helper()
	var v []view
	require.NoError(r.t, json.Unmarshal([]byte(r.must("status", "-json", name)), &v))
	require.Len(r.t, v, 1)
	return v[0]
}

// leaf is the stored certificate, or nil.
func (r *rig) leaf(name string) *x509.Certificate {
	r.t.Helper()
	b, err := (&renew.FileStore{Dir: r.certs}).Load(r.t.Context(), name)
	if os.IsNotExist(err) || err != nil && strings.Contains(err.Error(), "no such file") {
		return nil
	}
	require.NoError(r.t, err)
	leaf, err := b.Leaf()
	require.NoError(r.t, err)
	return leaf
}

func (r *rig) awaitLeaf(name string) *x509.Certificate {
	r.t.Helper()
	var leaf *x509.Certificate
	r.await(name, func() bool { leaf = r.leaf(name); return leaf != nil })
	return leaf
}

// requireNoTXT finds records that are left behind.
func (r *rig) requireNoTXT() {
	r.t.Helper()
	require.Empty(r.t, r.txt())
}

func (r *rig) txt() []string {
	var left []string
	for _, zone := range []string{"example.com", "example.org"} {
		for _, rec := range r.mythic.Records(zone) {
			if rec.Type == "TXT" {
				left = append(left, rec.String())
			}
		}
	}
	return left
}

// client talks HTTP to one of the daemon's sockets.
func (r *rig) client(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", r.path(socket))
	}}}
}

// page is a page of the debug address.
func (r *rig) page(path string) string {
	r.t.Helper()
	resp, err := r.client("debug").Get("http://debug" + path)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return string(body)
}
