package filestore

import (
	"context"

	"github.com/mythic-beasts/hostkit/internal/filekv"
	"github.com/mythic-beasts/hostkit/internal/kv"
)

// ErrDamaged is wrapped by errors about a file whose contents are not what was written.
// Restore it from a backup; nothing is made up in its place.
var ErrDamaged = filekv.ErrDamaged

// ErrLockLost is why a context of [Store.Lock] ended before it was unlocked, and why a
// write under it failed. [io/fs.ErrExist] is its kind.
var ErrLockLost = kv.ErrLockLost

// ErrInvalid is wrapped by errors about keys and values that cannot be kept: a key has
// 1 to 1024 bytes without NUL, a value 1 MiB at most.
var ErrInvalid = kv.ErrInvalid

// Store keeps keys in a folder. It may be used by many goroutines. After Close each
// call returns an error that wraps [io/fs.ErrClosed].
type Store struct {
	files *filekv.Store
}

// New opens the store in a folder. If that is missing it is made, with mode 0700; one
// that others than its owner may enter is refused.
func New(dir string) (*Store, error) {
	files, err := filekv.New(dir)
	if err != nil {
		return nil, err
	}
	return &Store{files: files}, nil
}

// Close lets all locks go and ends all calls that wait. It may be called again.
func (s *Store) Close() error { return s.files.Close() }

// Get returns the value of a key, never nil, and its revision, which grows with every
// change. A missing key is an error that wraps [io/fs.ErrNotExist].
func (s *Store) Get(ctx context.Context, key string) (val []byte, rev int64, err error) {
	return s.files.Get(ctx, key)
}

// Put changes a key and returns its new revision, durably. With ifRev < 0 it always does,
// with 0 it creates, else it replaces that revision. When another was faster it is an
// error that wraps [io/fs.ErrExist]. After any other error read again: it may have been
// written. A nil val deletes the key.
//
// Called with the context of a [Store.Lock] that was lost, it changes nothing and
// returns [ErrLockLost].
func (s *Store) Put(ctx context.Context, key string, val []byte, ifRev int64) (rev int64, err error) {
	return s.files.Put(ctx, key, val, ifRev)
}

// List calls fn for each key with the prefix, in the order of their bytes. fn's error
// ends it and is returned.
func (s *Store) List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error {
	return s.files.List(ctx, prefix, fn)
}

// Lock waits until nobody else has the lock of that name. held is made from ctx and ends
// when the lock is lost, which takes someone who removes its file. unlock must be called;
// a process that dies lets go of its locks.
func (s *Store) Lock(ctx context.Context, name string) (held context.Context, unlock func() error, err error) {
	return s.files.Lock(ctx, name)
}

// Watch calls fn for every key with the prefix, then once with key "" (in sync), then
// for each change, val nil meaning that the key is gone. Of changes in quick succession
// it may report the last only. It returns ctx's error when that ends.
func (s *Store) Watch(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64)) error {
	return s.files.Watch(ctx, prefix, fn)
}
