package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/etcdtest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// freeAddr is one that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// served is the serial number of the certificate that a server has for openssl, which
// verifies it by the authority's root and the name.
func (r *rig) served(addr, name string) (serial, said string) {
	root := r.write("root.pem", encode(r.pebble.Root(0)))
	cmd := exec.Command("openssl", "s_client", "-connect", addr, "-servername", name,
		"-verify_hostname", name, "-verify_return_error", "-CAfile", root)
	cmd.Stdin = bytes.NewReader(nil)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", string(out)
	}
	block, _ := pem.Decode(out)
	if block == nil {
		return "", string(out)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !strings.Contains(string(out), "Verify return code: 0 (ok)") {
		return "", string(out)
	}
	return cert.SerialNumber.String(), ""
}

// awaitServed waits until a server has the certificate of a name that is wanted.
func (r *rig) awaitServed(addr, name, serial string) {
	r.t.Helper()
	var last string
	defer func() {
		if r.t.Failed() {
			r.t.Log(last)
		}
	}()
	r.await("the certificate for "+name, func() bool {
		have, said := r.served(addr, name)
		last = said
		return have != "" && (serial == "" || have == serial)
	})
}

// nginx serves out of the store, and is reloaded by the command: what it serves is what
// is stored, before and after a renewal.
func TestRealNginx(t *testing.T) {
	nginx := peer.Look(t, "nginx")
	peer.Need(t, "openssl")
	r := newRig(t)
	addr := freeAddr(t)
	conf := r.write("nginx.conf", strings.ReplaceAll(fmt.Sprintf(`
daemon off;
pid DIR/pid;
error_log DIR/error.log;
events { worker_connections 64; }
http {
access_log off;
client_body_temp_path DIR/body;
proxy_temp_path DIR/proxy;
fastcgi_temp_path DIR/fastcgi;
uwsgi_temp_path DIR/uwsgi;
scgi_temp_path DIR/scgi;
server {
listen %s ssl;
server_name example.com;
ssl_certificate DIR/state/certs/example.com/fullchain.pem;
ssl_certificate_key DIR/state/certs/example.com/privkey.pem;
}
}
`, addr), "DIR", r.dir))
	// The first time there is no nginx to reload, and the command fails.
	reload := r.script("reload", fmt.Sprintf("exec %s -c %s -s reload", nginx, conf))
	r.certificate(`"example.com", "*.example.com"`, fmt.Sprintf("deploy = [%q]", reload))
	r.start()
	first := r.awaitLeaf("example.com")
	r.await("a command that fails", func() bool { d := r.status("example.com").Deploy; return d != nil && d.Failures > 0 })
	peer.Start(t, exec.Command(nginx, "-c", conf), peer.Options{})
	r.awaitServed(addr, "example.com", first.SerialNumber.String())
	r.awaitServed(addr, "www.example.com", first.SerialNumber.String())
	r.await("a command that succeeds", func() bool { return !r.status("example.com").Deploy.Pending })
	r.must("renew", "example.com")
	second := r.leaf("example.com")
	require.NotEqual(t, first.SerialNumber, second.SerialNumber)
	r.awaitServed(addr, "example.com", second.SerialNumber.String())
	r.requireNoTXT()
}

// link makes the program one of its other names.
func (r *rig) link(name string) string {
	program, err := exec.LookPath("acmed")
	require.NoError(r.t, err)
	path := r.path(name)
	require.NoError(r.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(r.t, os.Symlink(program, path))
	return path
}

// clientProgram runs a client to its end.
func (r *rig) clientProgram(env []string, program string, args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), program, args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "HOME="+r.dir, configVariable+"="+r.path("acmed.toml"))
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	require.NoError(r.t, err, "%s: %s", program, out)
	return string(out)
}

