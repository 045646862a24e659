package identity_test

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/identity"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
	"github.com/stretchr/testify/require"
)

const adminKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ admin@example.com"

func open(t testing.TB, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return root
}

func read(t *testing.T, root *os.Root, name string) string {
	t.Helper()
	text, err := root.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

func mode(t *testing.T, root *os.Root, name string) fs.FileMode {
	t.Helper()
	fi, err := root.Lstat(name)
	require.NoError(t, err)
	return fi.Mode()
}

// full has every field set.
func full(t testing.TB) identity.Identity {
	t.Helper()
	keys, err := identity.GenerateHostKeys("pi1")
	require.NoError(t, err)
	return identity.Identity{
		Name:           "pi1.example.com",
		MachineID:      "0123456789abcdef0123456789abcdef",
		HostKeys:       keys,
		AuthorizedKeys: []string{adminKey, `from="2001:db8::/32",no-pty ` + adminKey},
		Hosts:          []identity.Host{{Addr: netip.MustParseAddr("10.0.0.1"), Names: []string{"server.example.com", "server"}}},
		DNS:            []netip.Addr{netip.MustParseAddr("2001:db8::53"), netip.MustParseAddr("192.0.2.53")},
		Search:         []string{"example.com"},
		Public:         public(),
		Clock:          time.Date(2026, 11, 26, 1, 2, 3, 0, time.UTC),
		Files:          map[string][]byte{"etc/default/raspi-firmware": []byte("ROOTPART=/dev/nfs\n")},
	}
}

func public() *identity.Public {
	return &identity.Public{
		VLAN:     131,
		Addrs:    []netip.Prefix{netip.MustParsePrefix("2001:db8:1::5/64"), netip.MustParsePrefix("192.0.2.5/24")},
		Gateway:  netip.MustParseAddr("fe80::1"),
		Gateway4: netip.MustParseAddr("192.0.2.1"),
	}
}

func TestPersonalize(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	root := open(t, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "etc/ssh/ssh_host_rsa_key"), []byte("everybody's"), 0o600))
	id := full(t)
	require.NoError(t, identity.Personalize(root, id))

	for name, want := range map[string]string{
		"etc/hostname": "pi1\n",
		"etc/hosts": "127.0.0.1 localhost\n127.0.1.1 pi1.example.com pi1\n::1 localhost ip6-localhost ip6-loopback\n" +
			"ff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n10.0.0.1 server.example.com server\n",
		"etc/machine-id":                   "0123456789abcdef0123456789abcdef\n",
		"etc/ssh/ssh_host_ed25519_key":     string(id.HostKeys.PrivateKey()),
		"etc/ssh/ssh_host_ed25519_key.pub": id.HostKeys.PublicKey() + " root@pi1\n",
		"root/.ssh/authorized_keys":        adminKey + "\n" + `from="2001:db8::/32",no-pty ` + adminKey + "\n",
		"etc/resolv.conf":                  "search example.com\nnameserver 2001:db8::53\nnameserver 192.0.2.53\n",
		"etc/default/raspi-firmware":       "ROOTPART=/dev/nfs\n",
		"usr/lib/clock-epoch":              "",
	} {
		require.Equal(t, want, read(t, root, filepath.Clean(name)), name)
	}
	for name, want := range map[string]fs.FileMode{
		"etc/hostname": 0o644, "etc/machine-id": 0o444, "etc/ssh/ssh_host_ed25519_key": 0o600, "etc/ssh/ssh_host_ed25519_key.pub": 0o644,
		"root/.ssh": 0o700 | fs.ModeDir, "root/.ssh/authorized_keys": 0o600, "etc/resolv.conf": 0o644,
	} {
		require.Equal(t, want, mode(t, root, name), name)
	}
	require.NoFileExists(t, filepath.Join(dir, "etc/ssh/ssh_host_rsa_key"))
	require.NoFileExists(t, filepath.Join(dir, "etc/fake-hwclock.data"))
	fi, err := root.Stat("usr/lib/clock-epoch")
	require.NoError(t, err)
	require.True(t, fi.ModTime().Equal(id.Clock))

	findings, err := nfsroot.Lint(t.Context(), dir, nfsroot.HostRules()...)
	require.NoError(t, err)
	require.Empty(t, findings)
}

