package httphead_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

// realServer starts a server that says in X-Seen which Host and request line it saw.
type realServer struct {
	name    string
	program string
	args    func(config string) []string
	config  string // DIR and PORT stand for what they are
}

var realServers = []realServer{
	{
		"nginx", "nginx", func(c string) []string { return []string{"-c", c, "-p", filepath.Dir(c), "-e", "stderr"} },
		`daemon off; worker_processes 1; pid DIR/pid; error_log stderr crit;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path DIR; proxy_temp_path DIR; fastcgi_temp_path DIR; uwsgi_temp_path DIR; scgi_temp_path DIR;
  server { listen 127.0.0.1:PORT; add_header X-Seen "$http_host $request" always; location / { return 200 "ok\n"; } }
}`,
	},
	{
		"Apache", "apache2", func(c string) []string { return []string{"-DFOREGROUND", "-f", c} },
		`ServerRoot DIR
DefaultRuntimeDir DIR
PidFile DIR/pid
ErrorLog DIR/error
LogLevel crit
ServerName a.example
Listen 127.0.0.1:PORT
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
StartServers 1
ThreadsPerChild 8
DocumentRoot DIR
Header always set X-Seen "expr=%{HTTP:Host} %{THE_REQUEST}"`,
	},
	{
		"HAProxy", "haproxy", func(c string) []string { return []string{"-db", "-f", c} },
		`global
  maxconn 64
  nbthread 1
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 30s
frontend f
  bind 127.0.0.1:PORT
  http-request capture req.hdr(host) len 300
  http-request wait-for-body time 10s if { method POST }
  http-request return status 200 content-type text/plain string ok hdr X-Seen "%[req.hdr(host)] %[method] %[capture.req.uri] %[capture.req.ver]"`,
	},
}

// start returns the server's address.
func (s *realServer) start(t *testing.T) string {
	t.Helper()
	program := peer.Look(t, s.program)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	text := strings.NewReplacer("DIR", dir, "PORT", port).Replace(s.config) + "\n"
	require.NoError(t, os.WriteFile(config, []byte(text), 0o644))
	peer.Start(t, exec.Command(program, s.args(config)...), peer.Options{Ready: func(ctx context.Context) error {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return c.Close()
	}})
	return addr
}

// sentinel comes behind each request that leaves the connection open.
const sentinel = "GET /the-next-request HTTP/1.1\r\nHost: next.example\r\nConnection: close\r\n\r\n"

// Whatever is forwarded, a real server sees that one request, for the host that
// it was routed by, and the next one behind it.
func TestRealBackends(t *testing.T) {
	for _, s := range realServers {
		t.Run(s.name, func(t *testing.T) { requireOneToOne(t, s.name, s.start(t)) })
	}
	t.Run("net/http", func(t *testing.T) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("X-Seen", r.Host+" "+r.Method+" "+r.RequestURI+" "+r.Proto)
		}))
		defer s.Close()
		requireOneToOne(t, "net/http", s.Listener.Addr().String())
	})
}

func requireOneToOne(t *testing.T, name, addr string) {
	for _, c := range accepted {
		t.Run(c.name, func(t *testing.T) { requireSeenOnce(t, addr, c.raw) })
	}
	for _, c := range chunked {
		if c.ok {
			t.Run(c.name, func(t *testing.T) { requireSeenOnce(t, addr, chunkedHead+c.raw) })
		}
	}
	alone := 0
	for _, c := range refused {
		if servesAnyway(t, addr, c.raw) {
			alone++
		}
	}
	t.Logf("of %d forms that are refused, %s alone would serve %d", len(refused), name, alone)
}

// requireSeenOnce forwards a request and another behind it.
func requireSeenOnce(t *testing.T, addr, raw string) {
	t.Helper()
	var p httphead.RequestParser
	var r httphead.Request
	n, err := p.Parse([]byte(raw), &r)
	require.NoError(t, err)
	out, err := r.AppendForward(nil, stranger)
	if err != nil {
		requireStatus(t, err, 508)
		return
	}
	body := r.Body
	m, err := body.Next([]byte(raw[n:]))
	require.NoError(t, err)
	out = append(out, raw[n:n+m]...)
	if !body.Done() {
		out = append(out, bytes.Repeat([]byte("x"), int(body.Certain()))...)
	}
	want := []string{seen(out)}
	exchanges := []httphead.Exchange{r.Exchange()}
	if !r.Exchange().CloseBackend {
		out = append(out, sentinel...)
		want = append(want, seen([]byte(sentinel)))
		exchanges = append(exchanges, httphead.Exchange{})
	}
	back, err := converse(t, addr, out, false)
	require.NoError(t, err)
	got, err := answers(back, exchanges)
	require.NoError(t, err)
	require.LessOrEqual(t, len(got), len(want))
	for i := range got {
		// Apache says nothing to "OPTIONS *", HAProxy leaves out the asterisk, and
		// some want no such request.
		if got[i] != "" && !strings.HasPrefix(got[i], "error ") {
			require.Equal(t, want[i], strings.Replace(got[i], "OPTIONS  HTTP", "OPTIONS * HTTP", 1))
		}
	}
	require.NotEmpty(t, got)
	// A server may close early after an error, or on a body that it does not want.
	early := strings.HasPrefix(got[len(got)-1], "error ") || len(out) > 16<<10
	require.True(t, len(got) == len(want) || early, "%q", got)
}

// seen is what a server says that saw this head.
func seen(head []byte) string {
	line, rest, _ := strings.Cut(string(head), "\r\n")
	host, _, _ := strings.Cut(rest, "\r\n")
	host, found := strings.CutPrefix(host, "Host: ")
	if !found {
		host = ""
	}
	return strings.TrimSpace(host + " " + line)
}

// converse sends all of it and returns what comes until the connection's end.
func converse(t *testing.T, addr string, out []byte, end bool) ([]byte, error) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	if _, err = c.Write(out); err != nil {
		return nil, err
	}
	if end {
		c.(*net.TCPConn).CloseWrite()
	}
	return io.ReadAll(c)
}

// answers reads responses, of which there must be no more than requests.
func answers(back []byte, exchanges []httphead.Exchange) (got []string, err error) {
	for len(back) > 0 {
		if len(got) == len(exchanges) {
			return got, fmt.Errorf("more than %d responses: %q", len(got), back)
		}
		var p httphead.ResponseParser
		var r httphead.Response
		n, err := p.Parse(back, exchanges[len(got)], &r)
		if err != nil || n == 0 {
			return got, fmt.Errorf("response %q: %w", back, errors.Join(err, io.ErrUnexpectedEOF))
		}
		switch {
		case r.Interim:
		case r.Status == 200 || r.Status == 404: // there is nothing in Apache's folder
			got = append(got, field(r.AppendRelay(nil), "X-Seen: "))
		default:
			got = append(got, fmt.Sprint("error ", r.Status))
		}
		m, err := r.Body.Next(back[n:])
		if err == nil && !r.Body.Done() {
			err = r.Body.End()
		}
		if err != nil {
			return got, err
		}
		back = back[n+m:]
	}
	return got, nil
}

func field(head []byte, name string) string {
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if len(line) > len(name) && strings.EqualFold(line[:len(name)], name) {
			return strings.TrimSpace(line[len(name):])
		}
	}
	return ""
}

// servesAnyway reports whether the server takes for good what is refused here.
func servesAnyway(t *testing.T, addr, raw string) bool {
	t.Helper()
	back, _ := converse(t, addr, []byte(raw), true)
	got, _ := answers(back, make([]httphead.Exchange, 3))
	return len(got) > 0 && !strings.HasPrefix(got[0], "error ")
}
