package build

import (
	"github.com/mythic-beasts/hostkit/nfsroot"
)

// baseFiles are the files of a root on NFS that are the same on all machines.
// What differs, a machine gets later (package identity).
var baseFiles = map[string]string{
	"etc/fstab": `# The root is mounted by the initramfs or the kernel; it is never checked.
tmpfs /tmp tmpfs nosuid,nodev,size=64m 0 0
`,
	"etc/hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
	"etc/network/interfaces": `# The interface that the root is mounted over is set up before this file is
# read. Touching it takes the root away.
auto lo
iface lo inet loopback

iface eth0 inet manual

source /etc/network/interfaces.d/*
`,
	"etc/systemd/journald.conf.d/50-nfsroot.conf": `# A journal on NFS is slow, and is written by every machine at once.
[Journal]
Storage=volatile
RuntimeMaxUse=16M
`,
	"etc/systemd/network/05-nfsroot.network": `# If systemd-networkd runs, it leaves the address that the root needs.
[Match]
Name=eth0

[Network]
KeepConfiguration=yes
`,
	"etc/systemd/system.conf.d/50-nfsroot.conf": `# A machine that hangs on its way down is nobody's to reset. While it runs, a
# watchdog would reset it for its server's pauses: a Pi's has at most 15 seconds.
[Manager]
RebootWatchdogSec=5min
`,
	"etc/sysctl.d/50-nfsroot.conf": "kernel.panic = 10\n",
}

func (t *tree) configureBase(s nfsroot.Spec) error {
	if err := t.writeAll(baseFiles); err != nil {
		return err
	}
	// no resolver and no name until the machine boots or is given its identity
	if err := t.writeMode("etc/resolv.conf", nil, 0o644); err != nil {
		return err
	}
	// empty, so that systemd makes one; it would not make one that is missing
	// on a root that is mounted read-only
	if err := t.writeMode("etc/machine-id", nil, 0o444); err != nil {
		return err
	}
	// its time is what a clock starts from that no battery kept
	if err := t.writeMode("usr/lib/clock-epoch", nil, 0o644); err != nil {
		return err
	}
	for _, unit := range s.Mask {
		name := "etc/systemd/system/" + unit
		if err := t.root.MkdirAll("etc/systemd/system", 0o755); err != nil {
			return err
		}
		if err := t.root.RemoveAll(name); err != nil {
			return err
		}
		if err := t.root.Symlink("/dev/null", name); err != nil {
			return err
		}
	}
	return t.root.Chtimes("usr/lib/clock-epoch", t.date, t.date)
}
