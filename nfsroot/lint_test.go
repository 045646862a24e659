package nfsroot_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
	"github.com/stretchr/testify/require"
)

// rulesHere are the rules that work on this system.
func rulesHere() []nfsroot.Rule {
	needLinux := []string{"acl", "file-capabilities", "file-flags", "mounts", "xattrs"}
	return slices.DeleteFunc(nfsroot.Rules(), func(r nfsroot.Rule) bool {
		return runtime.GOOS != "linux" && slices.Contains(needLinux, r.Name)
	})
}

func TestGoldenTreeIsClean(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	findings, err := nfsroot.Lint(t.Context(), dir, rulesHere()...)
	require.NoError(t, err)
	require.Empty(t, findings)
}

// fault is one thing that is wrong in a tree that is right otherwise.
type fault struct {
	name string
	seed func(t *testing.T, dir string)
	rule string
	path string
	want map[string]string // files after Fix; "-" means gone, "->x" a link to x
	info bool              // there is no remedy
}

var faults = []fault{
	{
		name: "host key", rule: "ssh-host-keys", path: "etc/ssh/ssh_host_rsa_key",
		seed: put("etc/ssh/ssh_host_rsa_key", "secret"),
		want: map[string]string{"etc/ssh/ssh_host_rsa_key": "-"},
	},
	{
		name: "public half of a host key", rule: "ssh-host-keys", path: "etc/ssh/ssh_host_ed25519_key.pub",
		seed: put("etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAA"),
		want: map[string]string{"etc/ssh/ssh_host_ed25519_key.pub": "-"},
	},
	{
		name: "machine-id with an id", rule: "machine-id", path: "etc/machine-id",
		seed: put("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
		want: map[string]string{"etc/machine-id": ""},
	},
	{
		name: "machine-id uninitialized", rule: "machine-id", path: "etc/machine-id",
		seed: put("etc/machine-id", "uninitialized\n"),
		want: map[string]string{"etc/machine-id": ""},
	},
	{
		name: "machine-id missing", rule: "machine-id", path: "etc/machine-id",
		seed: remove("etc/machine-id"),
		want: map[string]string{"etc/machine-id": ""},
	},
	{
		name: "machine-id is a link", rule: "machine-id", path: "etc/machine-id",
		seed: link("/var/lib/dbus/machine-id", "etc/machine-id"),
		want: map[string]string{"etc/machine-id": ""},
	},
	{
		name: "D-Bus has an id of its own", rule: "dbus-machine-id", path: "var/lib/dbus/machine-id",
		seed: put("var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n"),
		want: map[string]string{"var/lib/dbus/machine-id": "->/etc/machine-id"},
	},
	{
		name: "resolv.conf of the build host", rule: "resolv.conf", path: "etc/resolv.conf",
		seed: put("etc/resolv.conf", "# by hand\nnameserver 192.0.2.53\n"),
		want: map[string]string{"etc/resolv.conf": ""},
	},
	{
		name: "mode of resolv.conf", rule: "resolv.conf-mode", path: "etc/resolv.conf",
		seed: func(t *testing.T, dir string) {
			require.NoError(t, os.Chmod(filepath.Join(dir, "etc/resolv.conf"), 0o755))
		},
		want: map[string]string{"etc/resolv.conf": ""},
	},
	{
		name: "root in fstab", rule: "fstab", path: "etc/fstab",
		seed: put("etc/fstab", "/dev/sda1 / ext4 errors=remount-ro 0 1\nproc /proc proc defaults 0 0\n"),
		want: map[string]string{"etc/fstab": "proc /proc proc defaults 0 0\n"},
	},
	{
		name: "swap in fstab", rule: "fstab", path: "etc/fstab",
		seed: put("etc/fstab", "# swap was on /dev/sda5\nUUID=6ae5 none swap sw 0 0\n"),
		want: map[string]string{"etc/fstab": "# swap was on /dev/sda5\n"},
	},
	{
		name: "disk in fstab", rule: "fstab", path: "etc/fstab",
		seed: put("etc/fstab", "PARTUUID=738a-01 /boot/firmware vfat defaults 0 2"),
		want: map[string]string{"etc/fstab": ""},
	},
	{
		name: "fsck pass", rule: "fstab", path: "etc/fstab",
		seed: put("etc/fstab", "10.0.0.1:/srv /srv nfs ro 0 2\n"),
		want: map[string]string{"etc/fstab": "10.0.0.1:/srv /srv nfs ro 0 0\n"},
	},
	{
		name: "dphys-swapfile", rule: "swap", path: "etc/systemd/system/dphys-swapfile.service",
		seed: put("usr/sbin/dphys-swapfile", "#!/bin/sh\n"),
		want: map[string]string{"etc/systemd/system/dphys-swapfile.service": "->/dev/null"},
	},
	{
		name: "swap unit", rule: "swap", path: "etc/systemd/system/dev-sda5.swap",
		seed: put("etc/systemd/system/dev-sda5.swap", "[Swap]\nWhat=/dev/sda5\n"),
		want: map[string]string{"etc/systemd/system/dev-sda5.swap": "->/dev/null"},
	},
	{
		name: "swap file", rule: "swap", path: "var/swap",
		seed: put("var/swap", "SWAPSPACE2"),
		want: map[string]string{"var/swap": "-"},
	},
	{
		name: "initramfs-tools resumes from the build host's swap", rule: "resume", path: "etc/initramfs-tools/conf.d/resume",
		seed: puts("etc/initramfs-tools/initramfs.conf", "MODULES=netboot\n", "etc/initramfs-tools/conf.d/resume", "RESUME=UUID=6ae5\n"),
		want: map[string]string{"etc/initramfs-tools/conf.d/resume": "RESUME=none\n"},
	},
	{
		name: "initramfs-tools guesses", rule: "resume", path: "etc/initramfs-tools/conf.d/resume",
		seed: put("etc/initramfs-tools/initramfs.conf", "MODULES=netboot\n"),
		want: map[string]string{"etc/initramfs-tools/conf.d/resume": "RESUME=none\n"},
	},
	{
		name: "policy-rc.d", rule: "policy-rc.d", path: "usr/sbin/policy-rc.d",
		seed: put("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n"),
		want: map[string]string{"usr/sbin/policy-rc.d": "-"},
	},
	{
		name: "stand-in of start-stop-daemon", rule: "policy-rc.d", path: "usr/sbin/start-stop-daemon",
		seed: puts("usr/sbin/start-stop-daemon", "#!/bin/sh\n", "usr/sbin/start-stop-daemon.REAL", "the real one"),
		want: map[string]string{"usr/sbin/start-stop-daemon": "the real one", "usr/sbin/start-stop-daemon.REAL": "-"},
	},
	{
		name: "timer without a delay", rule: "timers", path: "etc/systemd/system/logrotate.timer.d/zz-nfsroot.conf",
		seed: func(t *testing.T, dir string) {
			put("usr/lib/systemd/system/logrotate.timer", "[Timer]\nOnCalendar=daily\nAccuracySec=1h\nPersistent=true\n")(t, dir)
			link("/lib/systemd/system/logrotate.timer", "etc/systemd/system/timers.target.wants/logrotate.timer")(t, dir)
		},
		want: map[string]string{"etc/systemd/system/logrotate.timer.d/zz-nfsroot.conf": "[Timer]\nRandomizedDelaySec=6h\n"},
	},
	{
		name: "timer with a short delay", rule: "timers", path: "etc/systemd/system/apt-daily.timer.d/zz-nfsroot.conf",
		seed: put("etc/systemd/system/apt-daily.timer.d/override.conf", "[Timer]\nRandomizedDelaySec=1min 30s\n"),
		want: map[string]string{"etc/systemd/system/apt-daily.timer.d/override.conf": "[Timer]\nRandomizedDelaySec=1min 30s\n"},
	},
	{
		name: "trimming", rule: "timers", path: "etc/systemd/system/fstrim.timer",
		seed: remove("etc/systemd/system/fstrim.timer"),
		want: map[string]string{"etc/systemd/system/fstrim.timer": "->/dev/null"},
	},
	{
		name: "scrubbing", rule: "timers", path: "etc/systemd/system/e2scrub_reap.service",
		seed: put("usr/lib/systemd/system/e2scrub_reap.service", "[Service]\nExecStart=/sbin/e2scrub_all -C -r\n"),
		want: map[string]string{"etc/systemd/system/e2scrub_reap.service": "->/dev/null"},
	},
	{
		name: "persistent journal", rule: "journald", path: "etc/systemd/journald.conf.d/zz-nfsroot.conf",
		seed: put("etc/systemd/journald.conf.d/user.conf", "[Journal]\nStorage=persistent\n"),
	},
	{
		name: "journal kept because there is a directory", rule: "journald", path: "etc/systemd/journald.conf.d/zz-nfsroot.conf",
		seed: func(t *testing.T, dir string) {
			remove("etc/systemd/journald.conf.d/nfsroot.conf")(t, dir)
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "var/log/journal"), 0o755))
		},
		want: map[string]string{"etc/systemd/journald.conf.d/zz-nfsroot.conf": "[Journal]\nStorage=volatile\n"},
	},
	{
		name: "ifupdown", rule: "boot-interface", path: "etc/network/interfaces",
		seed: put("etc/network/interfaces", "auto lo eth0\niface lo inet loopback\niface eth0 inet static\n  address 10.0.0.2/24\n  gateway 10.0.0.1\n\nauto eth0.5\niface eth0.5 inet6 auto\n"),
		want: map[string]string{"etc/network/interfaces": "auto lo\niface lo inet loopback\niface eth0 inet manual\n\nauto eth0.5\niface eth0.5 inet6 auto\n"},
	},
	{
		name: "ifupdown by pattern", rule: "boot-interface", path: "etc/network/interfaces.d/setup",
		seed: put("etc/network/interfaces.d/setup", "allow-hotplug /eth*\niface /eth* inet dhcp\n"),
		want: map[string]string{"etc/network/interfaces.d/setup": "iface /eth* inet manual\n"},
	},
	{
		name: "networkd for all", rule: "boot-interface", path: "etc/systemd/network/05-nfsroot-eth0.network",
		seed: put("etc/systemd/network/10-wired.network", "[Match]\nName=en* eth*\n\n[Network]\nDHCP=yes\n"),
		want: map[string]string{"etc/systemd/network/05-nfsroot-eth0.network": "[Match]\nName=eth0\n\n[Link]\nUnmanaged=yes\n"},
	},
	{
		name: "networkd by type", rule: "boot-interface", path: "etc/systemd/network/05-nfsroot-eth0.network",
		seed: put("usr/lib/systemd/network/89-ethernet.network", "[Match]\nType=ether\nKind=!*\n\n[Network]\nDHCP=yes\n"),
	},
	{
		name: "NetworkManager", rule: "boot-interface", path: "etc/NetworkManager/conf.d/05-nfsroot.conf",
		seed: puts("usr/sbin/NetworkManager", "", "etc/NetworkManager/NetworkManager.conf", "[main]\nplugins=ifupdown,keyfile\n\n[ifupdown]\nmanaged=false\n"),
		want: map[string]string{"etc/NetworkManager/conf.d/05-nfsroot.conf": "[device-nfsroot]\nmatch-device=interface-name:eth0\nmanaged=0\n"},
	},
	{
		name: "dhcpcd", rule: "boot-interface", path: "etc/dhcpcd.conf",
		seed: puts("usr/lib/systemd/system/dhcpcd.service", "[Service]\n", "etc/dhcpcd.conf", "interface wlan0\nstatic ip_address=10.0.0.9/24\n"),
		want: map[string]string{"etc/dhcpcd.conf": "denyinterfaces eth0\ninterface wlan0\nstatic ip_address=10.0.0.9/24\n"},
	},
	{
		name: "password of root", rule: "root-password", path: "etc/shadow",
		seed: put("etc/shadow", "root:$y$j9T$abc:19000:0:99999:7:::\npi:$y$j9T$def:19000:0:99999:7:::\n"),
		want: map[string]string{"etc/shadow": "root:*:19000:0:99999:7:::\npi:$y$j9T$def:19000:0:99999:7:::\n"},
	},
	{
		name: "account without a password", rule: "empty-password", path: "etc/shadow",
		seed: put("etc/shadow", "root::19000:0:99999:7:::\n"),
		want: map[string]string{"etc/shadow": "root:*:19000:0:99999:7:::\n"},
	},
	{
		name: "sources of the build host", rule: "apt-sources", path: "etc/apt/sources.list",
		seed: put("etc/apt/sources.list", "deb [trusted=yes] file:///srv/repo bookworm main\ndeb http://deb.debian.org/debian bookworm main\n"),
		want: map[string]string{"etc/apt/sources.list": "deb http://deb.debian.org/debian bookworm main\n"},
	},
	{
		name: "sources of the build host, deb822", rule: "apt-sources", path: "etc/apt/sources.list.d/x.sources",
		seed: put("etc/apt/sources.list.d/x.sources", "Types: deb\nURIs:\n http://127.0.0.1:3142/debian\nSuites: trixie\n\nTypes: deb\nURIs: http://deb.debian.org/debian\nSuites: trixie\n"),
		want: map[string]string{"etc/apt/sources.list.d/x.sources": "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: trixie\n"},
	},
	{
		name: "proxy", rule: "apt-proxy", path: "etc/apt/apt.conf.d/99proxy",
		seed: put("etc/apt/apt.conf.d/99proxy", "// Acquire::http::Proxy \"http://old:1\";\nAcquire::http::Proxy \"http://10.0.2.2:3142\";\n"),
		want: map[string]string{"etc/apt/apt.conf.d/99proxy": "// Acquire::http::Proxy \"http://old:1\";\nAcquire::http::Proxy \"DIRECT\";\n"},
	},
	{
		name: "proxy in braces", rule: "apt-proxy", path: "etc/apt/apt.conf",
		seed: put("etc/apt/apt.conf", "Acquire { https { Proxy \"http://10.0.2.2:3142\"; }; };\n"),
		want: map[string]string{"etc/apt/apt.conf": "Acquire { https { Proxy \"DIRECT\"; }; };\n"},
	},
	{
		name: "archive", rule: "leftovers", path: "var/cache/apt/archives/dash_0.5_amd64.deb",
		seed: put("var/cache/apt/archives/dash_0.5_amd64.deb", "!<arch>"),
		want: map[string]string{"var/cache/apt/archives/dash_0.5_amd64.deb": "-"},
	},
	{
		name: "indices", rule: "leftovers", path: "var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_InRelease",
		seed: puts("var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_InRelease", "x", "var/lib/apt/lists/lock", ""),
	},
	{
		name: "dpkg's leftovers", rule: "leftovers", path: "etc/default/ssh.dpkg-dist",
		seed: put("etc/default/ssh.dpkg-dist", "SSHD_OPTS=\n"),
		want: map[string]string{"etc/default/ssh.dpkg-dist": "-"},
	},
	{
		name: "unusual setuid program", rule: "setuid", path: "usr/local/bin/backdoor", info: true,
		seed: func(t *testing.T, dir string) {
			put("usr/local/bin/backdoor", "x")(t, dir)
			require.NoError(t, os.Chmod(filepath.Join(dir, "usr/local/bin/backdoor"), 0o755|fs.ModeSetuid))
		},
	},
}

