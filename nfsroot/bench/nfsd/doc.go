// Package nfsdbench measures nfsroot/nfsd against nfs-ganesha by one client, in
// interleaved rounds of one run.
package nfsdbench
