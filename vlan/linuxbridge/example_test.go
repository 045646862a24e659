package linuxbridge_test

import (
	"context"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/linuxbridge"
)

// A Pi's port on a bridge that was made with vlan_filtering 1.
func ExampleSwitch() {
	_ = func(ctx context.Context) error {
		sw := &linuxbridge.Switch{Bridge: "br0"}
		return sw.DoAll(ctx, []vlan.Step{
			{Op: vlan.CreateVLAN, VID: 11},
			{Op: vlan.Join, Port: "swp1", VID: 11, Untagged: true},
			{Op: vlan.SetPVID, Port: "swp1", VID: 11},
			{Op: vlan.SetIsolated, Port: "swp1", On: true},
		})
	}
}
