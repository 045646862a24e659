package realtest_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/linuxbridge"
	"github.com/mythic-beasts/hostkit/vlan/realtest"
)

// A whole shelf on one kernel with VLANs: the bridge is set up from the plan by
// netlink, the file server and the Pis by Debian's ifup from what is rendered.
func TestRealShelfInGuest(t *testing.T) {
	t.Parallel()
	realtest.Guest{Modules: []string{"8021q", "bridge", "veth"}}.Inside(t, func(t *testing.T) {
		plan := thePlan(t)
		sw, fs := netnstest.New(t), netnstest.New(t)
		pis := []*netnstest.NS{netnstest.New(t), netnstest.New(t)}
		sw.IP("link", "add", "br0", "type", "bridge", "vlan_filtering", "1", "mcast_snooping", "0")
		sw.IP("link", "set", "br0", "up")
		for i, end := range append(pis, fs) {
			port := []string{"swp1", "swp2", "swtrunk"}[i]
			netnstest.Veth(t, sw, port, end, "eth0")
			sw.IP("link", "set", port, "master", "br0")
		}
		require.NoError(t, sw.Do(func() error {
			bridge := &linuxbridge.Switch{Bridge: "br0"}
			report, err := vlan.Apply(context.Background(), bridge, config(t, plan), vlan.ApplyOptions{NoSave: true})
			if err != nil {
				return err
			}
			return vlan.VerifyState(plan, map[string]vlan.State{"sw": report.After})
		}))

		ifup(t, fs, text(t, "ifupdown", plan))
		for i, pi := range plan.Pis {
			pis[i].AddAddr("eth0", netip.PrefixFrom(pi.Addr, pi.Net.Bits())) // by the kernel's ip= at boot
			ifup(t, pis[i], piText(t, plan, pi.Name))
			require.Contains(t, fs.IP("-d", "link", "show", pi.ServerIface()), fmt.Sprintf("vlan protocol 802.1Q id %d ", pi.VID))
			require.Contains(t, fs.IP("-brief", "address", "show", pi.ServerIface()), pi.Server.String()+"/30")
			require.Contains(t, pis[i].IP("-brief", "address", "show", "eth0.131"), pi.Public.String())
		}

		for i, pi := range plan.Pis {
			require.NoError(t, tcp(t, fs, pi.Server, pis[i]), "%s mounts its root", pi.Name)
		}
		require.NoError(t, tcp(t, fs, plan.Pis[0].Server, pis[0]))
		// The other's subnet is not behind one's own port, whatever one does.
		pis[0].AddAddr("eth0", netip.PrefixFrom(plan.Pis[1].Server, 24))
		require.Error(t, tcp(t, pis[1], plan.Pis[1].Addr, pis[0]))
		// In the public VLAN Pis are isolated from one another, not from others.
		require.Error(t, tcp(t, pis[1], plan.Pis[1].Public.Addr(), pis[0]))
		out, err := sw.Command("bridge", "link", "set", "dev", "swp1", "isolated", "off").CombinedOutput()
		require.NoError(t, err, string(out))
		require.NoError(t, tcp(t, pis[1], plan.Pis[1].Public.Addr(), pis[0]), "only isolation keeps them apart there")
		fs.IP("link", "add", "link", "eth0", "name", "public", "type", "vlan", "id", "131")
		fs.IP("link", "set", "public", "up")
		router := netip.MustParsePrefix("2001:db8:0:84::1/64")
		fs.AddAddr("public", router)
		require.NoError(t, tcp(t, fs, router.Addr(), pis[0]))
	})
}

// piText is the one file of a Pi.
func piText(t *testing.T, plan *vlan.Plan, name string) string {
	t.Helper()
	files := texts(t, "pi-ifupdown", plan)
	for _, f := range files {
		if f.For == name {
			return f.Text
		}
	}
	t.Fatalf("nothing is rendered for %s", name)
	return ""
}

// ifup runs the real ifup on a file, as the machine's start does.
func ifup(t *testing.T, ns *netnstest.NS, interfaces string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "interfaces")
	require.NoError(t, os.WriteFile(file, []byte(interfaces), 0o644))
	for _, hook := range []string{"if-pre-up.d", "if-up.d", "if-down.d", "if-post-down.d"} {
		require.NoError(t, os.MkdirAll(filepath.Join("/etc/network", hook), 0o755))
	}
	out, err := ns.Command("ifup", "--all", "--interfaces="+file, "--state-dir="+dir).CombinedOutput()
	require.NoError(t, err, string(out))
	require.NotRegexp(t, regexp.MustCompile(`(?i)error|failed|unknown`), string(out))
	out, err = ns.Command("ifquery", "--list", "--all", "--interfaces="+file).CombinedOutput()
	require.NoError(t, err, string(out))
	for name := range strings.FieldsSeq(string(out)) {
		require.Contains(t, ns.IP("link", "show", name), ",UP,LOWER_UP>")
	}
}

// tcp connects from one namespace to an address of another.
func tcp(t *testing.T, to *netnstest.NS, addr netip.Addr, from *netnstest.NS) error {
	t.Helper()
	var listener net.Listener
	require.NoError(t, to.Do(func() (err error) {
		listener, err = net.Listen("tcp", netip.AddrPortFrom(addr, nfs).String())
		return err
	}))
	defer listener.Close()
	return from.Do(func() error {
		const patience = 5 * time.Second // ARP gives up after three
		conn, err := net.DialTimeout("tcp", listener.Addr().String(), patience)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}
