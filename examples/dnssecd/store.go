package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/etcdstore"
	"github.com/mythic-beasts/hostkit/dnssec/filestore"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
)

// store is where the states of zones are.
type store interface {
	manager.Store
	io.Closer
}

func (s *Settings) store() (store, error) {
	if len(s.Etcd.Endpoints) == 0 {
		return filestore.New(filepath.Join(s.State, "store"))
	}
	o := etcdstore.Options{
		Endpoints: s.Etcd.Endpoints, Prefix: cmp.Or(s.Etcd.Prefix, "/dnssecd/"),
		Username: s.Etcd.User, PasswordFile: s.Etcd.PasswordFile,
		LockTTL: time.Duration(s.Etcd.LockTTL),
	}
	if s.Etcd.CA != "" || s.Etcd.Certificate != "" {
		config, err := clientTLS(s.Etcd.CA, s.Etcd.Certificate, s.Etcd.Key)
		if err != nil {
			return nil, fmt.Errorf("etcd: %w", err)
		}
		o.TLS = config
	}
	return etcdstore.New(o)
}

// clientTLS trusts an authority, "" for those of the system, and has a certificate
// of its own, "" for none.
func clientTLS(ca, cert, key string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate in PEM", ca)
		}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