// requireServed has openssl look at what a client got.
func (r *rig) requireServed(fullChain, key string, names ...string) {
	r.t.Helper()
	addr := freeAddr(r.t)
	peer.Start(r.t, exec.Command(peer.Look(r.t, "openssl"), "s_server", "-accept", addr, "-cert", fullChain, "-cert_chain", fullChain, "-key", key, "-quiet"),
		peer.Options{Ready: func(ctx context.Context) error {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
			if err == nil {
				err = conn.Close()
			}
			return err
		}})
	for _, name := range names {
		r.awaitServed(addr, name, "")
	}
	r.mythic.Settle()
	r.requireNoTXT()
}

// hooked is a rig whose certificates are got by other clients.
func hooked(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	deploy := r.script("deploy", fmt.Sprintf("env >>%s", r.path("deployed")))
	r.config = fmt.Sprintf("[hook]\ndeploy = [%q]\n", deploy)
	r.configure()
	return r
}

// requireDeployed finds the environment of the command.
func (r *rig) requireDeployed(want ...string) {
	r.t.Helper()
	for _, line := range want {
		require.Contains(r.t, r.read("deployed"), line+"\n")
	}
	require.NotContains(r.t, r.read("deployed"), "PRIVATE KEY")
}

func TestRealDehydrated(t *testing.T) {
	program := peer.Look(t, "dehydrated")
	peer.Need(t, "curl", "openssl")
	r := hooked(t)
	config := r.write("config", strings.Join([]string{
		"CA=" + r.ca.URL(), "CHALLENGETYPE=dns-01", "BASEDIR=" + r.dir, "HOOK='" + r.link("acmed-dehydrated") + "'",
		"HOOK_CHAIN=yes", `CURL_OPTS="--cacert ` + r.path("authority.pem") + `"`, "KEY_ALGO=prime256v1", "KEYSIZE=2048", "",
	}, "\n"))
	r.clientProgram(nil, program, "-f", config, "--accept-terms", "-c", "-d", "example.com", "-d", "*.example.com", "-d", "www.example.org")
	dir := r.path("certs/example.com")
	r.requireDeployed("ACMED_CERTIFICATE=example.com", "ACMED_FULLCHAIN="+dir+"/fullchain.pem", "ACMED_KEY="+dir+"/privkey.pem")
	r.requireServed(dir+"/fullchain.pem", dir+"/privkey.pem", "example.com", "a.example.com", "www.example.org")
}

func TestRealCertbot(t *testing.T) {
	program := peer.Look(t, "certbot")
	r := hooked(t)
	hook := func(phase string) string {
		return fmt.Sprintf("acmed -config %s hook certbot %s", r.path("acmed.toml"), phase)
	}
	r.clientProgram([]string{"REQUESTS_CA_BUNDLE=" + r.path("authority.pem")}, program, "certonly", "--non-interactive", "--agree-tos", "-m", "a@example.com",
		"--server", r.ca.URL(), "--manual", "--preferred-challenges", "dns", "--key-type", "ecdsa",
		"--manual-auth-hook", hook("auth"), "--manual-cleanup-hook", r.link("acmed-certbot-cleanup"), "--deploy-hook", hook("deploy"),
		"--config-dir", "c", "--work-dir", "w", "--logs-dir", "l", "-d", "example.com", "-d", "*.example.com")
	dir := r.path("c/live/example.com")
	r.requireDeployed("ACMED_FULLCHAIN=" + dir + "/fullchain.pem")
	require.Contains(t, r.read("deployed"), "*.example.com")
	r.requireServed(dir+"/fullchain.pem", dir+"/privkey.pem", "example.com", "a.example.com")
}

func TestRealLego(t *testing.T) {
	program := peer.Look(t, "lego")
	r := hooked(t)
	r.clientProgram([]string{
		"LEGO_CA_CERTIFICATES=" + r.path("authority.pem"), "LEGO_DISABLE_CNAME_SUPPORT=true", "EXEC_PATH=" + r.link("acmed-lego"),
		"EXEC_SEQUENCE_INTERVAL=1", "EXEC_POLLING_INTERVAL=1",
	}, program, "--accept-tos", "--email", "a@example.com", "--server", r.ca.URL(), "--dns", "exec", "--dns.disable-cp",
		"--dns.resolvers", r.dns.Addr().String(), "--key-type", "ec256", "--path", r.path("out"), "-d", "www.example.org", "run")
	files := r.path("out/certificates/www.example.org")
	r.requireServed(files+".crt", files+".key", "www.example.org")
}

