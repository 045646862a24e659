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
	config, err := s.Etcd.TLS()
	if err != nil {
		return nil, err
	}
	return etcdstore.New(etcdstore.Options{
		Endpoints: s.Etcd.Endpoints, Prefix: cmp.Or(s.Etcd.Prefix, "/dnssecd/"), TLS: config,
		Username: s.Etcd.User, PasswordFile: s.Etcd.PasswordFile, LockTTL: time.Duration(s.Etcd.LockTTL),
	})
}

// trusting has the authorities of a file in PEM, "" for those of the system.
func trusting(file string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return c, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM", file)
	}
	return c, nil
}
