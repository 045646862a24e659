// Package kmodtest makes kernel modules, and trees of them, for tests that have
// no kernel at hand.
//
//	dir := kmodtest.Tree(t, map[string][]string{
//		"kernel/fs/nfs/nfsv4.ko": {"depends=nfs,sunrpc"},
//		"kernel/fs/nfs/nfs.ko":   {"depends=sunrpc"},
//	}, "kernel/net/sunrpc/sunrpc.ko")
//	tree, err := kmod.Open(dir)
//
// The modules are ELF files with a .modinfo section and no code: they can be
// read, not loaded.
package kmodtest
