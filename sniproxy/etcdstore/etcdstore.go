package etcdstore

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/mythic-beasts/hostkit/internal/etcdkv"
	"github.com/mythic-beasts/hostkit/internal/kv"
)

// ErrInvalid is wrapped by errors about keys and values that cannot be kept: a key has
// 1 to 1024 bytes without NUL, a value 1 MiB at most.
var ErrInvalid = kv.ErrInvalid

// Options say where the store is. Endpoints are needed, all else has a default.
type Options struct {
	// Endpoints are URLs of members: https://etcd1.example:2379. Name all of them.
	Endpoints []string
	// Prefix is put before each key, so that several programs share a cluster: followers
	// need read permission for what begins with it, and who changes routes write permission.
	Prefix string
	// TLS is for https endpoints: the cluster's CA, and the client's certificate if
	// members ask for one. Nil trusts the system's CAs.
	TLS *tls.Config
	// Username is that of etcd's own authentication, if it is on. PasswordFile has the
	// password; it must be readable by its owner only.
	Username, PasswordFile string
	// Timeout is how long an answer may take; zero means 10 seconds.
	Timeout time.Duration
}

// Store keeps keys in etcd. It may be used by many goroutines. After Close each call
// returns an error that wraps [io/fs.ErrClosed].
type Store struct {
	etcd *etcdkv.Store
}

// New makes a store. Unless it must log in it does not wait for etcd: calls do. What it
// starts runs until [Store.Close].
func New(o Options) (*Store, error) {
	etcd, err := etcdkv.New(etcdkv.Options{
		Endpoints: o.Endpoints, Prefix: o.Prefix, TLS: o.TLS,
		Username: o.Username, PasswordFile: o.PasswordFile, Timeout: o.Timeout,
	})
	if err != nil {
		return nil, err
	}
	return &Store{etcd: etcd}, nil
}

// Close ends all calls that wait. It may be called again.
func (s *Store) Close() error { return s.etcd.Close() }

// Get returns the value of a key, never nil, and its revision, which grows with every
// change. A missing key is an error that wraps [io/fs.ErrNotExist].
func (s *Store) Get(ctx context.Context, key string) (val []byte, rev int64, err error) {
	return s.etcd.Get(ctx, key)
}

// Put changes a key and returns its new revision. With ifRev < 0 it always does, with 0
// it creates, else it replaces that revision. When another was faster it is an error
// that wraps [io/fs.ErrExist]. After any other error, as of a connection that broke,
// read again: it may have been written. A nil val deletes the key.
func (s *Store) Put(ctx context.Context, key string, val []byte, ifRev int64) (rev int64, err error) {
	return s.etcd.Put(ctx, key, val, ifRev)
}

// List calls fn for each key with the prefix, in the order of their bytes. fn's error
// ends it and is returned.
func (s *Store) List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error {
	return s.etcd.List(ctx, prefix, fn)
}

// Ping asks whether etcd answers, with a majority of its members. A watch says nothing
// while it waits for etcd to be back.
func (s *Store) Ping(ctx context.Context) error { return s.etcd.Ping(ctx) }

// Watch calls fn for every key with the prefix, then once with key "" (in sync), then
// for each change, val nil meaning that the key is gone. It goes on over the loss of
// members and over compaction, and returns ctx's error when that ends.
func (s *Store) Watch(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64)) error {
	return s.etcd.Watch(ctx, prefix, fn)
}
