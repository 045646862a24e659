package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

func TestReference(t *testing.T) {
	c, err := loadConfig("reference.toml")
	require.NoError(t, err)
	require.Equal(t, "btrfs", c.Clone)
	spec := c.Root.spec()
	require.Contains(t, spec.Packages, "nginx-light")
	require.Contains(t, spec.Packages, "openssh-server")
	require.Equal(t, "linux-image-arm64", spec.Kernel.Package)
	require.Subset(t, spec.Kernel.Modules, []string{"8021q", "w1-gpio"})
	require.Nil(t, (&rootConfig{Modules: []string{"all"}}).modules())
	require.Len(t, spec.Archives(), 3)

	m, err := c.machine("pi17")
	require.NoError(t, err)
	line, err := m.cmdline(nfsroot.ARM64, "/srv/nfs/serve/pi17/root")
	require.NoError(t, err)
	text, err := line.Text()
	require.NoError(t, err)
	require.Equal(t, "console=tty1 console=ttyS1,115200 root=/dev/nfs "+
		"nfsroot=10.80.0.65:/srv/nfs/serve/pi17/root,vers=4.1,proto=tcp rw "+
		"ip=10.80.0.66:10.80.0.65:10.80.0.65:255.255.255.252:pi17:eth0:off panic=10 net.ifnames=0 nfsinit.watchdog=60\n", text)
}

func TestConfigRefused(t *testing.T) {
	const machine = "[[machine]]\nname = \"pi1\"\naddress = \"10.80.0.66/30\"\nserver = \"10.80.0.65\"\n"
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", "fram = \"/srv\"\n", "fram"},
		{"relative farm", "farm = \"nfs\"\n" + machine, "not an absolute path"},
		{"unknown driver", "clone = \"zfs\"\n" + machine, "not one of auto, btrfs"},
		{"hostile release", "[root]\nsuite = \"trixie main\"\n" + machine, "trixie main"},
		{"hostile package", "[root]\npackages = [\"-oDpkg::Pre-Invoke::=id\"]\n" + machine, "-oDpkg"},
		{"hostile name", "[[machine]]\nname = \"../x\"\naddress = \"10.80.0.66/30\"\nserver = \"10.80.0.65\"\n", "../x"},
		{"same name", machine + machine, `"pi1" is that of another`},
		{"no server", "[[machine]]\nname = \"pi1\"\naddress = \"10.80.0.66/30\"\n", "server is not the IPv4 address"},
		{"IPv6 address", "[[machine]]\nname = \"pi1\"\naddress = \"fd00::2/64\"\nserver = \"10.80.0.65\"\n", "address is not an IPv4 address"},
		{"NFS version", machine + "nfs_version = \"2\"\n", `"2"`},
		{"model", machine + "model = \"6\"\n", `model "6"`},
		{"VLAN", machine + "[machine.public]\nvlan = 5000\naddresses = [\"2001:db8::2/64\"]\n", "5000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "nfsroot.toml")
			require.NoError(t, os.WriteFile(path, []byte(tt.text), 0o600))
			_, err := loadConfig(path)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "nfsroot.toml:", "the line is named")
		})
	}
}

// Text that would be another parameter is refused before it is written.
func TestCmdlineInjection(t *testing.T) {
	c, err := loadConfig("reference.toml")
	require.NoError(t, err)
	m, err := c.machine("pi17")
	require.NoError(t, err)
	for _, extra := range []string{"a b", "x\ninit=/bin/sh", "root=/dev/sda1"} {
		bad := *m
		bad.Extra = []string{extra}
		_, err := bad.cmdline(nfsroot.ARM64, "/srv/nfs/serve/pi17/root")
		require.Error(t, err, extra)
	}
	_, err = m.cmdline(nfsroot.ARM64, "/srv/a,b")
	require.Error(t, err, "a comma begins the options")
}

// By version 3 nobody else locks the root, and ganesha's ACLs are left alone:
// with them services of systemd that have a state directory do not start.
func TestCmdlineOfVersion3(t *testing.T) {
	c, err := loadConfig("reference.toml")
	require.NoError(t, err)
	m, err := c.machine("pi17")
	require.NoError(t, err)
	three := *m
	three.NFS = "3"
	line, err := three.cmdline(nfsroot.ARM64, "/srv/nfs/serve/pi17/root")
	require.NoError(t, err)
	options := strings.Split(line.NFSRoot.MountOptions(), ",")
	require.Subset(t, options, []string{"vers=3", "nolock", "noacl"})
}
