package realtest_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/ovs"
	"github.com/mythic-beasts/hostkit/vlan/realtest"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

// thePlan is two Pis on one switch: VLANs 11 and 12, and 131 for all.
func thePlan(t *testing.T) *vlan.Plan {
	t.Helper()
	p, err := vlan.Build(vlan.Spec{
		Private:    netip.MustParsePrefix("10.77.0.0/16"),
		VLANs:      vlan.Range{First: 11, Last: 99},
		Public:     vlan.Public{VID: 131, Prefix: netip.MustParsePrefix("2001:db8:0:84::/64")},
		FileServer: vlan.FileServer{Iface: "eth0"},
		Shelves: []vlan.Shelf{{
			Name:     "shelf",
			Switches: []vlan.Switch{{Name: "sw", Uplink: vlan.Uplink{Port: "swtrunk"}}},
			Pis:      []vlan.Host{{Name: "pi1", Port: "swp1"}, {Name: "pi2", Port: "swp2"}},
		}},
	}, nil)
	require.NoError(t, err)
	require.NoError(t, p.Verify())
	return p
}

// text is the one file of a target.
func text(t *testing.T, target string, p *vlan.Plan) string {
	t.Helper()
	files := texts(t, target, p)
	require.Len(t, files, 1)
	return files[0].Text
}

func texts(t *testing.T, target string, p *vlan.Plan) []render.File {
	t.Helper()
	files, err := render.Text(target, p, render.Options{})
	require.NoError(t, err)
	return files
}

// config is what the plan has the switch do.
func config(t *testing.T, p *vlan.Plan) vlan.SwitchConfig {
	t.Helper()
	c, err := p.Switch("sw")
	require.NoError(t, err)
	return c
}

// shelf is two Pis and their file server on a switch, each in a namespace. The
// file server ends its VLANs by a second switch, whose interfaces eth0.N are
// what a kernel's would be.
type shelf struct {
	t            *testing.T
	plan         *vlan.Plan
	sw, fs       *netnstest.NS
	pis          [2]*netnstest.NS
	ovs, tagging *realtest.OpenVSwitch
}

// newShelf wires a shelf whose switch is as it came: every port in every VLAN.
func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{t: t, plan: thePlan(t), sw: netnstest.New(t), fs: netnstest.New(t)}
	for i := range s.pis {
		s.pis[i] = netnstest.New(t)
		s.cable(s.pis[i], "eth0", fmt.Sprintf("swp%d", i+1))
	}
	s.cable(s.fs, "eth0", "swtrunk")
	s.ovs = realtest.StartOpenVSwitch(t, s.sw, "br0")
	for _, name := range []string{"swp1", "swp2", "swtrunk"} {
		s.ovs.Control("add-port", "br0", name)
	}
	s.tagging = realtest.StartOpenVSwitch(t, s.fs, "brfs")
	return s
}

// cable joins a machine to a port of the switch. Hardware that computes
// checksums or cuts segments is not there, so the kernel must not count on it.
func (s *shelf) cable(ns *netnstest.NS, name, port string) {
	s.t.Helper()
	netnstest.Veth(s.t, ns, name, s.sw, port)
	tool := peer.Look(s.t, "ethtool")
	for _, end := range []struct {
		ns   *netnstest.NS
		name string
	}{{ns, name}, {s.sw, port}} {
		out, err := end.ns.Command(tool, "-K", end.name, "tx", "off", "tso", "off", "gso", "off", "gro", "off",
			"rxvlan", "off", "txvlan", "off").CombinedOutput()
		require.NoError(s.t, err, string(out))
	}
}

// apply configures the switch as planned, whatever it was, and proves it.
func (s *shelf) apply() {
	s.t.Helper()
	sw := &ovs.Switch{Bridge: "br0", Database: s.ovs.Database, Program: peer.Look(s.t, "ovs-vsctl")}
	report, err := vlan.Apply(s.t.Context(), sw, config(s.t, s.plan), vlan.ApplyOptions{})
	require.NoError(s.t, err)
	s.ovs.Flush()
	require.NoError(s.t, vlan.VerifyState(s.plan, map[string]vlan.State{"sw": report.After}))
}

// serve gives the file server an interface in each VLAN, and its addresses.
func (s *shelf) serve() {
	s.t.Helper()
	for _, pi := range s.plan.Pis {
		s.iface(pi.ServerIface(), pi.VID)
		s.fs.AddAddr(pi.ServerIface(), netip.PrefixFrom(pi.Server, pi.Net.Bits()))
	}
	s.iface(fmt.Sprintf("eth0.%d", s.plan.Public.VID), s.plan.Public.VID)
	s.tagging.Control("add-port", "brfs", "eth0", "vlan_mode=trunk", "trunks=11,12,131")
}

func (s *shelf) iface(name string, vid vlan.VID) {
	s.t.Helper()
	s.tagging.Internal(name, int(vid))
	s.fs.IP("link", "set", name, "up")
}
