package renew

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Store keeps what a [Manager] must remember. Names are those that [CheckName]
// takes. It may be used by many goroutines, and by several processes or nodes.
type Store interface {
	// Load returns the certificate of that name as one call of Commit stored it. A
	// missing one is an error that wraps [io/fs.ErrNotExist].
	Load(ctx context.Context, name string) (*Bundle, error)
	// Commit replaces the certificate: key and chain change together, or nothing
	// does. After an error either may be the case.
	Commit(ctx context.Context, name string, b *Bundle) error

	// LoadState returns what SaveState saved under the name, or an error that wraps
	// [io/fs.ErrNotExist]. It has nothing secret.
	LoadState(ctx context.Context, name string) ([]byte, error)
	// SaveState replaces what is saved under the name.
	SaveState(ctx context.Context, name string, state []byte) error

	// List calls fn for the name of each certificate. What it returns ends List,
	// which returns it.
	List(ctx context.Context, fn func(name string) error) error

	// Lock waits until no one else, in this process or another, has the lock of that
	// name. held is made from ctx and ends when the lock is lost. Commit and
	// SaveState with held fail then, if the store can tell. unlock must be called.
	Lock(ctx context.Context, name string) (held context.Context, unlock func() error, err error)
}

// KV is what [KVStore] needs of a store of keys that is shared by several nodes.
type KV interface {
	// Get returns the value and its revision, which is never 0. A missing key is an
	// error that wraps [io/fs.ErrNotExist].
	Get(ctx context.Context, key string) (val []byte, rev int64, err error)
	// Put writes the key if ifRev < 0 or is its revision. With the held of a Lock it
	// fails when that lock is lost.
	Put(ctx context.Context, key string, val []byte, ifRev int64) (rev int64, err error)
	// List calls fn for every key that begins with prefix, in order.
	List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error
	// Lock waits until no one else holds the lock. held ends when it is lost.
	Lock(ctx context.Context, name string) (held context.Context, unlock func() error, err error)
}

// ErrName is wrapped by errors about names that no store takes.
var ErrName = errors.New("not a valid name of a certificate")

// CheckName returns an error that wraps [ErrName] for what is no name of a
// certificate: one has 1 to 200 bytes, of a-z, 0-9, ".", "-" and "_", and begins
// with a letter, a digit or "_". It names a folder, and need not be a DNS name.
func CheckName(name string) error {
	bad := func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-_", r) }
	switch {
	case name == "" || len(name) > 200:
		return fmt.Errorf("renew: a name of %d bytes: %w: give it 1 to 200", len(name), ErrName)
	case strings.ContainsFunc(name, bad):
		return fmt.Errorf(`renew: %q: %w: use a-z, 0-9, ".", "-" and "_"`, name, ErrName)
	case name[0] == '.' || name[0] == '-':
		return fmt.Errorf("renew: %q: %w: begin with a letter or a digit", name, ErrName)
	}
	return nil
}
