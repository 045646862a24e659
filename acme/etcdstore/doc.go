// Package etcdstore keeps certificates in etcd, for several nodes of which one renews
// each of them. It makes the store for acme/renew; for one machine there is
// [renew.FileStore].
//
//	store, err := etcdstore.New(etcdstore.Options{
//		Endpoints: []string{"https://etcd1.example:2379", "https://etcd2.example:2379", "https://etcd3.example:2379"},
//		Prefix:    "/hostkit/",
//		TLS:       tlsConfig,
//	})
//	if err != nil { … }
//	defer store.Close()
//	m := renew.Manager{Store: store, …}
//
// # Who renews
//
// Whichever node first has the lock of a certificate that is due. The others wait for
// the lock, find the new certificate in etcd and serve it. A node that dies loses the
// lock within [Options.LockTTL]. One that stands still for longer, and then goes on, is
// refused by etcd: each write is a transaction that holds only as long as the lock does.
// No clocks are compared.
//
// # What it lives through
//
// The loss of any member as long as a majority is left. Without a majority calls return
// an error after [Options.Timeout]: managers go on serving what they have in memory,
// and order nothing, since what is ordered could not be stored.
package etcdstore
