package nfsroot

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

func fileRules() []Rule {
	return []Rule{
		{
			Name:  "devices",
			Finds: "Device nodes outside /dev, and any in it that devtmpfs does not make on every machine.",
			Why:   "A node in an exported tree opens the server's device to whoever reaches the file there. The machine mounts its own devtmpfs.",
			Mend:  "Removes them.",
			visit: visitDevice,
		},
		{
			Name:  "pipes-and-sockets",
			Finds: "FIFOs and sockets.",
			Why:   "They belong to a program that ran in the tree, and block who reads the tree.",
			Mend:  "Removes them.",
			Base:  true,
			visit: visitPipe,
		},
		{
			Name:  "setuid",
			Finds: "Setuid and setgid programs that are not Debian's usual ones.",
			Why:   "Each can make its caller root on the machine, and on the server unless the tree's filesystem is mounted nosuid.",
			visit: visitSetuid,
		},
		{
			Name:  "leftovers",
			Finds: "What package managers leave behind: archives, indices, their caches, logs of the build, *.dpkg-new and the like.",
			Why:   "It is copied for every machine, read by nobody, and keeps two builds from being the same.",
			Mend:  "Removes it.",
			Base:  true,
			visit: visitLeftover,
		},
		{
			Name:  "policy-rc.d",
			Finds: "A policy-rc.d, and programs that a build put in the place of others.",
			Why:   "They keep services from starting when a package is upgraded on the machine.",
			Mend:  "Removes the policy, and puts the program back.",
			check: checkPolicy,
		},
	}
}

// standardDevices are in the dev of every Debian root that was made by root.
var standardDevices = map[string][2]uint32{
	"dev/console": {5, 1}, "dev/full": {1, 7}, "dev/null": {1, 3}, "dev/ptmx": {5, 2},
	"dev/random": {1, 8}, "dev/tty": {5, 0}, "dev/urandom": {1, 9}, "dev/zero": {1, 5},
}

func visitDevice(l *linter, e tree.Entry) error {
	mode := e.Info.Mode()
	if mode&fs.ModeDevice == 0 {
		return nil
	}
	st, _ := tree.StatOf(e.Info)
	want, standard := standardDevices[e.Path]
	if standard && mode&fs.ModeCharDevice != 0 && want == [2]uint32{st.Major, st.Minor} {
		return nil
	}
	kind := "block"
	if mode&fs.ModeCharDevice != 0 {
		kind = "character"
	}
	l.find(Error, e.Path, l.remove(e.Path), "is a %s device, %d:%d", kind, st.Major, st.Minor)
	return nil
}

func visitPipe(l *linter, e tree.Entry) error {
	switch e.Info.Mode().Type() {
	case fs.ModeNamedPipe:
		l.find(Warning, e.Path, l.remove(e.Path), "is a FIFO")
	case fs.ModeSocket:
		l.find(Warning, e.Path, l.remove(e.Path), "is a socket")
	}
	return nil
}

func (l *linter) remove(name string) func() error {
	return func() error { return gone(l.root.Remove(name)) }
}

