package nfsroot_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/stretchr/testify/require"
)

// textFiles are files whose text a rule reads and Fix changes.
var textFiles = []string{
	"etc/fstab", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/shadow", "etc/passwd", "etc/apt/sources.list",
	"etc/apt/sources.list.d/x.sources", "etc/apt/apt.conf", "etc/network/interfaces", "etc/systemd/network/x.network",
	"etc/systemd/journald.conf.d/x.conf", "etc/systemd/system/x.timer", "etc/dhcpcd.conf", "etc/NetworkManager/NetworkManager.conf",
	"etc/initramfs-tools/conf.d/x", "etc/machine-id",
}

// FuzzFix gives a file any text: what Lint finds in it, Fix mends, and then Lint
// finds nothing more.
func FuzzFix(f *testing.F) {
	for i, name := range textFiles {
		f.Add(uint8(i), "")
		for _, fault := range faults {
			if want, ok := fault.want[name]; ok {
				f.Add(uint8(i), want)
			}
		}
	}
	for name, text := range map[string]string{
		"etc/apt/sources.list":                   "deb [arch=amd64 signed-by=/x] file:/srv x main",
		"etc/apt/sources.list.d/x.sources":       "Types: deb\nURIs: file:/x\n\n\n\nURIs: copy:/y",
		"etc/apt/apt.conf":                       "Acquire::http::Proxy::host \"http://x\"; // \"\"",
		"etc/network/interfaces":                 "auto eth0 eth0\niface eth0 inet dhcp\n\tup x \\\n iface eth0 inet static",
		"etc/shadow":                             "root::\nroot:x\n::",
		"etc/systemd/network/x.network":          "[Match]\nName=!lo\nType=ether\\\n",
		"etc/systemd/system/x.timer":             "[Timer]\nOnCalendar=daily\nRandomizedDelaySec=1 h 2 min",
		"etc/systemd/journald.conf.d/x.conf":     "[Journal]\nStorage=persistent\n[Journal]\nStorage=",
		"etc/initramfs-tools/conf.d/x":           "RESUME=\nRESUME=none",
		"etc/fstab":                              "a / b c d e f g\nx y swap",
		"etc/NetworkManager/NetworkManager.conf": "[keyfile]\nunmanaged-devices=*,except:interface-name:eth0",
	} {
		f.Add(uint8(slices.Index(textFiles, name)), text)
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		name := textFiles[int(which)%len(textFiles)]
		dir := t.TempDir()
		for _, d := range []string{"etc/systemd/system/timers.target.wants", "usr/lib/systemd", "usr/sbin", "usr/lib/systemd/system", "var/log/journal", "etc/initramfs-tools"} {
			require.NoError(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
		}
		for _, file := range []string{
			"etc/systemd/system/timers.target.wants/x.timer", "usr/lib/systemd/systemd-journald", "usr/sbin/NetworkManager",
			"usr/lib/systemd/system/dhcpcd.service", "usr/sbin/update-initramfs",
		} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), nil, 0o644))
		}
		at := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, []byte(text), 0o644))
		rules := slices.DeleteFunc(rulesHere(), func(r nfsroot.Rule) bool {
			return slices.Contains([]string{"acl", "devices", "file-capabilities", "file-flags", "leftovers", "pipes-and-sockets", "setuid", "xattrs"}, r.Name)
		})
		findings, err := nfsroot.Lint(t.Context(), dir, rules...)
		require.NoError(t, err)
		require.NoError(t, nfsroot.Fix(t.Context(), dir, findings))
		left, err := nfsroot.Lint(t.Context(), dir, rules...)
		require.NoError(t, err)
		require.Empty(t, left)
	})
}
