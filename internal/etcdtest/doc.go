// Package etcdtest runs clusters of Debian's etcd in tests, on free ports of 127.0.0.1
// and in temporary folders.
//
//	c := etcdtest.Start(t, etcdtest.Options{Members: 3})
//	s, err := etcdkv.New(etcdkv.Options{Endpoints: c.Endpoints()})
//	c.Leader(t).Kill(t)
//
// What members are asked goes by their HTTP gateway, so that this package needs no
// client. A missing etcd skips the test, see [peer.Skip].
package etcdtest
