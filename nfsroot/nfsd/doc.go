// Package nfsd serves directories by NFS version 3 (RFC 1813), as roots for
// machines that have no disk.
//
//	key, err := nfsd.LoadKey("/var/lib/hostkit/nfsd.key")
//	s := &nfsd.Server{Exports: exports, Key: key}
//	go s.ServePortmap(ctx, port111, 2049)
//	err = s.Serve(ctx, port2049)
//
// An [export.Export] says which directory is for which client. A [Server]
// answers NFS and MOUNT on one listener, and portmap on another for clients that
// ask there.
//
// # What makes a root work
//
// File handles name inodes, by name_to_handle_at(2) and open_by_handle_at(2).
// They hold while files and whole trees are renamed, and over a restart of the
// server if the Key is the same. MNT resolves its path anew each time: after the
// tree of a machine was exchanged for another, the machine goes on in the old
// one until it mounts again.
//
// Each operation is made with the rights of the user who asks, by the user and
// group for file systems of one thread (setfsuid(2)), so that the kernel decides
// by modes, groups, sticky bits and the rest, and gives files their owners. WRITE
// and COMMIT keep data as durable as the RFC wants it; the write verifier changes
// when data may have been lost. Calls that change something are remembered, and
// answered from memory when they come again. Many calls of a connection are under
// way at a time.
//
// # What it refuses to be
//
// There is no NFSv4, UDP, lock manager, Kerberos or ACL: clients mount with
// nolock, which is right for a root that is one machine's own. File systems that
// are mounted below an export are not shown. It runs on Linux 5.8 and later, as
// root, with /proc mounted. The kernel's server and nfs-ganesha do more, and are
// the ones for large racks.
//
// [export.Export]: https://pkg.go.dev/github.com/mythic-beasts/hostkit/nfsroot/export#Export
package nfsd
