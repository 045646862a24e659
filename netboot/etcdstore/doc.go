// Package etcdstore keeps the machines of boot servers in etcd, one key a machine, where
// any number of servers follow them. It is a store of netboot/watched.
//
//	store, err := etcdstore.New(etcdstore.Options{
//		Endpoints: []string{"https://etcd1.example:2379", "https://etcd2.example:2379", "https://etcd3.example:2379"},
//		Prefix:    "/hostkit/netboot/",
//		TLS:       tlsConfig,
//	})
//	if err != nil { … }
//	defer store.Close()
//	inventory := &watched.Inventory{Store: store, Prefix: "machines/", Parse: parse}
//	go inventory.Run(ctx)
//
// # What it lives through
//
// The loss of any member as long as a majority is left, of the leader, of the
// connection; compaction at any time: Watch then lists anew and reports what is gone.
// Without a majority calls return an error after [Options.Timeout], and servers boot the
// machines that they know: [Store.Ping] tells them that there may be others.
//
// Leases are not in it: a pool of addresses is that of one server, whose journal is a
// file. Machines with addresses of their own can be served by many.
package etcdstore