// TestPersonalizeAgain leaves every inode as it is.
func TestPersonalizeAgain(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	root := open(t, dir)
	id := full(t)
	require.NoError(t, identity.Personalize(root, id))
	before := stats(t, dir)
	require.NoError(t, identity.Personalize(root, id))
	after := stats(t, dir)
	require.Equal(t, len(before), len(after))
	for name, fi := range before {
		require.True(t, os.SameFile(fi, after[name]), "%s was replaced", name)
		require.Equal(t, fi.Mode(), after[name].Mode(), name)
	}

	id.Name = "pi2"
	require.NoError(t, identity.Personalize(root, id))
	require.Equal(t, "pi2\n", read(t, root, "etc/hostname"))
	require.Contains(t, read(t, root, "etc/hosts"), "127.0.1.1 pi2\n")
	require.Equal(t, len(before), len(stats(t, dir)), "no temporary file stays")
}

func stats(t *testing.T, dir string) map[string]fs.FileInfo {
	t.Helper()
	all := make(map[string]fs.FileInfo)
	require.NoError(t, filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err == nil {
			all[at], err = d.Info()
		}
		return err
	}))
	return all
}

func TestMinimalIdentity(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	root := open(t, dir)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sbin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "usr/sbin/fake-hwclock"), nil, 0o755))
	resolv := read(t, root, "etc/resolv.conf")
	require.NoError(t, identity.Personalize(root, identity.Identity{Name: "pi1", Clock: time.Unix(1800000000, 0)}))
	require.Empty(t, read(t, root, "etc/machine-id"))
	require.Equal(t, resolv, read(t, root, "etc/resolv.conf"))
	require.Equal(t, "2027-01-15 08:00:00\n", read(t, root, "etc/fake-hwclock.data"))
	require.NoFileExists(t, filepath.Join(dir, "root/.ssh/authorized_keys"))
	require.NotContains(t, read(t, root, "etc/network/interfaces"), "eth0.")
}

func TestInterfaces(t *testing.T) {
	root := open(t, nfsroottest.GoldenTree(t))
	p := public()
	p.MTU = 1496
	require.NoError(t, identity.Personalize(root, identity.Identity{Name: "pi1", Public: p}))
	require.Equal(t, `source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

# The root is mounted through eth0: it is never brought up or down.
no-auto-down eth0
iface eth0 inet manual

auto eth0.131
iface eth0.131 inet6 static
	pre-up ip link show dev eth0.131 >/dev/null 2>&1 || ip link add link eth0 name eth0.131 type vlan id 131
	pre-up ip link set dev eth0.131 mtu 1496
	address 2001:db8:1::5/64
	gateway fe80::1
	accept_ra 0
	autoconf 0
iface eth0.131 inet static
	address 192.0.2.5/24
	gateway 192.0.2.1
	metric 1024
`, read(t, root, "etc/network/interfaces"))
}