// usualSetuid are what packages of Debian install setuid or setgid.
var usualSetuid = []string{
	"usr/bin/arping", "usr/bin/at", "usr/bin/bsd-write", "usr/bin/chage", "usr/bin/chfn", "usr/bin/chsh", "usr/bin/clockdiff",
	"usr/bin/crontab", "usr/bin/dotlockfile", "usr/bin/expiry", "usr/bin/fping", "usr/bin/fusermount", "usr/bin/fusermount3",
	"usr/bin/gpasswd", "usr/bin/mount", "usr/bin/mtr-packet", "usr/bin/newgidmap", "usr/bin/newgrp", "usr/bin/newuidmap",
	"usr/bin/ntfs-3g", "usr/bin/passwd", "usr/bin/ping", "usr/bin/ping6", "usr/bin/pkexec", "usr/bin/plocate", "usr/bin/mlocate", "usr/bin/screen",
	"usr/bin/ssh-agent", "usr/bin/su", "usr/bin/sudo", "usr/bin/sudoedit", "usr/bin/traceroute6.iputils", "usr/bin/umount", "usr/bin/wall",
	"usr/bin/write.ul", "usr/lib/dbus-1.0/dbus-daemon-launch-helper", "usr/lib/openssh/ssh-keysign", "usr/lib/polkit-1/polkit-agent-helper-1",
	"usr/lib/policykit-1/polkit-agent-helper-1", "usr/libexec/polkit-agent-helper-1", "usr/sbin/exim4", "usr/sbin/mount.cifs", "usr/sbin/mount.nfs",
	"usr/sbin/pam_extrausers_chkpwd", "usr/sbin/postdrop", "usr/sbin/postqueue", "usr/sbin/pppd", "usr/sbin/unix_chkpwd",
}

func visitSetuid(l *linter, e tree.Entry) error {
	bits := e.Info.Mode() & (fs.ModeSetuid | fs.ModeSetgid)
	if !e.Info.Mode().IsRegular() || bits == 0 || slices.Contains(usualSetuid, canonical(e.Path)) {
		return nil
	}
	what := "setuid"
	switch {
	case bits == fs.ModeSetgid:
		what = "setgid"
	case bits != fs.ModeSetuid:
		what = "setuid and setgid"
	}
	st, _ := tree.StatOf(e.Info)
	l.find(Info, e.Path, nil, "is %s (owner %d, group %d) and not one of Debian's usual", what, st.UID, st.GID)
	return nil
}

// leftoverSuffixes end the names of files that dpkg and ucf leave beside others.
var leftoverSuffixes = []string{".dpkg-new", ".dpkg-tmp", ".dpkg-dist", ".dpkg-old", ".ucf-new", ".ucf-dist", ".ucf-old"}

// leftoverFiles are patterns of files that nothing on the machine reads.
var leftoverFiles = []string{
	"etc/apt/*.save", "etc/apt/*/*.save", "root/.bash_history", "root/.wget-hsts",
	"var/cache/apt/*.bin", "var/cache/apt/archives/*.deb", "var/cache/apt/archives/partial/*", "var/cache/debconf/*-old",
	"var/lib/dpkg/*-old", "var/log/alternatives.log", "var/log/apt/*", "var/log/bootstrap.log", "var/log/dpkg.log",
}

func visitLeftover(l *linter, e tree.Entry) error {
	if !e.Info.Mode().IsRegular() || !isLeftover(e.Path) {
		return nil
	}
	l.find(Warning, e.Path, l.remove(e.Path), "was left behind by a package manager")
	return nil
}

func isLeftover(name string) bool {
	if slices.Contains(leftoverSuffixes, path.Ext(name)) {
		return true
	}
	if rest, ok := strings.CutPrefix(name, "var/lib/apt/lists/"); ok {
		return rest != "lock"
	}
	return slices.ContainsFunc(leftoverFiles, func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}

func checkPolicy(l *linter) error {
	const policy = "usr/sbin/policy-rc.d"
	// A package that provides one does so by a link to /etc/alternatives.
	if fi, err := l.root.Lstat(policy); err == nil && fi.Mode().IsRegular() {
		l.find(Error, policy, l.remove(policy), "keeps services from starting")
	}
	for _, name := range []string{"sbin/start-stop-daemon", "usr/sbin/start-stop-daemon", "sbin/initctl", "usr/sbin/initctl"} {
		dir := path.Dir(name)
		if fi, err := l.root.Lstat(dir); err != nil || !fi.IsDir() {
			continue
		}
		if fi, err := l.root.Lstat(name + ".REAL"); err == nil && fi.Mode().IsRegular() {
			l.find(Error, name, func() error { return l.root.Rename(name+".REAL", name) }, "is a stand-in of a build; the program is %q", name+".REAL")
		}
	}
	return nil
}