func TestRealRunParts(t *testing.T) {
	program := peer.Look(t, "run-parts")
	r := hooked(t)
	value := "-" + strings.Repeat("a", 42)
	env := []string{"DOMAIN=example.com", "TOKEN_FILENAME=token", "TOKEN_VALUE=" + value, "ARGS="}
	for _, event := range []string{"deploy-challenge", "clean-challenge", "startup-hook"} {
		r.link(event + "/acmed-run-parts")
	}
	require.Empty(t, r.clientProgram(env, program, r.path("startup-hook")))
	require.Empty(t, r.clientProgram(env, program, r.path("deploy-challenge")))
	require.Equal(t, []string{value}, r.dns.TXT("_acme-challenge.example.com."))
	require.Empty(t, r.clientProgram(env, program, r.path("clean-challenge")))
	r.requireNoTXT()
}

// Two daemons on one etcd: one of them obtains and renews, both have it in their files
// and run their commands; when one is killed in an order, the other goes on.
func TestRealTwoOnEtcd(t *testing.T) {
	endpoint := etcdtest.Start(t, etcdtest.Options{Members: 1}).Endpoints()[0]
	first := newRig(t)
	second := newRig(t)
	second.dns, second.mythic, second.pebble, second.ca = first.dns, first.mythic, first.pebble, first.ca
	both := []*rig{first, second}
	for _, r := range both {
		deploy := r.script("deploy", fmt.Sprintf("test -r \"$ACMED_FULLCHAIN\" && echo x >>%s", r.path("deployed")))
		r.config = fmt.Sprintf("[store.etcd]\nendpoints = [%q]\nlock_ttl = \"2s\"\n[policy]\nrecheck = \"200ms\"\n", endpoint)
		r.certificate(`"example.com"`, fmt.Sprintf("deploy = [%q]", deploy))
		r.start()
	}
	same := func(runs int) func() bool {
		return func() bool {
			a, b := first.leaf("example.com"), second.leaf("example.com")
			if a == nil || b == nil || a.SerialNumber.Cmp(b.SerialNumber) != 0 {
				return false
			}
			return strings.Count(first.read("deployed"), "x") == runs && strings.Count(second.read("deployed"), "x") == runs
		}
	}
	first.await("the certificate on both", same(1))
	before := first.leaf("example.com").SerialNumber
	second.must("renew", "example.com")
	first.await("the next one on both", same(2))
	require.NotEqual(t, before, first.leaf("example.com").SerialNumber)
	said := first.said() + second.said()
	require.Equal(t, 1, strings.Count(said, `msg="certificate issued"`), "one of them does it")
	require.Equal(t, 1, strings.Count(said, `msg="certificate renewed"`))
	require.Equal(t, first.status("example.com").Serial, second.status("example.com").Serial)

	// The first begins a renewal, and dies.
	first.mythic.Fail(notYet)
	go func() { _, _ = first.run("renew", "example.com") }()
	first.await("its record", func() bool { return len(first.txt()) == 1 })
	first.end(syscall.SIGKILL)
	first.mythic.Heal()
	second.must("renew", "example.com")
	second.await("another one in its files", func() bool {
		return first.leaf("example.com").SerialNumber.Cmp(second.leaf("example.com").SerialNumber) != 0
	})
	first.start()
	first.await("the same again", func() bool {
		return first.leaf("example.com").SerialNumber.Cmp(second.leaf("example.com").SerialNumber) == 0
	})
	first.await("no record", func() bool { return len(first.txt()) == 0 })
}
