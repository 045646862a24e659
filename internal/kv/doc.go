// Package kv says what a store of keys promises, for the ones there are: in memory
// (internal/memkv), in files (internal/filekv) and in etcd (internal/etcdkv). The
// packages that need a store each declare the same interface for themselves, or a
// part of it.
//
// [Store] has the whole contract. In short: a key has a value and a revision;
// [Store.Put] compares and swaps; a nil value deletes. internal/kvtest proves it on
// any store.
package kv
