package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// patience is for a machine with much else to do.
const patience = 60 * time.Second

const text = `@ 1 IN SOA ns h 1 3600 600 86400 1
@ 1 IN NS ns
ns 1 IN A 192.0.2.53
www 1 IN A 192.0.2.1
`

// rig is a signer in a process of its own.
type rig struct {
	t      *testing.T
	dir    string
	dns    netip.AddrPort
	config string // what follows the settings
	cmd    *exec.Cmd
	ended  chan error
	out    *os.File
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return &rig{t: t, dir: t.TempDir(), dns: freePort(t)}
}

// freePort is one that nobody listens on by UDP or TCP.
func freePort(t *testing.T) netip.AddrPort {
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		p, err := net.ListenPacket("udp", l.Addr().String())
		l.Close()
		if err == nil {
			p.Close()
			return netip.MustParseAddrPort(l.Addr().String())
		}
	}
	t.Fatal("no port is free for both UDP and TCP")
	return netip.AddrPort{}
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) write(name, text string) string {
	require.NoError(r.t, os.WriteFile(r.path(name), []byte(text), 0o600))
	return r.path(name)
}

// zone configures a zone of a file.
func (r *rig) zone(name, more string) {
	r.config += fmt.Sprintf("[[zone]]\nname = %q\nfile = %q\n%s\n", name, r.write(name, text), more)
}

// configure writes the configuration.
func (r *rig) configure() {
	r.write("dnssecd.toml", fmt.Sprintf("listen = [%q]\nstate = %q\ncontrol = %q\npoll_ds = \"200ms\"\ncheck_ds = \"1s\"\npoll_served = \"200ms\"\n%s",
		r.dns, r.path("state"), r.path("control"), r.config))
}

func (r *rig) start() {
	r.t.Helper()
	r.configure()
	var err error
	r.out, err = os.OpenFile(r.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(r.t, err)
	before := strings.Count(r.said(), "dnssecd is ready")
	r.cmd = exec.Command("dnssecd", "-config", r.path("dnssecd.toml"), "-debug", "unix:"+r.path("debug"))
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	require.NoError(r.t, r.cmd.Start())
	cmd, ended := r.cmd, make(chan error, 1)
	r.ended = ended
	go func() { ended <- cmd.Wait() }()
	r.t.Cleanup(func() {
		if r.t.Failed() {
			status, _ := exec.Command("dnssecd", "-config", r.path("dnssecd.toml"), "status").CombinedOutput()
			r.t.Logf("%s\n%s", r.said(), status)
		}
		_ = cmd.Process.Kill()
	})
	r.await("ready", func() bool { return strings.Count(r.said(), "dnssecd is ready") > before })
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
	select {
	case err := <-r.ended:
		if s == syscall.SIGTERM {
			require.NoError(r.t, err)
		}
	case <-time.After(patience):
		r.t.Fatal("the signer does not end")
	}
}

// reload reads the configuration and the zones again.
func (r *rig) reload() {
	r.t.Helper()
	r.configure()
	require.NoError(r.t, r.cmd.Process.Signal(syscall.SIGHUP))
}

// run is a command for the daemon.
func (r *rig) run(args ...string) (string, error) {
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(r.t.Context(), "dnssecd", append([]string{"-config", r.path("dnssecd.toml")}, args...)...)
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

func (r *rig) status(zone string) view {
	r.t.Helper()
	var v view
	require.NoError(r.t, json.Unmarshal([]byte(r.must("status", "-json", zone)), &v))
	return v
}

// ask asks the signer, or another server, by TCP.
func (r *rig) ask(at netip.AddrPort, name string, typ uint16) []dns.RR {
	r.t.Helper()
	q := new(dns.Msg).SetQuestion(name, typ)
	q.SetEdns0(4096, true)
	client := &dns.Client{Net: "tcp", Timeout: 10 * time.Second}
	m, _, err := client.ExchangeContext(r.t.Context(), q, at.String())
	if err != nil {
		return nil // nobody there yet
	}
	return m.Answer
}

func of[T dns.RR](rrs []dns.RR) []T {
	var out []T
	for _, rr := range rrs {
		if v, ok := rr.(T); ok {
			out = append(out, v)
		}
	}
	return out
}

func (r *rig) serial(at netip.AddrPort, zone string) uint32 {
	if soa := of[*dns.SOA](r.ask(at, zone, dns.TypeSOA)); len(soa) == 1 {
		return soa[0].Serial
	}
	return 0
}

// quick is a policy with waits of a second or two.
const quick = `
[policy.default]
scheme = "ksk-zsk"
dnskey_ttl = "1s"
negative_ttl = "1s"
max_zone_ttl = "1s"
ds_ttl = "1s"
zone_propagation = "-1ns"
parent_propagation = "-1ns"
publish_safety = "-1ns"
retire_safety = "-1ns"
`

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

// get is the status of an answer on the control socket.
func (r *rig) get(path string) int {
	r.t.Helper()
	resp, err := r.client("control").Get("http://control" + path)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}
