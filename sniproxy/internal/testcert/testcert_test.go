package testcert_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/internal/testcert"
	"github.com/stretchr/testify/require"
)

func TestNew(t *testing.T) {
	for _, names := range [][]string{{"localhost"}, {"a.example", "b.example"}} {
		cert, key, roots := testcert.New(t, names...)
		pair, err := tls.X509KeyPair(cert, key)
		require.NoError(t, err)
		for _, name := range names {
			_, err = pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots})
			require.NoError(t, err)
		}
	}
	cert, key, _ := testcert.New(t)
	pair, err := tls.X509KeyPair(cert, key)
	require.NoError(t, err)
	require.Equal(t, []string{"localhost"}, pair.Leaf.DNSNames)
}
