package etcdstore

import (
	"crypto/tls"
	"time"

	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/internal/etcdkv"
	"github.com/mythic-beasts/hostkit/internal/kv"
)

// ErrLockLost is why a context of [Store.Lock] ended before it was unlocked, and why a
// write under it failed. [io/fs.ErrExist] is its kind.
var ErrLockLost = kv.ErrLockLost

// Options say where the store is. Endpoints are needed, all else has a default.
type Options struct {
	// Endpoints are URLs of members: https://etcd1.example:2379. Name all of them.
	Endpoints []string
	// Prefix is put before each key, so that several programs share a cluster: one user
	// of etcd needs read and write permission for what begins with it, and no more.
	Prefix string
	// TLS is for https endpoints: the cluster's CA, and the client's certificate if
	// members ask for one. Nil trusts the system's CAs.
	TLS *tls.Config
	// Username is that of etcd's own authentication, if it is on. PasswordFile has the
	// password; it must be readable by its owner only.
	Username, PasswordFile string
	// LockTTL is how long a lock outlives a holder who died; zero means 15 seconds.
	LockTTL time.Duration
	// Timeout is how long an answer may take; zero means 10 seconds.
	Timeout time.Duration
}

// Store is a [renew.Store] in etcd. It may be used by many goroutines. After Close each
// call returns an error that wraps [io/fs.ErrClosed].
type Store struct {
	*renew.KVStore

	etcd *etcdkv.Store
}

var _ renew.Store = (*Store)(nil)

// New makes a store. Unless it must log in it does not wait for etcd: calls do. What it
// starts runs until [Store.Close].
func New(o Options) (*Store, error) {
	etcd, err := etcdkv.New(etcdkv.Options(o))
	if err != nil {
		return nil, err
	}
	return &Store{KVStore: &renew.KVStore{KV: etcd}, etcd: etcd}, nil
}

// Close gives all locks back and ends all calls that wait. It may be called again.
func (s *Store) Close() error { return s.etcd.Close() }
