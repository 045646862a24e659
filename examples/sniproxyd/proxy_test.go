package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	quicgo "github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// web is an HTTP server on ::1 that says who it thinks asks.
func web(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "[::1]:0")
	require.NoError(t, err)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+" for "+r.Header.Get("X-Forwarded-For"))
	}))
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return netip.MustParseAddrPort(l.Addr().String()).Port()
}

func (r *rig) get(host string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.http+"/", nil)
	require.NoError(r.t, err)
	req.Host = host
	req.Header.Set("X-Forwarded-For", "203.0.113.66")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp.StatusCode, string(text)
}

// accessLines are those of the log, once there are so many.
func (r *rig) accessLines(n int) (lines []accessLine) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		text, err := os.ReadFile(r.path("access.log"))
		if err != nil || strings.Count(string(text), "\n") < n {
			return false
		}
		lines = nil
		for line := range strings.Lines(string(text)) {
			var l accessLine
			if json.Unmarshal([]byte(line), &l) != nil {
				return false
			}
			lines = append(lines, l)
		}
		return true
	}, patience, 20*time.Millisecond)
	return lines
}

func TestProxy(t *testing.T) {
	r := newRig(t)
	secure := r.backend(sniproxytest.BackendOptions{TLS: true, Names: []string{"a.example"}, Proxy: proxyheader.V1})
	plain := web(t)
	r.ports = append(r.ports, plain)
	r.site("a.example", int(secure.Addr().Port()), int(plain), "proxy = \"v1\"")
	// The web server knows no PROXY header.
	r.site("b.example", -1, int(plain), "")
	r.start()

	c, err := tls.Dial("tcp", r.tls, secure.ClientConfig("a.example"))
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "through")
	require.NoError(t, err)
	got := make([]byte, 7)
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, "through", string(got))
	require.NoError(t, c.Close())
	seen := secure.Await(t, 1)[0]
	require.Equal(t, c.LocalAddr().String(), seen.Header.Source.String(), "the client's address, IPv4")
	require.Equal(t, r.tls, seen.Header.Destination.String())

	status, body := r.get("b.example")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "b.example for 127.0.0.1", body, "a stranger's X-Forwarded-For is replaced")
	status, _ = r.get("c.example")
	require.NotEqual(t, http.StatusOK, status)
	_, err = tls.Dial("tcp", r.tls, secure.ClientConfig("b.example"))
	require.ErrorContains(t, err, "unrecognized name")

	var refused, relayed, request bool
	require.Eventually(t, func() bool {
		for _, l := range r.accessLines(4) {
			switch {
			case l.Proto == "tls" && l.Name == "a.example":
				relayed = l.Site == "a.example" && l.Backend == secure.Addr().String() && l.Result == "routed" && l.Proxy == "v1"
			case l.Proto == "tls" && l.Name == "b.example":
				refused = l.Result == "unknown_name" && l.Backend == ""
			case l.Status == http.StatusOK:
				request = l.Site == "b.example" && l.Method == http.MethodGet
			}
		}
		return refused && relayed && request
	}, patience, 50*time.Millisecond)
	metrics := r.page("/metrics")
	for _, want := range []string{
		`sniproxy_connections_total{result="unknown_name"} `, `sniproxy_site_connections_total{site="a.example"} 1`,
		`sniproxy_http_requests_total{code="200",site="b.example"} 1`, `sniproxy_proxy_header_total{direction="out",result="ok",version="v1"} 1`,
		"sniproxy_hello_bytes_count 2", `sniproxy_backend_dial_seconds_count{result="ok"} 2`,
	} {
		require.Contains(t, metrics, want)
	}
	require.NotContains(t, metrics, "c.example", "no label is a stranger's word")
	require.Contains(t, r.page("/sites"), `"site":"a.example"`)
	r.signal(syscall.SIGTERM)
	r.awaitEnd()
}

func TestReload(t *testing.T) {
	r := newRig(t)
	echo := int(r.backend(sniproxytest.BackendOptions{}).Addr().Port())
	r.site("a.example", echo, -1, "")
	r.start()
	old := r.dial("a.example")

	good := r.routes
	r.site("b.example", echo, -1, "")
	r.config()
	require.NoError(t, os.Rename(r.path("access.log"), r.path("access.log.1")))
	r.signal(syscall.SIGHUP)
	r.awaitSaid("sites=2", 1)
	r.dial("b.example").echo("new")
	require.FileExists(t, r.path("access.log"))

	r.routes += "[[site]]\nnames = [\"c.example\"]\nproxy = \"v3\"\n"
	r.config()
	r.signal(syscall.SIGHUP)
	r.awaitSaid("the new configuration is bad, the old one stays", 1)
	r.dial("b.example").echo("still here")

	r.routes, r.extra = good, "shards = 1"
	r.config()
	r.signal(syscall.SIGHUP)
	r.awaitSaid("restart it (SIGUSR2) for a new shards", 1)
	r.dial("b.example").echo("still here")
	old.echo("nothing happened")
}

