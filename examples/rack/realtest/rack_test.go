package realtest

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/racktest"
	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
	"github.com/mythic-beasts/hostkit/vlan/realtest"
	"github.com/mythic-beasts/hostkit/vlan/render"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// The world outside: the one IPv4 address that all sites share, and a client.
var (
	front  = netip.MustParseAddr("192.0.2.1")
	client = netip.MustParseAddr("192.0.2.77")
)

// rack is a shelf of two machines with everything around it. Each box is a
// network namespace.
type rack struct {
	t     *testing.T
	dir   string // everything that is kept
	bin   string // this repository's programs
	began time.Time

	plan    *vlan.Plan
	pi, pi2 vlan.Pi

	sw     *netnstest.NS // the switch: ports swp1, swp2 and swtrunk
	fs     *netnstest.NS // the file server, which also boots machines
	edge   *netnstest.NS // router of the public network, and proxy
	world  *netnstest.NS // the client
	second *netnstest.NS // what is plugged into swp2

	ovs      *realtest.OpenVSwitch // of the switch
	bridge   *vlantest.QBridge     // its agent
	snmp     *qbridge.Switch       // and what asks that
	netbootd *peer.Process
}

// newRack plans a shelf, wires it and configures the switch as planned.
func newRack(t *testing.T) *rack {
	t.Helper()
	peer.NeedRoot(t)
	peer.Need(t, "qemu-system-x86_64", "ovs-vswitchd", "nft", "ethtool", "mmdebstrap", "named", "nsd", "unbound")
	r := &rack{t: t, dir: t.TempDir(), bin: t.TempDir(), began: time.Now()}
	r.build()
	r.makePlan()
	r.sw, r.fs, r.edge = netnstest.New(t), netnstest.New(t), netnstest.New(t)
	r.world, r.second = netnstest.New(t), netnstest.New(t)
	r.wireSwitch()
	r.wireServer()
	r.wireEdge()
	r.say("the switch does as planned")
	return r
}

func (r *rack) path(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }

// write writes a file of a configuration.
func (r *rack) write(name, text string) string {
	r.t.Helper()
	file := r.path(name)
	require.NoError(r.t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(r.t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// say logs what was reached, and when.
func (r *rack) say(format string, args ...any) {
	r.t.Helper()
	r.t.Logf("%5.1f s: %s", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// build builds the daemons, and what runs in the machine.
func (r *rack) build() {
	r.t.Helper()
	goCommand := peer.Look(r.t, "go")
	require.NoError(r.t, racktest.Build(r.t.Context(), goCommand, r.bin, "netbootd", "nfsroot", "serialcond", "sniproxyd", "dnssecd"))
	require.NoError(r.t, racktest.BuildStatic(r.t.Context(), goCommand, r.bin, "rack/realtest/site"))
	r.say("the programs are built")
}

// program is the path of one that was built.
func (r *rack) program(name string) string { return filepath.Join(r.bin, name) }

// must runs a program, which must succeed, and returns what it prints.
func (r *rack) must(cmd *exec.Cmd) string {
	r.t.Helper()
	out, err := cmd.CombinedOutput()
	require.NoError(r.t, err, "%s: %s", cmd, out)
	return string(out)
}

// makePlan gives everybody numbers: VLANs 11 and 12, and 131 for all.
func (r *rack) makePlan() {
	r.t.Helper()
	var err error
	r.plan, err = vlan.Build(vlan.Spec{
		Private: netip.MustParsePrefix("10.77.0.0/24"),
		VLANs:   vlan.Range{First: 11, Last: 99},
		Public: vlan.Public{
			VID: 131, Prefix: netip.MustParsePrefix("2001:db8:0:84::/64"), Gateway: netip.MustParseAddr("2001:db8:0:84::1"),
		},
		FileServer: vlan.FileServer{Iface: "eth0"},
		Shelves: []vlan.Shelf{{
			Name:     "shelf",
			Switches: []vlan.Switch{{Name: "sw", Uplink: vlan.Uplink{Port: "swtrunk"}}},
			Pis:      []vlan.Host{{Name: "pi1", Port: "swp1"}, {Name: "pi2", Port: "swp2"}},
		}},
	}, nil)
	require.NoError(r.t, err)
	require.NoError(r.t, r.plan.Verify())
	r.pi, r.pi2 = r.plan.Pis[0], r.plan.Pis[1]
}

// wireSwitch starts the switch, whose ports are all in every VLAN as it comes, and
// makes it what the plan says.
func (r *rack) wireSwitch() {
	r.t.Helper()
	r.sw.Tap(r.pi.Port) // the first machine is plugged in when it gets power
	r.cable(r.second, "eth0", r.sw, r.pi2.Port)
	r.cable(r.fs, "eth0", r.sw, "swtrunk")
	r.ovs = realtest.StartOpenVSwitch(r.t, r.sw, "br0")
	for _, port := range []string{r.pi.Port, r.pi2.Port, "swtrunk"} {
		r.ovs.Control("add-port", "br0", port)
	}
	r.startAgent()
	r.apply()
}

// wireServer gives the file server an interface in each VLAN, by a second switch:
// its interfaces eth0.N are what a kernel's would be. The rendered packet filter
// is in force.
func (r *rack) wireServer() {
	r.t.Helper()
	tagging := realtest.StartOpenVSwitch(r.t, r.fs, "brfs")
	trunks := []string{fmt.Sprint(r.plan.Public.VID)}
	for _, pi := range r.plan.Pis {
		tagging.Internal(pi.ServerIface(), int(pi.VID))
		r.fs.IP("link", "set", pi.ServerIface(), "up")
		r.fs.AddAddr(pi.ServerIface(), netip.PrefixFrom(pi.Server, pi.Net.Bits()))
		trunks = append(trunks, fmt.Sprint(pi.VID))
	}
	tagging.Control("add-port", "brfs", "eth0", "vlan_mode=trunk", "trunks="+strings.Join(trunks, ","))
	r.cable(r.edge, "pub0", r.fs, "pub0")
	tagging.Control("add-port", "brfs", "pub0", fmt.Sprintf("tag=%d", r.plan.Public.VID))

	files, err := render.Text("nftables", r.plan, render.Options{})
	require.NoError(r.t, err)
	require.Len(r.t, files, 1)
	filter := r.fs.Command(peer.Look(r.t, "nft"), "-f", "-")
	filter.Stdin = strings.NewReader(files[0].Text)
	r.must(filter)
}

// wireEdge gives the proxy its two sides.
func (r *rack) wireEdge() {
	r.t.Helper()
	r.edge.AddAddr("pub0", netip.PrefixFrom(r.plan.Public.Gateway, r.plan.Public.Prefix.Bits()))
	netnstest.Veth(r.t, r.edge, "wan0", r.world, "eth0")
	r.edge.AddAddr("wan0", netip.PrefixFrom(front, 24))
	r.world.AddAddr("eth0", netip.PrefixFrom(client, 24))
}

// cable joins two boxes, of which the second is a switch that works on packets as
// they are: nobody may count on hardware that computes checksums later.
func (r *rack) cable(a *netnstest.NS, aName string, b *netnstest.NS, bName string) {
	r.t.Helper()
	netnstest.Veth(r.t, a, aName, b, bName)
	tool := peer.Look(r.t, "ethtool")
	for _, end := range []struct {
		ns   *netnstest.NS
		name string
	}{{a, aName}, {b, bName}} {
		r.must(end.ns.Command(tool, "-K", end.name, "tx", "off", "tso", "off", "gso", "off", "gro", "off", "rxvlan", "off", "txvlan", "off"))
	}
}
