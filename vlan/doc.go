// Package vlan gives each Raspberry Pi a network of its own with the file server
// that it boots from, on switches that all of them share, and proves that they are
// apart.
//
//	spec := vlan.Spec{
//		Private: netip.MustParsePrefix("10.64.0.0/16"),
//		Public:  vlan.Public{VID: 131, Prefix: netip.MustParsePrefix("2001:db8:0:84::/64")},
//		Shelves: []vlan.Shelf{{
//			Name:     "shelf1",
//			Switches: []vlan.Switch{{Name: "sw1", Uplink: vlan.Uplink{Port: "24"}}},
//			Pis:      []vlan.Host{{Name: "pi1", Port: "1"}, {Name: "pi2", Port: "2"}},
//		}},
//	}
//	spec.FileServer.Iface = "eth0"
//	plan, err := vlan.Build(spec, previous)          // who has which VLAN, /30 and addresses
//	err = plan.Verify()                              // the plan keeps them apart
//	config, err := plan.Switch("sw1")                // what the switch must do
//	report, err := vlan.Apply(ctx, driver, config, vlan.ApplyOptions{})
//	err = vlan.VerifyState(plan, map[string]vlan.State{"sw1": report.After}) // it does
//
// A [Spec] says which Pis are on which ports. [Build] gives each a VLAN, a /30 and,
// in the public network, an IPv6 address, and makes a [Plan]. With the plan before
// it moves nobody, whoever comes and goes. A plan goes into a file as JSON, one
// line for each Pi, by [Plan.WriteTo].
//
// [Plan.Switch] is what a switch must do: for a Pi its own VLAN without a tag and
// the public one with it, for a trunk exactly the VLANs of the Pis behind it, and a
// native VLAN that nobody is in. Texts for switches, for the file server and for
// Pis are rendered by the package render.
//
// A [State] is what a switch was read to do. [Diff] finds the [Step]s from there to
// the plan, in an order that is safe to be interrupted in; [Apply] does them by a
// [Driver], reads back, and goes back from wherever it fails. Drivers are in the
// packages qbridge, ovs and linuxbridge; vlantest has one in memory.
//
// [Plan.Verify] and [VerifyState] are the proof: whatever frame a Pi sends, with
// any VLAN tags stacked on it, no other Pi gets it, nor does the file server take
// it for another Pi's.
//
// It refuses names that a switch, a kernel or exports(5) could read as anything
// else; numbers that collide; a plan that would move a Pi unasked; a VLAN that is
// in use for something else.
package vlan
