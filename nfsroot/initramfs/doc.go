// Package initramfs builds the initial RAM disk that mounts an NFS root: a
// static /init ([CompileInit]), the few modules that it needs, and nothing else.
//
//	init, err := initramfs.CompileInit(ctx, nfsroot.ARM64)
//	tree, err := kmod.Open("root/usr/lib/modules/6.1.0-56-arm64")
//	modules, err := initramfs.Pi().Closure(tree)
//	report, err := initramfs.Build(f, initramfs.Options{Init: init, Modules: modules})
//
// The archive is a gzip-compressed cpio in the format newc, which every kernel
// takes (Documentation/driver-api/early-userspace/buffer-format.rst). The same
// Options give the same bytes, on whatever machine and as whatever user.
//
// It takes the place of Debian's initramfs-tools where the root is on NFS: a
// tenth of its size, made on the build host in seconds and without running code
// of the target, and it mounts NFS 4.2 as well as 3. What its /init does, and the
// parameters that it knows, are in the documentation of the program nfsinit.
package initramfs
