// Package routes turns what operators write about sites into routes for a
// [sniproxy.Server], and keeps them up to date while it runs.
//
//	set := &routes.Set{Guard: guard, Cache: cache}
//	err := set.Replace(routes.Document{Sites: []routes.Site{{
//		Names:    []string{"example.com", "www.example.com"},
//		Backends: []routes.Backend{{Addr: addr}},
//		Proxy:    proxyheader.V1,
//	}}})
//	go set.Run(ctx) // health checks
//	server := &sniproxy.Server{Router: set, Guard: guard}
//
// A [Document] is data: it can be read from JSON, TOML or whatever else. A [Set]
// makes backends of it, for TLS, QUIC and HTTP each, and is the server's router.
// [Set.Replace] changes all at once, or nothing: servers that stay keep their
// health, drain and counts, and what is relayed is not touched.
//
// [Set.Update] changes some sites at the cost of those, however many there are. A
// [Follower] keeps a Set to the sites in a store that many proxies watch, such as etcd
// (sniproxy/etcdstore): one key a site.
package routes
