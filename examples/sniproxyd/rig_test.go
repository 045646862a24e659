package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// patience is for a machine with much else to do.
const patience = 60 * time.Second

// rig is a proxy in a process of its own.
type rig struct {
	t      *testing.T
	dir    string
	tls    string
	http   string
	ports  []uint16
	extra  string
	routes string
	etcd   string // [etcd], in place of routes
	cmd    *exec.Cmd
	ended  chan error
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return &rig{t: t, dir: t.TempDir(), tls: freeAddress(t), http: freeAddress(t)}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// backend is a server of the site.
func (r *rig) backend(o sniproxytest.BackendOptions) *sniproxytest.Backend {
	b := sniproxytest.NewBackend(r.t, o)
	r.ports = append(r.ports, b.Addr().Port())
	return b
}

// site adds a site to the routes, on one server.
func (r *rig) site(name string, tls, http int, more string) {
	r.routes += fmt.Sprintf("[[site]]\nnames = [%q]\ntls_port = %d\nhttp_port = %d\n%s\n[[site.backend]]\naddr = \"::1\"\n", name, tls, http, more)
}

// config writes both files.
func (r *rig) config() string {
	require.NoError(r.t, os.WriteFile(r.path("routes.toml"), []byte(r.routes), 0o600))
	ports, err := json.Marshal(r.ports)
	require.NoError(r.t, err)
	routes := fmt.Sprintf("routes = %q\n", r.path("routes.toml"))
	if r.etcd != "" {
		routes = ""
	}
	text := fmt.Sprintf("tls = [%q]\nhttp = [%q]\nquic = [%q]\n%saccess_log = %q\n%s\n[guard]\nallow = [\"::1/128\"]\nloopback = true\nports = %s\n%s",
		r.tls, r.http, r.tls, routes, r.path("access.log"), r.extra, ports, r.etcd)
	require.NoError(r.t, os.WriteFile(r.path("sniproxyd.toml"), []byte(text), 0o600))
	return r.path("sniproxyd.toml")
}

func (r *rig) start() {
	r.t.Helper()
	// A file, since the next process has it too.
	said, err := os.Create(r.path("said"))
	require.NoError(r.t, err)
	defer said.Close()
	r.cmd = exec.Command("sniproxyd", "-config", r.config(), "-debug", "unix:"+r.path("debug"))
	r.cmd.Stdout, r.cmd.Stderr = said, said
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with those that it starts
	require.NoError(r.t, r.cmd.Start())
	r.ended = make(chan error, 1)
	go func() { r.ended <- r.cmd.Wait() }()
	r.t.Cleanup(func() {
		if r.t.Failed() {
			r.t.Log(r.said())
		}
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
	})
	r.awaitSaid("sniproxyd is ready", 1)
}

// said is what the processes have said so far.
func (r *rig) said() string {
	text, err := os.ReadFile(r.path("said"))
	require.NoError(r.t, err)
	return string(text)
}

func (r *rig) awaitSaid(text string, times int) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return strings.Count(r.said(), text) >= times }, patience, 10*time.Millisecond, "%q", text)
}

func (r *rig) signal(s syscall.Signal) {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(s))
}

// awaitEnd waits for the first process.
func (r *rig) awaitEnd() {
	r.t.Helper()
	select {
	case err := <-r.ended:
		require.NoError(r.t, err)
	case <-time.After(patience):
		r.t.Fatal("the proxy does not end")
	}
}

// page is a page of the debug address.
func (r *rig) page(path string) string {
	r.t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", r.path("debug"))
	}}}
	resp, err := client.Get("http://debug" + path)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return string(text)
}

// conn is a connection that says the name, and echoes.
type conn struct {
	net.Conn
	t *testing.T
}

func (r *rig) dial(name string) conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.tls)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = c.Close() })
	hello := sniproxytest.Hello(name, sniproxytest.HelloOptions{})
	_, err = c.Write(hello)
	require.NoError(r.t, err)
	out := conn{c, r.t}
	out.read(string(hello))
	return out
}

// read reads exactly that.
func (c conn) read(want string) {
	c.t.Helper()
	require.NoError(c.t, c.SetReadDeadline(time.Now().Add(patience)))
	got := make([]byte, len(want))
	_, err := io.ReadFull(c, got)
	require.NoError(c.t, err)
	require.Equal(c.t, want, string(got))
}

func (c conn) echo(text string) {
	c.t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(c.t, err)
	c.read(text)
}
