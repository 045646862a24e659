// Package etcdkv is a store of keys in etcd, for several machines. See [kv.Store] for
// what it promises.
//
//	s, err := etcdkv.New(etcdkv.Options{
//		Endpoints: []string{"https://etcd1.example:2379", "https://etcd2.example:2379"},
//		Prefix:    "/hostkit/dnssec/",
//		TLS:       config,
//	})
//
// A key is the key of etcd with [Options.Prefix] before it, and its revision is etcd's
// mod_revision. Reads are linearizable.
//
// # Locks
//
// A lock is a key with a lease, and the oldest of those under one name has the lock. The
// lease is kept alive until unlock; held ends before the lease can have run out, counted
// from the moment the last request that kept it alive was sent. A holder that stands
// still cannot know that in time, so that a write with held is a transaction that holds
// only as long as the lock's key is there: etcd itself refuses it later.
//
// # Watching
//
// What is there is listed at one revision and watched from the next. When etcd has
// compacted what is needed, it is listed anew, and what is missing is reported as gone.
// A member that has lost its leader is left for another.
package etcdkv