// The next process takes over while connections of the old one go on.
func TestSuccessor(t *testing.T) {
	r := newRig(t)
	echo := int(r.backend(sniproxytest.BackendOptions{}).Addr().Port())
	r.site("a.example", echo, -1, "")
	r.start()
	old := r.dial("a.example")

	// One that cannot start changes nothing.
	good := r.routes
	r.routes = "nonsense"
	r.config()
	r.signal(syscall.SIGUSR2)
	r.awaitSaid("this process goes on", 1)
	second := r.dial("a.example")
	second.echo("as before")
	require.NoError(t, second.Close())

	r.routes = good
	r.extra = "shards = 1" // what a reload cannot change
	r.config()
	stop, failed := make(chan struct{}), make(chan error, 1)
	go func() { // clients all the while
		defer close(failed)
		for {
			select {
			case <-stop:
				return
			default:
			}
			c, err := net.Dial("tcp", r.tls)
			if err == nil {
				_, err = c.Write(sniproxytest.Hello("a.example", sniproxytest.HelloOptions{}))
				if err == nil {
					_, err = c.Read(make([]byte, 64))
				}
				_ = c.Close()
			}
			if err != nil {
				failed <- err
				return
			}
		}
	}()
	r.signal(syscall.SIGUSR2)
	r.awaitSaid("the next process serves", 1)
	r.awaitSaid("no new connections", 1)
	close(stop)
	require.NoError(t, <-failed, "no client was refused")
	r.dial("a.example").echo("by the next one")
	old.echo("and the old one goes on")
	select {
	case err := <-r.ended:
		require.Fail(t, "it ended with a connection open", "%v", err)
	default:
	}
	require.NoError(t, old.Close())
	r.awaitEnd()
	r.dial("a.example").echo("alone")
}

func TestCheck(t *testing.T) {
	r := newRig(t)
	v1 := r.backend(sniproxytest.BackendOptions{TLS: true, Names: []string{"good.example"}, Proxy: proxyheader.V1})
	r.site("good.example", int(v1.Addr().Port()), -1, "proxy = \"v1\"")
	none := r.backend(sniproxytest.BackendOptions{TLS: true, Names: []string{"bad.example"}})
	r.site("bad.example", int(none.Addr().Port()), -1, "proxy = \"v1\"")
	run := func(args ...string) (string, error) {
		out, err := exec.Command("sniproxyd", append([]string{"check", "-config", r.config()}, args...)...).CombinedOutput()
		return string(out), err
	}
	out, err := run("good.example")
	require.NoError(t, err, out)
	require.Regexp(t, `^good.example TLS \[::1\]:\d+: good, proxy = "v1": .+\n$`, out)
	out, err = run()
	require.Error(t, err)
	require.Contains(t, out, `: BAD, proxy = "v1"`)
	require.Contains(t, out, "  remedy: ")
	require.Contains(t, out, "  in nginx's ")
	out, err = run("nobody.example")
	require.Error(t, err)
	require.Contains(t, out, `no site is called "nobody.example"`)
}

// The daemon serves QUIC too.
func TestQUIC(t *testing.T) {
	r := newRig(t)
	lender := httptest.NewTLSServer(nil) // of a certificate for example.com
	defer lender.Close()
	server, err := quicgo.ListenAddr("[::1]:0", &tls.Config{
		Certificates: lender.TLS.Certificates, NextProtos: []string{"echo"}, MinVersion: tls.VersionTLS13,
	}, nil)
	require.NoError(t, err)
	defer server.Close()
	go func() {
		c, err := server.Accept(t.Context())
		if err != nil {
			return
		}
		s, err := c.AcceptStream(t.Context())
		if err == nil {
			_, _ = io.Copy(s, s)
			_ = s.Close()
		}
	}()
	port := netip.MustParseAddrPort(server.Addr().String()).Port()
	r.ports = append(r.ports, port)
	r.site("example.com", int(port), -1, "")
	r.start()

	roots := x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	c, err := quicgo.DialAddr(t.Context(), r.tls, &tls.Config{
		RootCAs: roots, ServerName: "example.com", NextProtos: []string{"echo"}, MinVersion: tls.VersionTLS13,
	}, nil)
	require.NoError(t, err)
	s, err := c.OpenStreamSync(t.Context())
	require.NoError(t, err)
	_, err = io.WriteString(s, "through")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	got, err := io.ReadAll(s)
	require.NoError(t, err)
	require.Equal(t, "through", string(got))
	require.Contains(t, r.page("/metrics"), "sniproxy_quic_connections_active 1")
	require.NoError(t, c.CloseWithError(0, ""))
}
