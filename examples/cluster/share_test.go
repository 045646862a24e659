package cluster_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// daemon is one that runs on a host of its own: a folder.
type daemon struct {
	*peer.Process
	h    *house
	name string
	dir  string
	addr string // where it listens
}

// start runs a daemon with its file, in which lines are replaced.
func (h *house) start(name, host, addr string, lines ...string) *daemon {
	h.t.Helper()
	d := &daemon{h: h, name: name, dir: h.path(host), addr: addr}
	config := filepath.Join(d.dir, name+".toml")
	text := h.file("etc/" + name + ".toml")
	for i := 0; i < len(lines); i += 2 {
		require.Contains(h.t, text, lines[i])
		text = strings.Replace(text, lines[i], lines[i+1], 1)
	}
	write(h.t, config, text)
	cmd := exec.Command(program(h.t, name), "-config", config, "-debug", "unix:"+filepath.Join(d.dir, "debug"))
	d.Process = peer.Start(h.t, cmd, peer.Options{Grace: -1, ReadyOutput: regexp.MustCompile(name + " is ready"), Timeout: patience})
	return d
}

// page is a page of the debug address.
func (d *daemon) page(path string) string {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(d.dir, "debug"))
	}}}
	resp, err := client.Get("http://debug" + path)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(d.h.t, err)
	return string(text)
}

// relays reports whether a client that asks for the name reaches a server that echoes.
func (d *daemon) relays(name string) bool {
	c, err := net.Dial("tcp", d.addr)
	if err != nil {
		return false
	}
	defer c.Close()
	hello := sniproxytest.Hello(name, sniproxytest.HelloOptions{})
	if _, err := c.Write(hello); err != nil {
		return false
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return false
	}
	got := make([]byte, len(hello))
	_, err = io.ReadFull(c, got)
	return err == nil && string(got) == string(hello)
}

// Two proxies follow the sites; one is killed and the other goes on, through the loss of
// etcd's leader.
func TestRealProxies(t *testing.T) {
	h := newHouse(t)
	h.startEtcd()
	backend := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{})
	site := func(name string) string {
		return fmt.Sprintf(`{"names":[%q],"tls_port":%d,"http_port":-1,"backends":[{"addr":"::1"}]}`, name, backend.Addr().Port())
	}
	h.put("/hostkit/sniproxyd/sites/a", site("a.example"))
	var proxies []*daemon
	for _, host := range []string{"one", "two"} {
		addr := address(t)
		proxies = append(proxies, h.start("sniproxyd", host, addr,
			`tls = [":443"]`, fmt.Sprintf("tls = [%q]", addr), `http = [":80"]`, fmt.Sprintf("http = [%q]", address(t)),
			"/var/log/sniproxyd/access.log", h.path(host+".log"),
			`allow = ["2001:db8:10::/48"]`, fmt.Sprintf("allow = [\"::1/128\"]\nloopback = true\nports = [%d]", backend.Addr().Port()),
		))
	}
	for _, p := range proxies {
		require.Eventually(t, func() bool { return p.relays("a.example") }, patience, 50*time.Millisecond)
	}
	require.NoError(t, proxies[0].Signal(syscall.SIGKILL))
	require.NoError(t, h.etcd[0].Signal(syscall.SIGKILL))
	h.put("/hostkit/sniproxyd/sites/b", site("b.example"))
	require.Eventually(t, func() bool { return proxies[1].relays("b.example") }, patience, 50*time.Millisecond)
	require.True(t, proxies[1].relays("a.example"))
	require.Contains(t, proxies[1].page("/readyz"), "routes: 2 sites, 0 left out")

	// A proxy may read and not write.
	cmd := h.etcdctl("put", "/hostkit/sniproxyd/sites/c", site("c.example"))
	for i, v := range cmd.Env {
		cmd.Env[i] = strings.NewReplacer("root.crt", "sniproxyd.crt", "root.key", "sniproxyd.key").Replace(v)
	}
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "permission denied")
}

const zone = `@ 1 IN SOA ns h 1 3600 600 86400 1
@ 1 IN NS ns
ns 1 IN A 192.0.2.53
www 1 IN A 192.0.2.1
`

