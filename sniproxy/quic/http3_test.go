package quic_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	quicgo "github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"
)

// TestHTTP3: a page, with the real client and server of HTTP/3.
func TestHTTP3(t *testing.T) {
	certs, pool := certificates(t, site)
	pc, err := net.ListenPacket("udp6", "[::1]:0")
	require.NoError(t, err)
	server := &http3.Server{
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{certs[site]}}),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			_, _ = io.WriteString(w, q.Proto+" "+q.Host+strings.Repeat("!", 300_000))
		}),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(pc) }()
	t.Cleanup(func() {
		server.Close()
		<-served
		pc.Close()
	})
	r := startRelay(t, map[string][]netip.AddrPort{site: {pc.LocalAddr().(*net.UDPAddr).AddrPort()}}, nil)
	transport := &http3.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool},
		Dial: func(ctx context.Context, _ string, tlsConfig *tls.Config, config *quicgo.Config) (*quicgo.Conn, error) {
			return quicgo.DialAddrEarly(ctx, r.addr.String(), tlsConfig, config)
		},
	}
	t.Cleanup(func() { transport.Close() })
	client := &http.Client{Transport: transport, Timeout: patience}
	for range 2 {
		res, err := client.Get("https://" + site + "/")
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		res.Body.Close()
		require.True(t, strings.HasPrefix(string(body), "HTTP/3.0 "+site+"!!!"))
	}
	require.EqualValues(t, 1, r.Stats().Accepted)
}
