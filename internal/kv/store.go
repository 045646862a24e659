package kv

import "context"

// Store keeps values under keys. It may be used by many goroutines, and what one
// call returned without an error is seen by each call that begins later, also on
// other machines.
//
// A key is what [CheckKey] takes, a value what [CheckValue] takes, so that what works
// with files works with etcd.
//
// After Close each call returns an error that wraps [io/fs.ErrClosed], calls that wait
// return it, and locks are let go. An error of a cancelled context wraps the
// context's.
type Store interface {
	// Get returns the value, never nil, and the revision, never 0. A missing key is
	// an error that wraps [io/fs.ErrNotExist]. The revision of a key grows with every
	// change, also over deletion and a new start.
	Get(ctx context.Context, key string) (val []byte, rev int64, err error)

	// Put changes the key and returns its new revision. With ifRev < 0 it always
	// does, with 0 it creates, else it replaces that revision. When another was
	// faster, or the key is gone, it is an error that wraps [io/fs.ErrExist], and
	// nothing has changed. After any other error either may be the case: read again.
	//
	// A nil val deletes the key; an empty one that is not nil is a value. To delete
	// what is missing is no error with ifRev <= 0, and returns revision 0.
	//
	// With ctx the held of a [Store.Lock] of this store, or made from it, Put also
	// fails, with an error that wraps [ErrLockLost], if that lock is lost: this is
	// decided where the value is written, not by what this process believes.
	Put(ctx context.Context, key string, val []byte, ifRev int64) (rev int64, err error)

	// List calls fn for every key that begins with prefix, in the order of their
	// bytes. Keys that come, go or change meanwhile may be seen as before or after,
	// all others are listed once. fn may call the store. What it returns ends List,
	// which returns it.
	List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error

	// Lock waits until no one else holds the lock of that name. held is made from ctx
	// and ends when the lock is lost, with [ErrLockLost] as its cause: then others may
	// be at work. Who works under held makes the last write a Put, with the revision
	// read before and with held.
	//
	// unlock must be called, ends held and returns an error if the lock had been lost
	// or may stay until it runs out. Calls after the first return the same. Names of
	// locks are keys, but no others' business: the lock "a" has nothing to do with
	// the key "a".
	Lock(ctx context.Context, name string) (held context.Context, unlock func() error, err error)

	// Watch calls fn for every key that begins with prefix, then once with key ""
	// (in sync), then for each change, val nil meaning that the key is gone. Of
	// changes in quick succession only the last may be reported, but always that.
	// The revisions of a key grow from call to call; that of a deletion is greater
	// than the last of the value. Before the store is in sync nothing is reported as gone that was not
	// reported before.
	//
	// fn is called by one goroutine at a time and may call the store. Watch returns
	// ctx's error when that ends, else why the store cannot go on; then it is called
	// again, and what it reports first is what there is then.
	Watch(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64)) error
}
