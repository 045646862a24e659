package realtest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/vlan/realtest"
)

// shelf is two Pis and their file server on a switch, each in a namespace. The
// file server ends its VLANs by a second switch, whose interfaces eth0.N are
// what a kernel's would be.
type shelf struct {
	t            *testing.T
	sw, fs       *netnstest.NS
	pis          [2]*netnstest.NS
	ovs, tagging *realtest.OpenVSwitch
}

// newShelf wires a shelf whose switch is as it came: every port in VLAN 1 only
// by itself, and no VLAN on the trunk yet.
func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{t: t, sw: netnstest.New(t), fs: netnstest.New(t)}
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

// apply configures the switch as planned.
func (s *shelf) apply() {
	s.t.Helper()
	s.ovs.Control("set", "port", "swp1", "tag=11", "trunks=131", "vlan_mode=native-untagged", "protected=true")
	s.ovs.Control("set", "port", "swp2", "tag=12", "trunks=131", "vlan_mode=native-untagged", "protected=true")
	s.ovs.Control("set", "port", "swtrunk", "tag=[]", "trunks=11,12,131", "vlan_mode=trunk")
}

// serve gives the file server an interface in each VLAN.
func (s *shelf) serve(vids ...int) {
	s.t.Helper()
	for _, vid := range vids {
		name := fmt.Sprintf("eth0.%d", vid)
		s.tagging.Internal(name, vid)
		s.fs.IP("link", "set", name, "up")
	}
	s.tagging.Control("add-port", "brfs", "eth0", "vlan_mode=trunk")
}
