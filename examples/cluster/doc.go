// Package cluster has the configuration of three hosts that share the work of a hosting
// company: etcd with TLS, and on each of them sniproxyd, dnssecd, acmed and netbootd.
// README.md says how it is set up. The files are here for tools that fill them in; the
// tests run them.
package cluster

import "embed"

// Files are host1/etcd to host3/etcd, which are /etc/default/etcd of each host; etc/,
// the daemons' configurations, the same on all; units/, drop-ins for their units; and
// users.sh, which makes the users of etcd.
//
//go:embed host1 host2 host3 etc units users.sh
var Files embed.FS
