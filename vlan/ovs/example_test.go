package ovs_test

import (
	"context"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/ovs"
)

// A Pi's port on the bridge br0 of this machine.
func ExampleSwitch() {
	_ = func(ctx context.Context) error {
		sw := &ovs.Switch{Bridge: "br0"}
		return sw.DoAll(ctx, []vlan.Step{
			{Op: vlan.CreateVLAN, VID: 11, Name: "pi1"},
			{Op: vlan.Join, Port: "swp1", VID: 11, Untagged: true},
			{Op: vlan.SetPVID, Port: "swp1", VID: 11},
		})
	}
}
