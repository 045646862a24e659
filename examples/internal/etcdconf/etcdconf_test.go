package etcdconf_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/etcdconf"
)

func TestCheck(t *testing.T) {
	good := etcdconf.Config{
		Endpoints: []string{"https://[2001:db8::1]:2379"}, User: "u", PasswordFile: "/etc/p",
		CA: "/etc/ca", Certificate: "/etc/crt", Key: "/etc/key",
	}
	require.NoError(t, good.Check("etcd."))
	var none etcdconf.Config
	require.NoError(t, none.Check("etcd."))
	require.False(t, none.Set())
	for want, change := range map[string]func(*etcdconf.Config){
		"x.endpoints[0]: is no URL":            func(c *etcdconf.Config) { c.Endpoints[0] = "ftp://a" },
		"x.ca: is not an absolute path":        func(c *etcdconf.Config) { c.CA = "ca" },
		"x.ca: is there and endpoints are not": func(c *etcdconf.Config) { c.Endpoints = nil },
		"x.user: and password_file":            func(c *etcdconf.Config) { c.User = "" },
		"x.certificate: and key":               func(c *etcdconf.Config) { c.Key = "" },
	} {
		bad := good
		bad.Endpoints = []string{"http://etcd:2379"}
		change(&bad)
		require.ErrorContains(t, bad.Check("x."), want)
	}
}

func TestTLS(t *testing.T) {
	none := etcdconf.Config{Endpoints: []string{"https://etcd:2379"}}
	c, err := none.TLS()
	require.NoError(t, err)
	require.Nil(t, c)

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	crt, keyFile, junk := filepath.Join(dir, "crt"), filepath.Join(dir, "key"), filepath.Join(dir, "junk")
	require.NoError(t, os.WriteFile(crt, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	require.NoError(t, os.WriteFile(junk, []byte("junk"), 0o600))

	full := etcdconf.Config{CA: crt, Certificate: crt, Key: keyFile}
	c, err = full.TLS()
	require.NoError(t, err)
	require.NotNil(t, c.RootCAs)
	require.Len(t, c.Certificates, 1)
	for _, bad := range []etcdconf.Config{{CA: junk}, {CA: dir + "/none"}, {Certificate: junk, Key: keyFile}} {
		_, err := bad.TLS()
		require.Error(t, err)
	}
}
