package realtest_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/websocket"

	"github.com/mythic-beasts/hostkit/sniproxy/internal/testcert"
	"github.com/mythic-beasts/hostkit/sniproxy/internal/webpeer"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// The sites of an origin. The first and the second have HTTP/2, the old one has not.
const (
	one  = "one.example"
	two  = "two.example"
	old  = "old.example"
	home = "localhost"
)

// origin is an nginx with a port for each site and kind, a certificate for each
// site, and an application behind it.
type origin struct {
	*webpeer.Server
	sites []routes.Site
	ca    string // a file with all certificates
	roots *x509.CertPool
	files string // folder that all sites serve
}

// newOrigin starts one.
func newOrigin(t *testing.T) *origin {
	t.Helper()
	o := &origin{files: t.TempDir(), roots: x509.NewCertPool()}
	o.ca = filepath.Join(t.TempDir(), "ca.pem")
	app := newApplication(t)
	var config strings.Builder
	config.WriteString(originHead)
	var listeners []webpeer.Listener
	var all []byte
	names := []string{one, two, old, home}
	ports := webpeer.FreePorts(t, netip.IPv6Loopback(), 2*len(names))
	for i, name := range names {
		secure, plain := ports[2*i], ports[2*i+1]
		listeners = append(listeners, webpeer.Listener{Addr: plain}, webpeer.Listener{Addr: secure, TLS: true})
		o.sites = append(o.sites, site(name, secure.Port(), plain.Port()))
		dir := t.TempDir()
		cert, key, _ := testcert.New(t, name)
		all = append(all, cert...)
		o.roots.AppendCertsFromPEM(cert)
		o.write(t, filepath.Join(dir, "cert"), cert)
		o.write(t, filepath.Join(dir, "key"), key)
		protocol := "http2"
		if name == old {
			protocol = ""
		}
		config.WriteString(strings.NewReplacer("NAME", name, "SECURE", secure.String(), "PLAIN", plain.String(), "PROTOCOL", protocol,
			"KEYS", dir, "FILES", o.files, "APP", app).Replace(originSite))
	}
	o.write(t, o.ca, all)
	o.Server = webpeer.NginxWith(t, config.String(), listeners...)
	return o
}

const originHead = `
log_format seen '$host $request $status for=$remote_addr xff=$http_x_forwarded_for forwarded=$http_forwarded '
  'proto=$http_x_forwarded_proto host=$http_x_forwarded_host real=$http_x_real_ip via=$http_via secret=$http_x_secret';
underscores_in_headers on;
map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
types { text/html html; }
default_type text/plain;
`

const originSite = `
server {
	listen SECURE ssl PROTOCOL;
	listen PLAIN;
	access_log DIR/access.log seen;
	server_name NAME;
	ssl_certificate KEYS/cert;
	ssl_certificate_key KEYS/key;
	ssl_protocols TLSv1.2 TLSv1.3;
	client_max_body_size 64m;
	keepalive_requests 100000;
	root FILES;
	location = /who { return 200 "NAME $scheme $server_protocol"; }
	location /app/ {
		proxy_pass http://APP;
		proxy_http_version 1.1;
		proxy_request_buffering off;
		proxy_set_header Upgrade $http_upgrade;
		proxy_set_header Connection $connection_upgrade;
	}
}
`

func (o *origin) write(t *testing.T, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

// site is the origin's site of that name.
func (o *origin) site(t *testing.T, name string) routes.Site {
	t.Helper()
	for _, s := range o.sites {
		if s.Names[0] == name {
			return s
		}
	}
	t.Fatalf("no site %q", name)
	return routes.Site{}
}

// random is a file of that size which all sites serve, and its sum.
func (o *origin) random(t *testing.T, name string, size int) (sum string) {
	t.Helper()
	content := bytes.Repeat([]byte{0}, size)
	_, err := rand.NewChaCha8([32]byte{byte(size)}).Read(content)
	require.NoError(t, err)
	o.write(t, filepath.Join(o.files, name), content)
	return hexSum(content)
}

func hexSum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// newApplication starts a server that answers with the sum of what it is sent, or
// echoes on a websocket, and returns its address.
func newApplication(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("/app/sum", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "%s %d %x", r.Method, n, h.Sum(nil))
	})
	mux.Handle("/app/echo", websocket.Handler(func(ws *websocket.Conn) { _, _ = io.Copy(ws, ws) }))
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: mux}}
	s.Start()
	t.Cleanup(s.Close)
	return l.Addr().String()
}
