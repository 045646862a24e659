package proxyheader_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/internal/webpeer"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

// seen is what a server behind a Listener knows of a connection.
type seen struct {
	Remote, Local       string
	Version, Command    string
	Source, Destination netip.AddrPort
	Authority, UniqueID string
	CRC32C, SSL         bool
}

// behind starts a server on [::1] that answers each request with what it has
// seen, and tells of LOCAL connections on the channel.
func behind(t *testing.T) (addr netip.AddrPort, local chan seen) {
	t.Helper()
	inner, err := net.Listen("tcp", "[::1]:0")
	require.NoError(t, err)
	local = make(chan seen, 1)
	s := httptest.NewUnstartedServer(nil)
	require.NoError(t, s.Listener.Close())
	s.Listener = &proxyheader.Listener{Listener: inner, Trusted: loopback}
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		h, _ := proxyheader.HeaderOf(c)
		return context.WithValue(ctx, headerKey{}, h)
	}
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, _ := r.Context().Value(headerKey{}).(proxyheader.Header)
		_, ssl := h.TLVs.Get(proxyheader.TypeSSL)
		is := seen{
			r.RemoteAddr, fmt.Sprint(r.Context().Value(http.LocalAddrContextKey)), h.Version.String(), h.Command.String(),
			h.Source, h.Destination, string(h.Authority), string(h.UniqueID), h.CRC32C, ssl,
		}
		if h.Command == proxyheader.Local {
			select {
			case local <- is:
			default: // one is enough
			}
		}
		_ = json.NewEncoder(w).Encode(is)
	})
	s.Start()
	t.Cleanup(s.Close)
	return inner.Addr().(*net.TCPAddr).AddrPort(), local
}

// get asks through HAProxy and returns what the server saw and the client's own
// address.
func get(t *testing.T, front netip.AddrPort, secure bool) (got seen, client string) {
	t.Helper()
	scheme := "http"
	if secure {
		scheme = "https"
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			c, err := d.DialContext(ctx, network, front.String())
			if err == nil {
				client = c.LocalAddr().String()
			}
			return c, err
		},
	}
	resp, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Get(scheme + "://www.example.org/")
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
	return got, client
}

func TestRealHAProxySends(t *testing.T) {
	addr, local := behind(t)
	fronts := webpeer.FreePorts(t, netip.MustParseAddr("127.0.0.1"), 3)
	config := fmt.Sprintf(`
frontend one
  bind %v
  default_backend one
backend one
  server s %v send-proxy
frontend two
  bind %v
  default_backend two
backend two
  server s %v send-proxy-v2
frontend three
  bind %v ssl crt DIR/both.pem
  unique-id-format id-%%pid-%%rt
  default_backend three
backend three
  server s %v send-proxy-v2 proxy-v2-options crc32c,unique-id,authority,ssl check check-send-proxy inter 100ms
`, fronts[0], addr, fronts[1], addr, fronts[2], addr)
	config = strings.ReplaceAll(config, "backend three\n", "backend three\n  option httpchk GET /\n")
	webpeer.HAProxyWith(t, config, webpeer.Listener{Addr: fronts[0]}, webpeer.Listener{Addr: fronts[1]}, webpeer.Listener{Addr: fronts[2]})

	for i, version := range []string{"v1", "v2", "v2"} {
		got, client := get(t, fronts[i], i == 2)
		require.Equal(t, client, got.Remote)
		require.Equal(t, fronts[i].String(), got.Local)
		require.Equal(t, client, got.Source.String())
		require.Equal(t, fronts[i], got.Destination)
		require.Equal(t, version, got.Version)
		require.Equal(t, "PROXY", got.Command)
		require.Equal(t, i == 2, got.CRC32C, "the checksum of HAProxy is right")
		require.Equal(t, i == 2, got.SSL)
		if i == 2 {
			require.Equal(t, "www.example.org", got.Authority)
			require.True(t, strings.HasPrefix(got.UniqueID, "id-"), got.UniqueID)
		}
	}

	select {
	case check := <-local:
		require.Equal(t, "LOCAL", check.Command)
		require.True(t, strings.HasPrefix(check.Remote, "[::1]:"), "a health check comes from HAProxy itself: %v", check.Remote)
		require.Equal(t, addr.String(), check.Local)
	case <-time.After(time.Minute):
		t.Fatal("no health check came")
	}
}