// TestSeededFaults plants one fault at a time in the golden tree: it is found,
// nothing else is, and it is mended.
func TestSeededFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			dir := nfsroottest.GoldenTree(t)
			f.seed(t, dir)
			f.run(t, dir)
		})
	}
}

func (f fault) run(t *testing.T, dir string) {
	findings, err := nfsroot.Lint(t.Context(), dir, rulesHere()...)
	require.NoError(t, err)
	require.Len(t, findings, 1, "%v", findings)
	got := findings[0]
	require.Equal(t, f.rule, got.Rule)
	require.Equal(t, f.path, got.Path)
	require.NotEmpty(t, got.Message)
	require.Equal(t, f.info, !got.Fixable)
	require.Equal(t, f.info, got.Severity == nfsroot.Info)

	before := snapshot(t, dir)
	require.NoError(t, nfsroot.Fix(t.Context(), dir, findings))
	after, err := nfsroot.Lint(t.Context(), dir, rulesHere()...)
	require.NoError(t, err)
	if f.info {
		require.Equal(t, findings, after)
		require.Equal(t, before, snapshot(t, dir))
		return
	}
	require.Empty(t, after)
	for name, want := range f.want {
		require.Equal(t, want, content(t, dir, name), name)
	}
	fixed := snapshot(t, dir)
	require.NoError(t, nfsroot.Fix(t.Context(), dir, findings), "a second time")
	require.Equal(t, fixed, snapshot(t, dir), "mending again changes nothing")
}

