// Package ganeshatest runs nfs-ganesha in a network namespace of a test, with a
// portmapper of its own, as the NFS server that machines, clients and
// configurations are tried against.
//
//	ns := netnstest.New(t)
//	ns.AddAddr("lo", netip.MustParsePrefix("10.77.0.1/32"))
//	srv := ganeshatest.Start(t, ns, netip.MustParseAddr("10.77.0.1"), config)
//	// … mount it
//	srv.Kill()
//	srv.Restart()
//
// The configuration is what the nfsroot/export package writes, or any other,
// with the same address to bind to. Server and portmapper see the machine's
// files, but folders /run and /var/lib/nfs of their own, and go away with the
// test. It needs root and the programs ganesha.nfsd, rpcbind and nsenter.
package ganeshatest
