package render_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

// rack is a plan whose ports are interfaces of Linux.
func rack(t *testing.T, target string, o render.Options) []render.File {
	t.Helper()
	return text(t, target, build(t, shelf(families["openvswitch"]), nil), o)
}

// output runs a program that must not fail.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), peer.Look(t, program), args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", program, args, out)
	return string(out)
}

func TestRealNft(t *testing.T) {
	peer.NeedRoot(t)
	for name, o := range map[string]render.Options{"zero": {}, "forwarding": {Forwarding: true}} {
		t.Run(name, func(t *testing.T) {
			f := one(t, rack(t, "nftables", o), "")
			check := func(text string) error {
				cmd := exec.Command(peer.Look(t, "nft"), "-c", "-f", "-")
				cmd.Stdin = strings.NewReader(text)
				out, err := cmd.CombinedOutput()
				t.Logf("%s", out)
				return err
			}
			require.NoError(t, check(f.Text))
			require.Error(t, check(strings.Replace(f.Text, "fib saddr", "fib sadr", 1)), "nft reads nothing")

			// It is loaded twice, as at a change of the plan.
			ns := netnstest.New(t)
			for range 2 {
				cmd := ns.Command(peer.Look(t, "nft"), "-f", "-")
				cmd.Stdin = strings.NewReader(f.Text)
				out, err := cmd.CombinedOutput()
				require.NoError(t, err, string(out))
			}
			out, err := ns.Command(peer.Look(t, "nft"), "list", "ruleset").CombinedOutput()
			require.NoError(t, err, string(out))
			require.Equal(t, 1, strings.Count(string(out), "table "), string(out))
			require.Equal(t, 2, strings.Count(string(out), "fib "), string(out))
		})
	}
}

func TestRealNetplan(t *testing.T) {
	peer.Need(t, "netplan")
	dir := t.TempDir()
	write(t, dir, rack(t, "netplan", render.Options{}))
	require.Empty(t, output(t, "netplan", "generate", "--root-dir", dir))
	for name, want := range map[string]string{
		"10-netplan-eth0.14.netdev":  "Id=14\n",
		"10-netplan-eth0.14.network": "Address=10.77.0.13/30\n",
		"10-netplan-eth0.network":    "VLAN=eth0.14\n",
	} {
		made, err := os.ReadFile(filepath.Join(dir, "run/systemd/network", name))
		require.NoError(t, err)
		require.Contains(t, string(made), want)
	}
	made, err := os.ReadFile(filepath.Join(dir, "run/systemd/network/10-netplan-eth0.14.network"))
	require.NoError(t, err)
	require.Contains(t, string(made), "LinkLocalAddressing=no\n")
	require.Contains(t, string(made), "IPv6AcceptRA=no\n")
}

