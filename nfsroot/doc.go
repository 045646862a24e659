// Package nfsroot describes minimal Debian roots for machines without disks,
// such as Raspberry Pis that boot from the network and mount their root over
// NFS, and finds what is wrong in one.
//
//	spec := nfsroot.Minimal("bookworm", nfsroot.ARM64)
//	spec.Packages = append(spec.Packages, "nginx-light")
//	b := build.Builder{}
//	manifest, err := b.Build(ctx, spec, "/srv/roots/base")
//
// That makes a root with an SSH server in about 150 MB, verified against Debian's
// keys, in less than a minute, without running anything as part of this system:
// see package build.
//
// # Nouns
//
//   - A [Spec] says what a root holds: suite, architecture, packages, mirrors or
//     a day of Debian's past, what to leave out. Equal specs have an equal
//     [Spec.Hash] and make equal bytes.
//   - A [Manifest] says what was built: each package with its version and hash,
//     and the digest of the whole.
//   - A [Finding] is something in a tree that is wrong over NFS: file
//     capabilities that NFS loses, keys that a hundred machines would share.
//     [Lint] finds them and [Fix] mends them.
//
// What is done with a root lies one folder down:
//
//   - build: makes the tree of a Spec, by mmdebstrap or debootstrap
//   - identity: makes a tree one machine's: name, SSH host keys, network
//   - clone: copies a base per machine, by snapshots where the file system can
//   - farm: the generations of each machine's root; rebuild, confirm, roll back,
//     push files
//   - export: what the NFS server is told, one export for each machine
//   - bootparam: what the kernel is told: ip=, nfsroot=, cmdline.txt, config.txt
//   - deb, boottree: kernels, device trees and firmware out of Debian's packages,
//     without running any of them
//   - kmod, initramfs, cmd/nfsinit: the smallest initramfs that mounts such a root
//   - nfsd: an NFSv3 server in Go
//   - nfsroottest: fakes, and a suite of probes for any mounted root
//
// # What it refuses
//
// [Spec.Validate] refuses names that apt, dpkg or a shell could take for
// anything else. Archives without a valid signature are not built from. Nothing
// here runs programs of a tree that a machine has written to, or follows its
// links.
package nfsroot
