// Package kmod finds the modules that a Linux kernel needs for a job, out of
// the kernel's package alone.
//
//	tree, err := kmod.Open("root/usr/lib/modules/6.12.48+deb13-arm64")
//	modules, err := tree.Closure("genet", "nfsv4")
//	for _, m := range modules { // in the order to load them
//		elf, err := m.Data()
//	}
//
// Debian's kernel packages hold no modules.dep: depmod makes it when the package
// is configured, on the machine itself. So a [Tree] reads what depmod reads, the
// .modinfo section of the modules, and only of those that are asked for and of
// what they depend on. Modules may be plain (.ko) or compressed by xz or gzip.
//
// A module that is built into the kernel satisfies whoever needs it and is not
// part of a closure. A name that is neither a file nor built in is a
// [*NotFoundError], which lists names that are like it.
//
// # What it refuses
//
// It runs nothing and follows no symbolic link. Module files and what they
// decompress to are bounded ([MaxSize]), as is all that is read of a module's
// header. It resolves no aliases: that takes the .modinfo of every module there
// is, minutes of decompression.
package kmod
