// Package export says to an NFS server which machine may mount which root:
// one export for each machine, bound to its address.
//
//	roots := []export.Export{{
//		ID: 17, Path: "/srv/farm/serve/pi17", FSID: export.FSID("pi17"),
//		Client: netip.MustParsePrefix("10.80.0.66/32"),
//	}}
//	err := export.WriteGanesha(file, export.Ganesha{Bind: server}, roots) // ganesha.conf
//	err = export.WriteExports(file, roots)                                // /etc/exports.d/pis.exports
//
// Its one noun is [Export]. [WriteExports] renders exports(5) for the kernel's
// server, [WriteGanesha] a whole configuration of nfs-ganesha, with the settings
// without which a root on NFS misbehaves: attributes not cached by the server,
// so that a file replaced there is seen; owners as numbers, so that programs
// stay setuid root under NFSv4; handles that survive a restart; no grace period.
//
// It refuses what would let one machine into another's root: a client that is
// not one address, unless root is squashed; exports inside one another; two of
// one path, identifier or file system id; paths that a server would read as
// something else.
package export