// TestEveryRuleHasAFault keeps the table complete, with those that need root.
func TestEveryRuleHasAFault(t *testing.T) {
	elsewhere := []string{"hostname", "file-capabilities", "acl", "xattrs", "file-flags", "mounts", "devices", "pipes-and-sockets"}
	for _, r := range nfsroot.Rules() {
		has := slices.ContainsFunc(faults, func(f fault) bool { return f.rule == r.Name })
		require.True(t, has || slices.Contains(elsewhere, r.Name), "no fault is seeded for the rule %s", r.Name)
		require.NotEmpty(t, r.Finds, r.Name)
		require.NotEmpty(t, r.Why, r.Name)
	}
}

func TestHostname(t *testing.T) {
	host, err := os.Hostname()
	require.NoError(t, err)
	if strings.HasPrefix(host, "localhost") {
		t.Skip("this machine has no name of its own")
	}
	for _, f := range []fault{
		{name: "hostname", path: "etc/hostname", seed: put("etc/hostname", host+"\n"), want: map[string]string{"etc/hostname": "-"}},
		{
			name: "hosts", path: "etc/hosts", seed: put("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 "+host+".example.com "+host+"\n10.0.0.1 server "+host+"\n"),
			want: map[string]string{"etc/hosts": "127.0.0.1 localhost\n10.0.0.1 server\n"},
		},
	} {
		t.Run(f.name, func(t *testing.T) {
			f.rule = "hostname"
			dir := nfsroottest.GoldenTree(t)
			f.seed(t, dir)
			f.run(t, dir)
		})
	}
}

