package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

const name = "www.shop.test"

// issue writes a certificate and its key, and returns who is to be trusted.
func issue(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "tls"), 0o700))
	for file, block := range map[string]*pem.Block{
		"tls/chain.pem": {Type: "CERTIFICATE", Bytes: der}, "tls/key.pem": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600))
	}
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return pool
}

// get asks as a proxy does, for a client at an address.
func get(t *testing.T, server net.Addr, client string, roots *x509.CertPool) (string, error) {
	t.Helper()
	transport := &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", server.String())
			if err == nil && client != "" {
				_, err = fmt.Fprintf(conn, "PROXY TCP4 %s 192.0.2.1 40000 443\r\n", client)
			}
			return conn, err
		},
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+name+"/", nil)
	require.NoError(t, err)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", resp.Status)
	}
	return string(body), err
}

func TestSite(t *testing.T) {
	s := site{dir: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		done <- s.serve(&proxyheader.Listener{Listener: l, Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	}()

	_, err = get(t, l.Addr(), "192.0.2.7", x509.NewCertPool())
	require.Error(t, err, "there is no certificate yet")
	roots := issue(t, s.dir)
	_, err = get(t, l.Addr(), "192.0.2.7", roots)
	require.ErrorContains(t, err, "500", "there is no page yet")
	require.NoError(t, os.WriteFile(s.path("page"), []byte("generation 1"), 0o600))
	page, err := get(t, l.Addr(), "192.0.2.7", roots)
	require.NoError(t, err)
	require.Contains(t, page, "generation 1\n")
	require.Contains(t, page, "client 192.0.2.7\n")
	_, err = get(t, l.Addr(), "", roots)
	require.Error(t, err, "it says no PROXY header")

	// A certificate that was renewed is in use at once.
	renewed := issue(t, s.dir)
	_, err = get(t, l.Addr(), "192.0.2.7", renewed)
	require.NoError(t, err)
	_, err = get(t, l.Addr(), "192.0.2.7", roots)
	require.Error(t, err)
	require.NoError(t, l.Close())
	require.Error(t, <-done)
}

func TestRootType(t *testing.T) {
	for _, tt := range []struct{ name, mounts, want string }{
		{"initramfs below", "rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\n10.77.0.1:/pi1/root / nfs rw,vers=3 0 0\n", "nfs"},
		{"disk", "/dev/vda / ext4 rw 0 0\n", "ext4"},
		{"nothing", "", "nothing"},
		{"damaged", "x /\n", "nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, rootType([]byte(tt.mounts))) })
	}
}
