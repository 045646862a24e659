package etcdstore

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/mythic-beasts/hostkit/internal/etcdkv"
	"github.com/mythic-beasts/hostkit/internal/kv"
)

// ErrLockLost is why a context of [Store.Lock] ended before it was unlocked, and why a
// write under it failed. [io/fs.ErrExist] is its kind.
var ErrLockLost = kv.ErrLockLost

// ErrInvalid is wrapped by errors about keys and values that cannot be kept: a key has
// 1 to 1024 bytes without NUL, a value 1 MiB at most.
var ErrInvalid = kv.ErrInvalid

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

// Store keeps keys in etcd. It may be used by many goroutines. After Close each call
// returns an error that wraps [io/fs.ErrClosed].
type Store struct {
	etcd *etcdkv.Store
}

// New makes a store. Unless it must log in it does not wait for etcd: calls do. What it
// starts runs until [Store.Close].
func New(o Options) (*Store, error) {
	etcd, err := etcdkv.New(etcdkv.Options(o))
	if err != nil {
		return nil, err
	}
	return &Store{etcd: etcd}, nil
}

// Close gives all locks back and ends all calls that wait. It may be called again.
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
//
// Called with the context of a [Store.Lock] that was lost, it changes nothing and
// returns [ErrLockLost]: etcd decides that, not what this machine believes.
func (s *Store) Put(ctx context.Context, key string, val []byte, ifRev int64) (rev int64, err error) {
	return s.etcd.Put(ctx, key, val, ifRev)
}

// List calls fn for each key with the prefix, in the order of their bytes. fn's error
// ends it and is returned.
func (s *Store) List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error {
	return s.etcd.List(ctx, prefix, fn)
}

// Lock waits until nobody else has the lock of that name, in the order of asking. held is
// made from ctx and ends before the lease of the lock can have run out. unlock must be
// called.
func (s *Store) Lock(ctx context.Context, name string) (held context.Context, unlock func() error, err error) {
	return s.etcd.Lock(ctx, name)
}

// Watch calls fn for every key with the prefix, then once with key "" (in sync), then
// for each change, val nil meaning that the key is gone. It goes on over the loss of
// members and over compaction, and returns ctx's error when that ends.
func (s *Store) Watch(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64)) error {
	return s.etcd.Watch(ctx, prefix, fn)
}