func TestHostRulesAcceptAnIdentity(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	put("etc/ssh/ssh_host_ed25519_key", "secret")(t, dir)
	put("etc/machine-id", "0123456789abcdef0123456789abcdef\n")(t, dir)
	put("etc/resolv.conf", "nameserver 192.0.2.53\n")(t, dir)
	findings, err := nfsroot.Lint(t.Context(), dir, nfsroot.HostRules()...)
	require.NoError(t, err)
	require.Empty(t, findings)
	findings, err = nfsroot.Lint(t.Context(), dir)
	require.NoError(t, err)
	require.Len(t, findings, 3)
}

// TestFixMendsOnlyWhatItFinds gives it findings that are not there.
func TestFixMendsOnlyWhatItFinds(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	before := snapshot(t, dir)
	forged := []nfsroot.Finding{
		{Rule: "ssh-host-keys", Path: "etc/passwd", Severity: nfsroot.Error, Message: "every clone has this host key", Fixable: true},
		{Rule: "leftovers", Path: "../../outside", Fixable: true},
		{Rule: "setuid", Path: "usr/bin/su"},
	}
	require.NoError(t, nfsroot.Fix(t.Context(), dir, forged))
	require.Equal(t, before, snapshot(t, dir))
	err := nfsroot.Fix(t.Context(), dir, []nfsroot.Finding{{Rule: "no-such"}})
	require.ErrorContains(t, err, `no rule is named "no-such"`)
}

