package nfsroot

import (
	"io/fs"
	"time"
)

// Spec says what a root holds. It is plain data: two equal specs make the same
// root, and [Spec.Hash] is its name in caches.
type Spec struct {
	// Suite is the release: "bookworm" or "trixie". It is required.
	Suite string
	// Arch is the machines' architecture. It is required.
	Arch Arch
	// Mirrors are the archives, in apt's order. Nil means [DebianMirrors],
	// which has the suite's updates and security fixes.
	Mirrors []Mirror
	// Snapshot builds the root as Debian was at that time, out of
	// snapshot.debian.org when Mirrors is nil; the Release files' expiry is
	// then not checked. Zero means the archives as they are.
	Snapshot time.Time
	// Keyring is the absolute path of the OpenPGP keys that sign the archives.
	// Empty means [DefaultKeyring]. Signatures are always checked.
	Keyring string
	// Packages are installed beside the essential ones and apt, with what they
	// depend on, without what they recommend.
	Packages []string
	// Pins prefer versions, as in apt_preferences(5). They stay in the root.
	Pins []Pin
	// Trim leaves files out, now and at later upgrades in the root.
	Trim Trim
	// Mask are systemd units that never start, such as [HeadlessUnits].
	Mask []string
	// Kernel adds a kernel's modules. Nil means none: an initramfs may hold all
	// that is needed to mount the root, but the root then loads no others.
	Kernel *Kernel
	// Files are laid over the finished tree, owned by root; modes are kept.
	// Files, folders and symbolic links are taken (for links the file system
	// must implement [fs.ReadLinkFS]). Nil means none.
	Files fs.FS
	// SourceDate is the newest time that any file of the root has, to the
	// second. Zero means Snapshot, and without one midnight UTC of the day of
	// the build.
	SourceDate time.Time
}

// Mirror is an archive of Debian packages.
type Mirror struct {
	// URL is the archive's base, by http, https or file.
	URL string
	// Suite is the archive's; empty means the [Spec]'s.
	Suite string
	// Components are the archive's areas; nil means main.
	Components []string
	// Keyring is the absolute path of the archive's keys; empty means the
	// [Spec]'s.
	Keyring string
}

// Pin is a stanza of apt_preferences(5).
type Pin struct {
	// Package is a name or pattern, as "linux-image-*"; "*" means all.
	Package string
	// Pin is what is preferred: "version 1.2*", "release n=bookworm-backports",
	// "origin example.org".
	Pin string
	// Priority is apt's: above 1000 downgrades, below 0 forbids.
	Priority int
}

// Kernel is a kernel package, whose modules are unpacked and of which nothing
// is run.
type Kernel struct {
	// Package is the name of the package, in which one "*" stands for the newest
	// version, "linux-image-6.1.0-*-arm64", or of a metapackage that depends on
	// one: "linux-image-arm64".
	Package string
	// Modules are the modules that the root needs, to which those that they
	// depend on are added. Nil means all modules of the package.
	Modules []string
}

// Minimal is the smallest root that is of use on a diskless machine: systemd
// and an SSH server, a network that leaves the boot interface alone, a clock for
// boards without one, no documentation, nothing for a screen.
func Minimal(suite string, arch Arch) Spec {
	return Spec{
		Suite: suite,
		Arch:  arch,
		Packages: []string{
			"dbus", // systemctl poweroff over SSH
			"ifupdown",
			"iproute2",
			"kmod", // the kernel asks /sbin/modprobe for VLANs
			"openssh-server",
			"systemd-sysv",
			"systemd-timesyncd",
			"udev",
			"usr-is-merged", // in place of usrmerge, which needs all of Perl
		},
		Trim: Trim{Docs: true, Man: true, Locales: true, HWDB: true},
		Mask: HeadlessUnits(),
	}
}

// HeadlessUnits are the units that cost a diskless machine without a screen its
// time at boot, or make a rack of them ask for the same thing at the same time.
func HeadlessUnits() []string {
	return []string{
		// every machine fetches package lists at the same hour
		"apt-daily-upgrade.timer",
		"apt-daily.timer",
		// disks
		"e2scrub_all.timer",
		"e2scrub_reap.service",
		"fstrim.timer",
		"swap.target",
		// screens and keyboards
		"console-getty.service",
		"getty-static.service",
		"getty@tty1.service",
		// not used by a minimal root
		"dev-hugepages.mount",
		"dpkg-db-backup.timer",
		"man-db.timer",
		"proc-sys-fs-binfmt_misc.automount",
		"systemd-binfmt.service",
	}
}
