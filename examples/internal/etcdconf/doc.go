// Package etcdconf is the [etcd] part of daemons' configurations: where a cluster is, and
// how its servers and we prove who we are.
package etcdconf
