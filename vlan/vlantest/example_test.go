package vlantest_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// A switch that accepts a change and does not make it is found out, and is then as
// it was before.
func Example() {
	spec := vlan.Spec{Private: netip.MustParsePrefix("10.64.0.0/24")}
	spec.FileServer.Iface = "eth0"
	spec.Shelves = []vlan.Shelf{{
		Name:     "a",
		Switches: []vlan.Switch{{Name: "sw1", Uplink: vlan.Uplink{Port: "24"}}},
		Pis:      []vlan.Host{{Name: "pi1", Port: "1"}},
	}}
	plan, err := vlan.Build(spec, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	config, err := plan.Switch("sw1")
	if err != nil {
		fmt.Println(err)
		return
	}
	sw := vlantest.SwitchFor(config)
	before := sw.State()
	sw.Faults.Step = map[int]vlantest.Fault{6: vlantest.Ignore}
	report, err := vlan.Apply(context.Background(), sw, config, vlan.ApplyOptions{})
	fmt.Println(err)
	fmt.Println(errors.Is(err, vlan.ErrNotApplied), len(report.Undone), sw.State().Equal(before))
	// Output:
	// vlan: apply to sw1: port 1: join VLAN 2 untagged: the switch accepted the change and is not changed
	// true 5 true
}
