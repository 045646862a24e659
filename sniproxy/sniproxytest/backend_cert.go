package sniproxytest

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/internal/testcert"
)

// certificate is a server's configuration with a certificate for the names, and
// the pool that trusts it.
func certificate(t testing.TB, names []string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	cert, key, roots := testcert.New(t, names...)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatalf("sniproxytest: certificate: %v", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, roots
}
