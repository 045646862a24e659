// Package memkv is a store of keys in memory, for tests and for programs that need
// not remember. See [kv.Store] for what it promises; the zero value is ready.
//
//	var s memkv.Store
//	rev, err := s.Put(ctx, "zone/example.com", []byte("{}"), 0)
//
// Each change is reported by Watch unless the next one overtakes it. [Store.Lose]
// takes a lock from its holder, as a network that fails would.
package memkv
