package realtest_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/vlan/realtest"
)

// A switch that keeps two ports apart, in a test.
func ExampleStartOpenVSwitch() {
	_ = func(t *testing.T) {
		sw, pi1, pi2 := netnstest.New(t), netnstest.New(t), netnstest.New(t)
		netnstest.Veth(t, sw, "swp1", pi1, "eth0")
		netnstest.Veth(t, sw, "swp2", pi2, "eth0")
		ovs := realtest.StartOpenVSwitch(t, sw, "br0")
		ovs.Control("add-port", "br0", "swp1", "tag=11", "--", "add-port", "br0", "swp2", "tag=12")
	}
}

// What Debian's ifup makes of a file, in a kernel that has VLANs.
func ExampleGuest() {
	_ = func(t *testing.T) {
		guest := realtest.Guest{Modules: []string{"8021q", "veth"}}
		t.Log(guest.Run(t, `
ip link add eth0 type veth peer name cable
printf 'auto eth0.11\niface eth0.11 inet static\n  address 10.77.11.1/30\n' >/etc/network/interfaces
ifup -a
ip -brief address
`))
	}
}
