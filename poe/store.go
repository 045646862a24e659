package poe

import (
	"context"
)

// Store keeps what must outlive a process: intents (see [Controller.Recover]),
// how often a port was switched off, and locks. [FileStore] serves programs of
// one machine, [MemoryStore] one process; an adapter to a database that several
// machines share serves those.
// [github.com/mythic-beasts/hostkit/poe/poetest.TestStore] holds implementations
// to what is written here. They are safe for use by several goroutines at once.
type Store interface {
	// Get returns a value and its revision, which grows with every change of
	// the key. For a missing key the error is fs.ErrNotExist.
	Get(ctx context.Context, key string) (val []byte, rev int64, err error)

	// Put writes a value, durably before it returns: always if ifRev is
	// negative, only if the key is missing for 0, or else only over that
	// revision. The error is fs.ErrExist when another write came first. A nil
	// val removes the key.
	Put(ctx context.Context, key string, val []byte, ifRev int64) (rev int64, err error)

	// List calls fn for every key with a prefix, in the order of the keys, and
	// ends at its first error.
	List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error

	// Lock waits until nobody else holds the name, or ctx ends. The context
	// held ends with ctx and when the lock is lost. A process that dies
	// holds none.
	Lock(ctx context.Context, name string) (held context.Context, unlock func() error, err error)
}
