// Package etcdstore keeps the sites of proxies in etcd, one key a site, where any number
// of proxies follow them. It is a store of sniproxy/routes.
//
//	store, err := etcdstore.New(etcdstore.Options{
//		Endpoints: []string{"https://etcd1.example:2379", "https://etcd2.example:2379", "https://etcd3.example:2379"},
//		Prefix:    "/hostkit/sniproxy/",
//		TLS:       tlsConfig,
//	})
//	if err != nil { … }
//	defer store.Close()
//	follower := &routes.Follower{Set: set, Store: store, Prefix: "sites/"}
//	go follower.Run(ctx)
//
// A value is a [routes.Site] in JSON, and the key behind the follower's prefix is its
// name:
//
//	etcdctl put /hostkit/sniproxy/sites/shop '{"names":["shop.example"],"backends":[{"addr":"2001:db8::1"}],"proxy":"v1"}'
//
// # What it lives through
//
// The loss of any member as long as a majority is left, of the leader, of the
// connection; compaction at any time: Watch then lists anew and reports what is gone.
// Without a majority calls return an error after [Options.Timeout], and proxies route by
// what they know: [Store.Ping] tells them that it may be old.
//
// [routes.Site]: https://pkg.go.dev/github.com/mythic-beasts/hostkit/sniproxy/routes#Site
package etcdstore
