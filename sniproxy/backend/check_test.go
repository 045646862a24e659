package backend_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

// site is a web server on ::1 that remembers what it was asked.
type site struct {
	addr   netip.AddrPort
	mu     sync.Mutex
	names  []string // of the handshakes
	hosts  []string // of the requests
	status int
}

func newSite(t *testing.T, secure bool, wrap func(net.Listener) net.Listener) *site {
	t.Helper()
	s := &site{status: http.StatusOK}
	l, err := net.Listen("tcp6", "[::1]:0")
	require.NoError(t, err)
	s.addr = l.Addr().(*net.TCPAddr).AddrPort()
	if wrap != nil {
		l = wrap(l)
	}
	web := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	_ = web.Listener.Close()
	web.Listener = l
	web.Config.ErrorLog = log.New(io.Discard, "", 0)
	web.TLS = &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.names = append(s.names, h.ServerName)
		return nil, nil
	}}
	if secure {
		web.StartTLS()
	} else {
		web.Start()
	}
	t.Cleanup(web.Close)
	return s
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts = append(s.hosts, r.Host+r.URL.RequestURI())
	w.WriteHeader(s.status)
}

func probe(t *testing.T, s *site, c backend.Check) error {
	t.Helper()
	c.Timeout = time.Minute
	if c.Guard == nil {
		c.Guard = loopback(s.addr)
	}
	return c.Probe(t.Context(), s.addr)
}

func TestCheckSteps(t *testing.T) {
	plain, secure := newSite(t, false, nil), newSite(t, true, nil)
	require.NoError(t, probe(t, plain, backend.Check{}))
	require.NoError(t, probe(t, secure, backend.Check{TLS: true, Name: "site.example"}))
	require.Equal(t, []string{"site.example"}, secure.names)
	require.NoError(t, probe(t, secure, backend.Check{TLS: true, Name: "site.example", Path: "/health?a=b"}))
	require.Equal(t, []string{"site.example/health?a=b"}, secure.hosts)
	require.NoError(t, probe(t, plain, backend.Check{Path: "/"}))
	require.Equal(t, []string{plain.addr.String() + "/"}, plain.hosts)

	require.ErrorContains(t, probe(t, plain, backend.Check{TLS: true, Name: "site.example"}), "TLS")
	require.ErrorContains(t, probe(t, plain, backend.Check{Path: "no path"}), "HTTP")
	for status, well := range map[int]bool{200: true, 204: true, 301: true, 399: true, 400: false, 404: false, 500: false, 503: false} {
		plain.mu.Lock()
		plain.status = status
		plain.mu.Unlock()
		err := probe(t, plain, backend.Check{Path: "/", Name: "site.example"})
		require.Equal(t, well, err == nil, "%d: %v", status, err)
	}
	gone := closedPort(t)
	require.ErrorContains(t, (&backend.Check{}).Probe(t.Context(), gone), "check "+gone.String())
}

func TestCheckAsksTheGuard(t *testing.T) {
	s := newSite(t, false, nil)
	var refused *backend.RefusedError
	require.ErrorAs(t, probe(t, s, backend.Check{Guard: &backend.Guard{}}), &refused)
	check := backend.Check{Guard: &backend.Guard{}, Dial: func(context.Context, netip.AddrPort) (net.Conn, error) {
		t.Error("dialled")
		return nil, errBoom
	}}
	require.ErrorAs(t, probe(t, s, check), &refused)
}

// required refuses connections without a PROXY header, and keeps the headers and
// what came with them in the first segment.
type required struct {
	net.Listener
	mu      sync.Mutex
	headers []proxyheader.Header
	with    []string
}

func (r *required) Accept() (net.Conn, error) {
	conn, err := r.Listener.Accept()
	if err != nil {
		return nil, err
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	h, used, derr := proxyheader.Decode(buf[:n], proxyheader.DecodeOptions{})
	if err != nil || derr != nil {
		return conn, conn.Close()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headers, r.with = append(r.headers, h), append(r.with, string(buf[used:n]))
	return &replayed{Conn: conn, r: bufio.NewReader(io.MultiReader(bytes.NewReader(buf[used:n]), conn))}, nil
}

type replayed struct {
	net.Conn
	r io.Reader
}

func (c *replayed) Read(b []byte) (int, error) { return c.r.Read(b) }

func TestCheckSendsTheHeaderOfTheSite(t *testing.T) {
	for _, secure := range []bool{false, true} {
		var front *required
		s := newSite(t, secure, func(l net.Listener) net.Listener {
			front = &required{Listener: l}
			return front
		})
		require.Error(t, probe(t, s, backend.Check{TLS: secure, Path: "/", Name: "site.example"}), "without a header")
		for _, v := range []proxyheader.Version{proxyheader.V1, proxyheader.V2} {
			require.NoError(t, probe(t, s, backend.Check{Proxy: v, TLS: secure, Path: "/", Name: "site.example"}), "%v", v)
			require.NoError(t, probe(t, s, backend.Check{Proxy: v, TLS: secure}), "%v", v)
		}
		require.Eventually(t, func() bool { // a check that only connects does not wait to be read
			front.mu.Lock()
			defer front.mu.Unlock()
			return len(front.headers) == 4
		}, time.Minute, time.Millisecond)
		v1, v2 := front.headers[0], front.headers[2]
		require.Equal(t, s.addr, v1.Destination)
		require.Equal(t, netip.IPv6Loopback(), v1.Source.Addr())
		require.Equal(t, proxyheader.Local, v2.Command)
		require.NotEmpty(t, front.with[0], "header and payload leave together")
		require.NotEmpty(t, front.with[2])
	}
}

// A check that is cut short in a handshake ends at once, by the connection that it
// dialled and not by the layers on it, which are made meanwhile. Which of the two comes
// first is chance, so this is done often.
func TestCheckCutShort(t *testing.T) {
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		near, far := net.Pipe()
		go func() {
			_, _ = far.Read(make([]byte, 1)) // the hello is on its way
			cancel()
		}()
		c := backend.Check{TLS: true, Timeout: time.Hour, Dial: func(context.Context, netip.AddrPort) (net.Conn, error) {
			return near, nil
		}}
		require.Error(t, c.Probe(ctx, netip.MustParseAddrPort("[2001:db8::1]:443")))
		require.NoError(t, far.Close())
	}
}