// networkdScript shows files to systemd-networkd as those of the machine, in a
// mount namespace.
const networkdScript = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd /run/systemd/netif
cp -r "$1" /run/systemd/network
chmod -R a+rX /run/systemd
chown systemd-network:systemd-network /run/systemd/netif
exec "$2"`

// complaints starts systemd-networkd, which has read all its files when it has
// enumerated what there is, and returns what it says of them.
func complaints(t *testing.T, files []render.File) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	write(t, dir, files)
	cmd := netnstest.New(t).Command("unshare", "--mount", "sh", "-c", networkdScript, "sh",
		filepath.Join(dir, "etc/systemd/network"), peer.Look(t, "/lib/systemd/systemd-networkd"))
	cmd.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=debug", "SYSTEMD_LOG_TARGET=console")
	p := peer.Start(t, cmd, peer.Options{ReadyOutput: regexp.MustCompile("Enumeration completed")})
	p.Stop()
	var said []string
	for line := range strings.SplitSeq(p.Output(), "\n") {
		if strings.Contains(line, "/run/systemd/network/") {
			said = append(said, line)
		}
	}
	require.Contains(t, p.Output(), `loaded "vlan"`)
	return strings.Join(said, "\n")
}

func TestRealNetworkd(t *testing.T) {
	peer.NeedRoot(t)
	peer.Need(t, "unshare")
	require.Empty(t, complaints(t, rack(t, "networkd", render.Options{})))
	require.Empty(t, complaints(t, rack(t, "pi-networkd", render.Options{Only: []string{"pi3"}})))

	bad := rack(t, "pi-networkd", render.Options{Only: []string{"pi3"}})
	bad[0].Text = strings.Replace(bad[0].Text, "KeepConfiguration=", "KeepConfig=", 1)
	require.Contains(t, complaints(t, bad), "Unknown key 'KeepConfig'", "networkd reads nothing")
}

func TestRealIfupdown(t *testing.T) {
	peer.Need(t, "ifquery", "ifup")
	dir := t.TempDir()
	write(t, dir, rack(t, "ifupdown", render.Options{}))
	write(t, dir, rack(t, "pi-ifupdown", render.Options{Only: []string{"pi1"}}))
	serverFile := filepath.Join(dir, "etc/network/interfaces.d/pi-vlans")
	piFile := filepath.Join(dir, "etc/network/interfaces.d/public")

	require.Equal(t, "lo\neth0.11\neth0.12\neth0.13\neth0.14\n", output(t, "ifquery", "--list", "-i", serverFile))
	require.Equal(t, "lo\neth0.131\n", output(t, "ifquery", "--list", "-i", piFile))
	require.Contains(t, output(t, "ifquery", "-i", serverFile, "eth0.12"), "address: 10.77.0.5\n")
	require.Contains(t, output(t, "ifquery", "-i", piFile, "eth0.131"), "address: 2001:db8:0:84:1000:11:0:2\n")

	// What would be run, without running it.
	state := filepath.Join(dir, "state")
	up := output(t, "ifup", "--no-act", "--verbose", "--no-scripts", "--state-dir", state, "-a", "-i", serverFile)
	for _, want := range []string{"name eth0.14", "type vlan id 14", "10.77.0.13/255.255.255.252"} {
		require.Contains(t, up, want)
	}
	up = output(t, "ifup", "--no-act", "--verbose", "--no-scripts", "--state-dir", state, "-a", "-i", piFile)
	require.Contains(t, up, "type vlan id 131")
	require.Contains(t, up, "2001:db8:0:84:1000:11:0:2")
	require.NotRegexp(t, `ip (-\S+ )*(link|addr) (set|del|flush|add).*\beth0\b [^n]*down`, up)
}

// An ovsdb-server without a switch behind it takes the whole transaction.
func TestRealOpenVSwitch(t *testing.T) {
	dir, err := os.MkdirTemp("", "ovs") // t.TempDir makes paths that are too long for sockets
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	programs := peer.Need(t, "ovsdb-tool", "ovsdb-server", "ovs-vsctl")
	db, socket := filepath.Join(dir, "conf.db"), filepath.Join(dir, "db.sock")
	output(t, programs[0], "create", db, "/usr/share/openvswitch/vswitch.ovsschema")
	cmd := exec.Command(programs[1], db, "--remote=punix:"+socket, "--unixctl="+filepath.Join(dir, "ctl"), "-vsyslog:off", "-vfile:off")
	peer.Start(t, cmd, peer.Options{Ready: func(ctx context.Context) error {
		return exec.CommandContext(ctx, programs[2], "--db=unix:"+socket, "--no-wait", "--timeout=1", "init").Run()
	}})

	p := build(t, shelf(families["openvswitch"]), nil)
	script := filepath.Join(dir, "sw1")
	f := one(t, text(t, "openvswitch", p, render.Options{}), "sw1")
	require.NoError(t, os.WriteFile(script, []byte(f.Text), 0o755))
	for range 2 { // again changes nothing
		output(t, "sh", script, "--db=unix:"+socket, "--no-wait")
	}
	var table struct{ Data [][]any }
	out := output(t, programs[2], "--db=unix:"+socket, "--no-wait", "-f", "json",
		"--columns=name,vlan_mode,tag,trunks,protected", "list", "port")
	require.NoError(t, json.Unmarshal([]byte(out), &table), out)
	got := make(model)
	for _, row := range table.Data {
		name := row[0].(string)
		m := ovsPort(row[1], row[2], row[3], row[4].(bool))
		if list := strings.Fields(output(t, programs[2], "--db=unix:"+socket, "--no-wait", "list-ifaces", "br0")); name == "bond0" {
			m.Members = slices.DeleteFunc(list, func(s string) bool { return s != "swp23" && s != "swp24" })
		}
		got[name] = m
	}
	want := wanted(t, p, "sw1", planned{noEdge: true, unusedOn: true})
	want["br0"] = port{Untagged: 7} // the machine itself, in the VLAN for management
	require.Equal(t, want, got)
}

// The kernel's own program reads the file, each line for one client.
func TestRealExportfs(t *testing.T) {
	peer.NeedRoot(t)
	program := peer.DebFile(t, "nfs-kernel-server", "usr/sbin/export*")
	dir := t.TempDir()
	spec := shelf(families["openvswitch"])
	spec.FileServer.ExportRoot = dir
	for _, pi := range spec.Shelves[0].Pis {
		require.NoError(t, os.Mkdir(filepath.Join(dir, pi.Name), 0o755))
	}
	file := filepath.Join(dir, "exports")
	f := one(t, text(t, "exports", build(t, spec, nil), render.Options{}), "")
	require.NoError(t, os.WriteFile(file, []byte(f.Text), 0o644))
	const script = `set -e
exec 3<"$2"
mount -t tmpfs tmpfs /etc
mount -t tmpfs tmpfs /var/lib/nfs
mkdir /etc/exports.d
: >/etc/exports
cat <&3 >/etc/exports.d/pi-vlans.exports
"$1" -ra
cat /var/lib/nfs/etab`
	out := output(t, "unshare", "--mount", "sh", "-c", script, "sh", program, file)
	require.Equal(t, 4, strings.Count(out, "\n"), out)
	require.Regexp(t, `/pi2\t10\.77\.0\.6\(rw,sync,[^\n]*secure,no_root_squash,[^\n]*no_subtree_check,[^\n]*fsid=00000000-0000-0000-2e44-38c8b591a009`, out)
}

// The kernel takes each parameter, for interfaces with the names of VLANs.
func TestRealSysctl(t *testing.T) {
	ns := netnstest.New(t)
	for _, name := range []string{"eth0.11", "eth0.12", "eth0.13", "eth0.14"} {
		ns.IP("link", "add", name, "type", "veth")
	}
	dir := t.TempDir()
	files := rack(t, "sysctl", render.Options{})
	write(t, dir, files)
	out, err := ns.Command(peer.Look(t, "sysctl"), "-p", filepath.Join(dir, files[0].Path)).CombinedOutput()
	require.NoError(t, err, string(out))
	for key, want := range map[string]string{
		"net/ipv4/conf/eth0.14/rp_filter": "1\n", "net/ipv4/conf/eth0.14/arp_announce": "2\n",
		"net/ipv4/conf/eth0.14/forwarding": "0\n", "net/ipv6/conf/eth0.14/disable_ipv6": "1\n",
		"net/ipv4/conf/all/accept_redirects": "0\n",
	} {
		var got []byte
		require.NoError(t, ns.Do(func() (err error) {
			got, err = os.ReadFile("/proc/sys/" + key)
			return err
		}))
		require.Equal(t, want, string(got), key)
	}
}
