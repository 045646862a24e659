// Package etcdstore keeps the state of DNSSEC zones in etcd, for several machines of
// which one leads a zone at a time. It is a store of dnssec/manager; for one machine
// there is dnssec/filestore.
//
//	store, err := etcdstore.New(etcdstore.Options{
//		Endpoints: []string{"https://etcd1.example:2379", "https://etcd2.example:2379", "https://etcd3.example:2379"},
//		Prefix:    "/hostkit/",
//		TLS:       tlsConfig,
//	})
//	if err != nil { … }
//	defer store.Close()
//	m := manager.Manager{Store: store, …}
//
// # Who leads
//
// A lock is a lease that its holder keeps alive. A machine that dies loses it within
// [Options.LockTTL], and another goes on. One that stands still for longer, and then
// goes on, is refused by etcd: each Put under a lock is a transaction that holds only as
// long as that lock does, and says which revision it replaces. No clocks are
// compared.
//
// # What it lives through
//
// The loss of any member as long as a majority is left, of the leader, of the
// connection; compaction at any time: Watch then lists anew and reports what is gone.
// Without a majority calls return an error after [Options.Timeout], and zones stay as
// they are published.
//
// Private keys are not in it: they stay in a dnssec.KeyStore.
package etcdstore
