// Package build makes the trees of [nfsroot.Spec]s: minimal Debian roots for
// machines that mount them over NFS.
//
//	b := build.Builder{}
//	manifest, err := b.Build(ctx, nfsroot.Minimal("bookworm", nfsroot.ARM64), "/srv/roots/base")
//
// It drives mmdebstrap or debootstrap, and takes over where they stop: a build
// leaves no mount, no process and no half tree behind, however it ends; nothing
// of the building machine gets into the root; equal specs make equal bytes; and
// the root is right for NFS, with no interface taken down that it is mounted
// over, no file capability that NFS would lose, no key that all would share.
//
// # Nouns
//
// A [Builder] makes roots, with [Builder.Build] as a folder, for which it needs
// root, or with [Builder.BuildTar] as a tar archive, for which it does not. It
// keeps packages and finished roots in a cache: the same spec again is a look,
// where the root is as it was built, or a matter of copying. An [Event] says how
// far it is. An [Error] says what went wrong in the tools, and what to do.
//
// A [Runner] runs the tools. [Sandbox] does it for real, in namespaces of its
// own; nfsroottest has one that pretends.
//
// # What it needs
//
// Linux, mmdebstrap or debootstrap, and setpriv (util-linux). For another
// architecture arch-test and qemu-user-static, either registered by the system
// with the flag F or on Linux 6.7, where the build registers it for itself alone.
// A kernel's modules need depmod (kmod). A plain user needs newuidmap (uidmap) and ids in
// /etc/subuid and /etc/subgid.
//
// # What it refuses
//
// It takes nothing from an archive that is not signed by the spec's keyring,
// writes to no tree that another build has, and removes no tree that something
// is mounted in.
package build