func TestNetworkd(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	root := open(t, dir)
	require.NoError(t, os.Remove(filepath.Join(dir, "usr/sbin/ifup")))
	id := identity.Identity{Name: "pi1", Public: public(), DNS: []netip.Addr{netip.MustParseAddr("2001:db8::53")}}
	require.ErrorContains(t, identity.Personalize(root, id), "neither ifupdown nor systemd-networkd")
	id.Network = identity.Networkd
	require.ErrorContains(t, identity.Personalize(root, id), "the tree has no networkd")
	id.Network = identity.Auto
	require.NoError(t, os.WriteFile(filepath.Join(dir, "usr/lib/systemd/systemd-networkd"), nil, 0o755))
	require.NoError(t, identity.Personalize(root, id))
	for name, want := range map[string]string{
		"05-nfsroot-eth0.network":   "[Match]\nName=eth0\n\n[Link]\nRequiredForOnline=no\n\n[Network]\nKeepConfiguration=yes\nIgnoreCarrierLoss=yes\nIPv6AcceptRA=no\nVLAN=eth0.131\n",
		"05-nfsroot-public.netdev":  "[NetDev]\nName=eth0.131\nKind=vlan\n\n[VLAN]\nId=131\n",
		"05-nfsroot-public.network": "[Match]\nName=eth0.131\n\n[Network]\nIPv6AcceptRA=no\nAddress=2001:db8:1::5/64\nAddress=192.0.2.5/24\nGateway=fe80::1\nDNS=2001:db8::53\n\n[Route]\nGateway=192.0.2.1\nMetric=1024\n",
	} {
		require.Equal(t, want, read(t, root, "etc/systemd/network/"+name), name)
	}
	target, err := root.Readlink("etc/systemd/system/multi-user.target.wants/systemd-networkd.service")
	require.NoError(t, err)
	require.Equal(t, "/usr/lib/systemd/system/systemd-networkd.service", target)

	id.Public = nil
	require.NoError(t, identity.Personalize(root, id))
	require.NoFileExists(t, filepath.Join(dir, "etc/systemd/network/05-nfsroot-public.netdev"))
	require.NotContains(t, read(t, root, "etc/systemd/network/05-nfsroot-eth0.network"), "VLAN")
}

func TestBothNetworks(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	root := open(t, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "usr/lib/systemd/systemd-networkd"), nil, 0o755))
	require.NoError(t, identity.Personalize(root, identity.Identity{Name: "pi1"}))
	require.Equal(t, "[Match]\nName=eth0\n\n[Link]\nUnmanaged=yes\n", read(t, root, "etc/systemd/network/05-nfsroot-eth0.network"))
	require.NoError(t, os.Remove(filepath.Join(dir, "etc/network/interfaces")))
	require.NoError(t, identity.Personalize(root, identity.Identity{Name: "pi1", Network: identity.Unmanaged}))
	require.NoFileExists(t, filepath.Join(dir, "etc/network/interfaces"))
}

// TestWholeRack gives 96 machines their identities and finds no two alike.
func TestWholeRack(t *testing.T) {
	store := identity.KeyStore{Dir: filepath.Join(t.TempDir(), "keys")}
	seen := make(map[string]bool)
	for _, name := range rack() {
		root := open(t, t.TempDir())
		keys, err := store.Get(name)
		require.NoError(t, err)
		require.NoError(t, identity.Personalize(root, identity.Identity{Name: name, HostKeys: keys}))
		for _, file := range []string{"etc/hostname", "etc/hosts", "etc/ssh/ssh_host_ed25519_key", "etc/ssh/ssh_host_ed25519_key.pub"} {
			text := read(t, root, file)
			require.False(t, seen[text], "%s of %s is another's", file, name)
			seen[text] = true
		}
	}
}

func rack() []string {
	names := make([]string, 0, 96)
	for a := range 4 {
		for b := range 24 {
			names = append(names, "pi"+string(rune('a'+a))+string(rune('a'+b)))
		}
	}
	return names
}

func BenchmarkPersonalize96(b *testing.B) {
	dir := nfsroottest.GoldenTree(b)
	roots := make([]*os.Root, 0, 96)
	for range 96 {
		clone := filepath.Join(b.TempDir(), "root")
		require.NoError(b, os.CopyFS(filepath.Join(clone, "etc"), os.DirFS(filepath.Join(dir, "etc"))))
		require.NoError(b, os.MkdirAll(filepath.Join(clone, "usr/sbin"), 0o755))
		require.NoError(b, os.WriteFile(filepath.Join(clone, "usr/sbin/ifup"), nil, 0o755))
		roots = append(roots, open(b, clone))
	}
	ids := make([]identity.Identity, len(roots))
	for i, name := range rack() {
		ids[i] = full(b)
		ids[i].Network = identity.Auto
		ids[i].Name = name
	}
	for round := 0; b.Loop(); round++ {
		for i, root := range roots {
			ids[i].Name = strings.TrimRight(ids[i].Name, "xy") + "xy"[round%2:round%2+1] // nothing is the same as before
			require.NoError(b, identity.Personalize(root, ids[i]))
		}
	}
}
