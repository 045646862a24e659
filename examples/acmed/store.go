package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/etcdstore"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/internal/etcdconf"
)

// storeConfig is [store].
type storeConfig struct {
	Dir           string     `toml:"dir"`
	GroupReadable bool       `toml:"group_readable"`
	Keep          int        `toml:"keep"`
	Etcd          etcdConfig `toml:"etcd"`
}

// etcdConfig is [store.etcd].
type etcdConfig struct {
	etcdconf.Config
	LockTTL daemon.Duration `toml:"lock_ttl"`
}

func (s *storeConfig) check(f *faults) {
	f.add("store.dir", absolute(s.Dir))
	f.add("store.keep", notNegative(s.Keep))
	f.add("store.etcd.lock_ttl", notNegative(s.Etcd.LockTTL))
	f.errs = append(f.errs, s.Etcd.Check("store.etcd."))
	if s.Etcd.CA != "" {
		_, err := roots(s.Etcd.CA)
		f.add("store.etcd.ca", err)
	}
}

// store has the certificates: in files, or in etcd and copies of them in files.
type store struct {
	renew.Store
	files  *renew.FileStore // what services read
	shared bool             // Store is not files
	close  func() error
}

func (s *storeConfig) open() (*store, error) {
	files := &renew.FileStore{Dir: s.Dir, GroupReadable: s.GroupReadable, Keep: s.Keep}
	if len(s.Etcd.Endpoints) == 0 {
		return &store{Store: files, files: files, close: func() error { return nil }}, nil
	}
	config, err := s.Etcd.TLS()
	if err != nil {
		return nil, err
	}
	etcd, err := etcdstore.New(etcdstore.Options{
		Endpoints: s.Etcd.Endpoints, Prefix: cmp.Or(s.Etcd.Prefix, "/acmed/"), TLS: config,
		Username: s.Etcd.User, PasswordFile: s.Etcd.PasswordFile, LockTTL: time.Duration(s.Etcd.LockTTL),
	})
	if err != nil {
		return nil, err
	}
	return &store{Store: etcd, files: files, shared: true, close: etcd.Close}, nil
}

// folder is where services read a certificate.
func (s *store) folder(name string) string { return filepath.Join(s.files.Dir, name) }

// leaf is the certificate that is stored, with its name for [renew.State].
func leaf(ctx context.Context, from renew.Store, name string) (*x509.Certificate, string, error) {
	b, err := from.Load(ctx, name)
	if err != nil {
		return nil, "", err
	}
	cert, err := b.Leaf()
	if err != nil {
		return nil, "", err
	}
	return cert, certID(cert), nil
}

// certID names a certificate as [renew.State] does.
func certID(cert *x509.Certificate) string {
	if id, err := acme.CertID(cert); err == nil {
		return id
	}
	return fmt.Sprintf("%x", cert.SerialNumber)
}

// copyOut makes what services read what the shared store has.
func (s *store) copyOut(ctx context.Context, name string) (err error) {
	held, unlock, err := s.files.Lock(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	b, err := s.Load(held, name)
	if err != nil {
		return err
	}
	if _, have, err := leaf(held, s.files, name); err == nil {
		cert, err := b.Leaf()
		if err != nil || certID(cert) == have {
			return err
		}
	}
	return s.files.Commit(held, name, b)
}

// accountStore is the store of one account: the budget of orders is each account's own.
type accountStore struct {
	renew.Store
	account string
}

// ledger is the name of the budget in a [renew.Manager].
const ledger = "_account"

func (s accountStore) name(name string) string {
	if name == ledger {
		return ledger + "-" + s.account
	}
	return name
}

// LoadState implements [renew.Store].
func (s accountStore) LoadState(ctx context.Context, name string) ([]byte, error) {
	return s.Store.LoadState(ctx, s.name(name))
}

// SaveState implements [renew.Store].
func (s accountStore) SaveState(ctx context.Context, name string, state []byte) error {
	return s.Store.SaveState(ctx, s.name(name), state)
}

// Lock implements [renew.Store].
func (s accountStore) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	return s.Store.Lock(ctx, s.name(name))
}

// roots are the certificates of a file in PEM.
func roots(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in PEM", path)
	}
	return pool, nil
}