// ask is what a signer answers about a name.
func (d *daemon) ask(name string, typ uint16) []dns.RR {
	q := new(dns.Msg).SetQuestion(name, typ)
	q.SetEdns0(4096, true)
	m, _, err := (&dns.Client{Net: "tcp", Timeout: 5 * time.Second}).Exchange(q, d.addr)
	if err != nil {
		return nil
	}
	return m.Answer
}

// signs reports whether it has www with this address, signed.
func (d *daemon) signs(addr string) bool {
	is, signed := false, false
	for _, rr := range d.ask("www.example.com.", dns.TypeA) {
		switch rr := rr.(type) {
		case *dns.A:
			is = rr.A.Equal(netip.MustParseAddr(addr).AsSlice())
		case *dns.RRSIG:
			signed = true
		}
	}
	return is && signed
}

func (d *daemon) serial() uint32 {
	for _, rr := range d.ask("example.com.", dns.TypeSOA) {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial
		}
	}
	return 0
}

// change gives a signer other contents of the zone.
func (d *daemon) change(addr string) {
	write(d.h.t, filepath.Join(d.dir, "zone"), strings.Replace(zone, "192.0.2.1\n", addr+"\n", 1))
	require.NoError(d.h.t, d.Signal(syscall.SIGHUP))
}

// signerTTL is how long the lock of a signer outlives it.
const signerTTL = 3 * time.Second

// signer starts one that has the keys of all.
func (h *house) signer(host string) *daemon {
	h.t.Helper()
	addr := address(h.t)
	write(h.t, h.path(host+"/zone"), zone)
	write(h.t, h.path("keys/.here"), "")
	return h.start("dnssecd", host, addr,
		`listen = [":53"]`, fmt.Sprintf("listen = [%q]\nstate = %q\nkeys = %q\ncontrol = %q", addr, h.path(host+"/state"), h.path("keys"), h.path(host+"/control")),
		`lock_ttl = "10s"`, fmt.Sprintf("lock_ttl = %q", signerTTL),
		"/etc/dnssecd/example.com.zone", h.path(host+"/zone"),
		"secondaries = [\"192.0.2.53:53\", \"[2001:db8:53::1]:53\"]\n", "",
		"allow_keys = [\"secondaries.example.\"]\n", "allow = [\"127.0.0.0/8\"]\n",
	)
}

// Two signers: one leads and does each piece of work once; when it is killed the other
// goes on with the same keys. How long that takes is logged: it should be the lock's
// lease and two seconds at most, on a machine with little else to do.
func TestRealSigners(t *testing.T) {
	h := newHouse(t)
	h.startEtcd()
	first := h.signer("one")
	out, err := exec.Command(program(t, "dnssecd"), "-config", filepath.Join(first.dir, "dnssecd.toml"), "enable", "example.com").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Eventually(t, func() bool { return first.signs("192.0.2.1") }, patience, 20*time.Millisecond)
	second := h.signer("two")

	// Both are told of a change; one of them makes it, once.
	before := first.serial()
	first.change("192.0.2.2")
	second.change("192.0.2.2")
	require.Eventually(t, func() bool { return first.signs("192.0.2.2") }, patience, 20*time.Millisecond)
	require.Never(t, func() bool { return first.serial() != before+1 }, 2*time.Second, 100*time.Millisecond)

	keys := first.ask("example.com.", dns.TypeDNSKEY)
	killed := time.Now()
	require.NoError(t, first.Signal(syscall.SIGKILL))
	second.change("192.0.2.3")
	require.Eventually(t, func() bool { return second.signs("192.0.2.3") }, patience, 20*time.Millisecond)
	t.Logf("a killed signer is replaced, and a change is signed, %.2f s later; its lock lives %v", time.Since(killed).Seconds(), signerTTL)
	require.Equal(t, before+2, second.serial(), "one change, one serial")
	require.ElementsMatch(t, dnskeys(keys), dnskeys(second.ask("example.com.", dns.TypeDNSKEY)))

	// The one that was killed comes back and takes second place.
	again := h.signer("one")
	again.change("192.0.2.4")
	second.change("192.0.2.4")
	require.Eventually(t, func() bool { return second.signs("192.0.2.4") }, patience, 20*time.Millisecond)
	require.Equal(t, before+3, second.serial())
}

func dnskeys(rrs []dns.RR) (keys []string) {
	for _, rr := range rrs {
		if k, ok := rr.(*dns.DNSKEY); ok {
			keys = append(keys, k.PublicKey)
		}
	}
	return keys
}
