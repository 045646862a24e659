package etcdkv_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/etcdkv"
	"github.com/mythic-beasts/hostkit/internal/etcdtest"
	"github.com/mythic-beasts/hostkit/internal/kv"
	"github.com/stretchr/testify/require"
)

func TestOptionsRefused(t *testing.T) {
	open := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(open, []byte("s3cret"), 0o600))
	require.NoError(t, os.Chmod(open, 0o640))
	some := []string{"http://127.0.0.1:1"}
	for _, tt := range []struct {
		o    etcdkv.Options
		want string
	}{
		{etcdkv.Options{}, "endpoint"},
		{etcdkv.Options{Endpoints: some, Prefix: "\x00"}, "NUL"},
		{etcdkv.Options{Endpoints: some, Username: "u"}, "password"},
		{etcdkv.Options{Endpoints: some, Username: "u", PasswordFile: open}, "chmod"},
		{etcdkv.Options{Endpoints: some, Username: "u", PasswordFile: open + "x"}, "no such file"},
	} {
		_, err := etcdkv.New(tt.o)
		require.ErrorContains(t, err, tt.want)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

// authority makes certificates, in files and for Go.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	a := &authority{dir: t.TempDir(), pool: x509.NewCertPool()}
	a.cert, a.key = a.make(t, "ca")
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) make(t *testing.T, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: a.cert == nil,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for file, block := range map[string]*pem.Block{
		a.file(name + ".pem"): {Type: "CERTIFICATE", Bytes: der}, a.file(name + ".key"): {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	return cert, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) config(t *testing.T, name string) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.file(name+".pem"), a.file(name+".key"))
	require.NoError(t, err)
	return &tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

// TestRealTLSAndPassword has a cluster that wants certificates and a password, and a
// user who may use one prefix only.
func TestRealTLSAndPassword(t *testing.T) {
	a := newAuthority(t)
	a.make(t, "server")
	a.make(t, "client")
	config := a.config(t, "client")
	c := etcdtest.Start(t, etcdtest.Options{
		Scheme: "https",
		Client: &http.Client{Transport: &http.Transport{TLSClientConfig: config}},
		Args: []string{
			"--cert-file", a.file("server.pem"), "--key-file", a.file("server.key"),
			"--trusted-ca-file", a.file("ca.pem"), "--client-cert-auth",
		},
	})
	const password = "correct horse"
	for _, user := range []string{"root", "dnssecd"} {
		c.Call(t, "auth/user/add", map[string]any{"name": user, "password": password}, nil)
		c.Call(t, "auth/role/add", map[string]any{"name": user}, nil)
		c.Call(t, "auth/user/grant", map[string]any{"user": user, "role": user}, nil)
	}
	c.Call(t, "auth/role/grant", map[string]any{"name": "dnssecd", "perm": map[string]any{
		"permType": "READWRITE", "key": []byte("/hostkit/"), "range_end": []byte("/hostkit0"),
	}}, nil)
	c.Call(t, "auth/enable", nil, nil)

	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte(password+"\n"), 0o600))
	o := etcdkv.Options{Endpoints: c.Endpoints(), Prefix: "/hostkit/", TLS: config, Username: "dnssecd", PasswordFile: file}
	s := open(t, o)
	held, unlock, err := s.Lock(t.Context(), "l")
	require.NoError(t, err)
	_, err = s.Put(held, "k", []byte("v"), 0)
	require.NoError(t, err)
	require.NoError(t, s.List(t.Context(), "", func(key string, _ []byte, _ int64) error {
		require.Equal(t, "k", key)
		return nil
	}))
	require.NoError(t, unlock())

	o.Prefix = "/others/"
	_, err = open(t, o).Put(t.Context(), "k", []byte("v"), -1)
	require.ErrorContains(t, err, "permission denied")

	require.NoError(t, os.WriteFile(file, []byte("wrong"), 0o600))
	_, err = etcdkv.New(o)
	require.Error(t, err)
	require.NotContains(t, fmt.Sprintf("%v %+v", err, o), "wrong")
}

// Without a prefix the store's keys are etcd's, and locks are not among them.
func TestRealNoPrefix(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{})
	s := open(t, etcdkv.Options{Endpoints: c.Endpoints()})
	c.Call(t, "kv/put", map[string]any{"key": []byte("k"), "value": []byte("from outside")}, nil)
	_, unlock, err := s.Lock(t.Context(), "l")
	require.NoError(t, err)
	w := follow(t, s, "")
	w.becomes(t, map[string]string{"k": "from outside"})
	put(t, s, "\x01", "low")
	put(t, s, "\xff", "high")
	w.becomes(t, map[string]string{"k": "from outside", "\x01": "low", "\xff": "high"})
	require.NoError(t, unlock())
	_, _, err = s.Get(t.Context(), "l")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, _, err = s.Get(t.Context(), "\x00lock/l")
	require.ErrorIs(t, err, kv.ErrInvalid)
}