// TestFixLeavesTheOthers mends one of two findings of a rule.
func TestFixLeavesTheOthers(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	puts("etc/a.dpkg-old", "", "etc/b.dpkg-old", "")(t, dir)
	findings, err := nfsroot.Lint(t.Context(), dir)
	require.NoError(t, err)
	require.Len(t, findings, 2)
	require.NoError(t, nfsroot.Fix(t.Context(), dir, findings[1:]))
	left, err := nfsroot.Lint(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, findings[:1], left)
}

func TestFindingsAsJSON(t *testing.T) {
	f := nfsroot.Finding{Rule: "fstab", Path: "etc/fstab", Severity: nfsroot.Error, Message: "is swap", Fixable: true}
	text, err := json.Marshal(f)
	require.NoError(t, err)
	require.Contains(t, string(text), `"Severity":"error"`)
	var back nfsroot.Finding
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, f, back)
	require.Equal(t, "error: etc/fstab: is swap (fstab)", f.String())
	require.ErrorContains(t, json.Unmarshal([]byte(`{"Severity":"fatal"}`), &back), "fatal")
}

func TestLintErrors(t *testing.T) {
	_, err := nfsroot.Lint(t.Context(), filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = nfsroot.Lint(ctx, nfsroottest.GoldenTree(t))
	require.ErrorIs(t, err, context.Canceled)
}
