package nfsroottest

import (
	"io/fs"
	"strings"
)

type goldenFile struct {
	name string
	mode fs.FileMode // 0 means 0644
	text string
}

type goldenLink struct{ name, target string }

type goldenPackage struct {
	name, version string
	files         []goldenFile
}

var goldenDirs = []string{
	"boot", "dev", "etc/apt/apt.conf.d", "etc/apt/sources.list.d", "etc/network/interfaces.d", "etc/ssh/sshd_config.d",
	"etc/systemd/network", "home", "media", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp",
	"usr/bin", "usr/lib", "usr/lib64", "usr/lib/systemd/network", "usr/sbin",
	"var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log",
	"var/lib/systemd", "var/tmp",
}

var goldenLinks = []goldenLink{
	{"bin", "usr/bin"},
	{"lib", "usr/lib"},
	{"lib64", "usr/lib64"},
	{"sbin", "usr/sbin"},
	{"var/run", "/run"},
	{"var/lock", "/run/lock"},
	{"etc/os-release", "../usr/lib/os-release"},
	{"var/lib/dbus/machine-id", "/etc/machine-id"},
	{"etc/systemd/system/multi-user.target.wants/ssh.service", "/lib/systemd/system/ssh.service"},
	{"etc/systemd/system/multi-user.target.wants/networking.service", "/lib/systemd/system/networking.service"},
	{"etc/systemd/system/timers.target.wants/apt-daily.timer", "/lib/systemd/system/apt-daily.timer"},
	{"etc/systemd/system/timers.target.wants/fstrim.timer", "/lib/systemd/system/fstrim.timer"},
	{"etc/systemd/system/fstrim.timer", "/dev/null"},
	{"usr/bin/sh", "dash"},
}

var goldenFiles = []goldenFile{
	{"etc/passwd", 0, "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n" +
		"sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"},
	{"etc/group", 0, "root:x:0:\ndaemon:x:1:\nshadow:x:42:\nnogroup:x:65534:\n"},
	{"etc/shadow", 0o640, "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nsshd:!:19000::::::\n"},
	{"etc/machine-id", 0o444, ""},
	{"etc/resolv.conf", 0, ""},
	{"etc/fstab", 0, "tmpfs /tmp tmpfs nosuid,nodev,size=64m 0 0\n"},
	{"etc/hosts", 0, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"},
	{"etc/apt/sources.list", 0, "deb http://deb.debian.org/debian bookworm main\n" +
		"deb http://deb.debian.org/debian bookworm-updates main\n" +
		"deb http://deb.debian.org/debian-security bookworm-security main\n"},
	{"etc/network/interfaces", 0, "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n\n" +
		"# The root is mounted through eth0.\nno-auto-down eth0\niface eth0 inet manual\n"},
	{"etc/systemd/journald.conf.d/nfsroot.conf", 0, "[Journal]\nStorage=volatile\n"},
	{"var/lib/dpkg/available", 0, ""},
}

var goldenPackages = []goldenPackage{
	{"base-files", "12.4+deb12u11", []goldenFile{
		{"etc/debian_version", 0, "12.11\n"},
		{"usr/lib/os-release", 0, "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"},
		{"usr/share/doc/base-files/copyright", 0, "See /usr/share/common-licenses.\n"},
	}},
	{"dash", "0.5.12-2", []goldenFile{{"usr/bin/dash", 0o755, program("dash", 12)}}},
	{"ifupdown", "0.8.41", []goldenFile{
		{"usr/sbin/ifup", 0o755, program("ifup", 8)},
		{"usr/lib/systemd/system/networking.service", 0, "[Unit]\nDescription=Raise network interfaces\n\n" +
			"[Service]\nType=oneshot\nExecStart=/sbin/ifup -a\nRemainAfterExit=true\n\n[Install]\nWantedBy=multi-user.target\n"},
	}},
	{"iputils-ping", "3:20221126-1+deb12u1", []goldenFile{{"usr/bin/ping", 0o755 | fs.ModeSetuid, program("ping", 9)}}},
	{"openssh-server", "1:9.2p1-2+deb12u7", []goldenFile{
		{"etc/ssh/sshd_config", 0, "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n"},
		{"usr/sbin/sshd", 0o755, program("sshd", 140)},
		{"usr/lib/systemd/system/ssh.service", 0, "[Unit]\nDescription=OpenBSD Secure Shell server\n\n" +
			"[Service]\nExecStart=/usr/sbin/sshd -D\n\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n"},
	}},
	{"systemd", "252.38-1~deb12u1", []goldenFile{
		{"etc/systemd/journald.conf", 0, "[Journal]\n#Storage=auto\n"},
		{"usr/lib/systemd/systemd", 0o755, program("systemd", 9)},
		{"usr/lib/systemd/systemd-journald", 0o755, program("systemd-journald", 19)},
		{"usr/lib/systemd/system/multi-user.target", 0, "[Unit]\nDescription=Multi-User System\n"},
		{"usr/lib/systemd/system/systemd-tmpfiles-clean.timer", 0, "[Timer]\nOnBootSec=15min\nOnUnitActiveSec=1d\n"},
		{"usr/lib/systemd/network/80-container-host0.network", 0, "[Match]\nKind=veth\nName=host0\n\n[Network]\nDHCP=yes\n"},
	}},
	{"util-linux", "2.38.1-5+deb12u3", []goldenFile{
		{"usr/bin/mount", 0o755 | fs.ModeSetuid, program("mount", 5)},
		{"usr/bin/su", 0o755 | fs.ModeSetuid, program("su", 7)},
		{"usr/lib/systemd/system/fstrim.timer", 0, "[Timer]\nOnCalendar=weekly\nAccuracySec=1h\nPersistent=true\nRandomizedDelaySec=6000\n\n" +
			"[Install]\nWantedBy=timers.target\n"},
	}},
	{"apt", "2.6.1", []goldenFile{
		{"usr/bin/apt-get", 0o755, program("apt-get", 5)},
		{"usr/lib/systemd/system/apt-daily.timer", 0, "[Timer]\nOnCalendar=*-*-* 6,18:00\nRandomizedDelaySec=12h\nPersistent=true\n\n" +
			"[Install]\nWantedBy=timers.target\n"},
	}},
}

// program is a file of so many KiB that nobody is to run.
func program(name string, kib int) string {
	line := "\x7fELF of " + name + "\n"
	return line + strings.Repeat("\x00", kib<<10-len(line))
}
