package identity_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/identity"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
	"github.com/stretchr/testify/require"
)

// inNamespace runs a shell script in a network of its own, where eth0 is one end
// of a cable and carries what an initramfs would have given it.
func inNamespace(t *testing.T, script string, env ...string) string {
	t.Helper()
	peer.NeedRoot(t)
	peer.Need(t, "unshare", "ip", "sh")
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-euc", `
mount -t tmpfs tmpfs /run
eth0() { ip -o addr show dev eth0 scope global; ip route show dev eth0; ip -o link show dev eth0 | grep -o '<.*>'; }
ip link set lo up
ip link add eth0 type veth peer name cable
ip link set cable up
ip link set eth0 up
ip addr add 10.77.0.11/24 dev eth0
ip route add default via 10.77.0.1
eth0 > /run/before
if ip link add link eth0 name probe type vlan id 9 2>/dev/null; then
	ip link delete probe
else # a kernel without VLANs: another kind of interface on eth0 stands in
	ip link add link eth0 name eth0.131 type macvlan
fi
`+script)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// TestRealIfupdown has Debian's ifupdown bring the public interface up and down
// while eth0 stays as it is.
func TestRealIfupdown(t *testing.T) {
	peer.NeedRoot(t)
	ifup := peer.DebFile(t, "ifupdown", "sbin/ifup")
	dir := nfsroottest.GoldenTree(t)
	id := identity.Identity{Name: "pi1", Public: public()}
	require.NoError(t, identity.Personalize(open(t, dir), id))

	out := inNamespace(t, `
mkdir -p /run/network
"$IFUP" -a -i "$INTERFACES"
eth0 > /run/after
diff /run/before /run/after
ip -d -o link show dev eth0.131
ip -o addr show dev eth0.131 scope global
ip route show dev eth0.131
ip -6 route show default
ip route show default
ln -s "$IFUP" /run/ifdown
/run/ifdown -a -i "$INTERFACES"
ip link show dev eth0.131 2>/dev/null || echo the VLAN is gone
eth0 > /run/after
diff /run/before /run/after && echo eth0 is as it was
`, "IFUP="+ifup, "INTERFACES="+filepath.Join(dir, "etc/network/interfaces"))
	require.Regexp(t, "vlan protocol 802.1Q id 131|macvlan", out)
	require.Contains(t, out, "inet6 2001:db8:1::5/64")
	require.Contains(t, out, "inet 192.0.2.5/24")
	require.Contains(t, out, "default via fe80::1 dev eth0.131")
	require.Contains(t, out, "default via 192.0.2.1 dev eth0.131 ")
	require.Contains(t, out, "default via 10.77.0.1 dev eth0")
	require.NotContains(t, out, "Cannot find device")
	require.Contains(t, out, "the VLAN is gone")
	require.Contains(t, out, "eth0 is as it was")
}

// TestRealNetworkd has systemd-networkd, which no bus or udev helps here, set up
// the public interface and end, while eth0 stays as it is.
func TestRealNetworkd(t *testing.T) {
	peer.NeedRoot(t)
	networkd := peer.Look(t, "/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd")
	dir := t.TempDir()
	root := open(t, dir)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "usr/lib/systemd"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "usr/lib/systemd/systemd-networkd"), nil, 0o755))
	require.NoError(t, identity.Personalize(root, identity.Identity{Name: "pi1", Public: public()}))

	out := inNamespace(t, `
mount -t sysfs -o ro sysfs /sys # no udev to wait for
mkdir /run/systemd
cp -r "$NETWORK" /run/systemd/network
! ip link show dev eth0.131 2>/dev/null || rm /run/systemd/network/*.netdev # a stand-in has another kind
"$NETWORKD" 2>/run/log &
networkd=$!
tries=0
until ip -6 route show default | grep -q eth0.131 && ip route show default | grep -q eth0.131; do
	tries=$((tries+1))
	if [ $tries -gt 150 ]; then cat /run/log; exit 1; fi
	sleep 0.2
done
grep 'eth0: Configuring with' /run/log
ip -o addr show dev eth0.131 scope global
ip route show default
ip -6 route show default
eth0 > /run/after
diff /run/before /run/after
kill $networkd
wait $networkd || true
eth0 > /run/after
diff /run/before /run/after && echo eth0 is as it was
`, "NETWORKD="+networkd, "NETWORK="+filepath.Join(dir, "etc/systemd/network"))
	require.Contains(t, out, "Configuring with /run/systemd/network/05-nfsroot-eth0.network")
	require.Contains(t, out, "inet6 2001:db8:1::5/64")
	require.Contains(t, out, "default via 10.77.0.1 dev eth0")
	require.Contains(t, out, "default via 192.0.2.1 dev eth0.131 proto static metric 1024")
	require.Contains(t, out, "default via fe80::1 dev eth0.131")
	require.Contains(t, out, "eth0 is as it was")
}
