// Package vlantest has a switch in memory, with knobs for what goes wrong, and the
// tests that every [vlan.Driver] passes.
//
//	sw := vlantest.NewSwitch("1", "2", "3", "24")
//	sw.Faults = vlantest.Faults{Step: map[int]vlantest.Fault{3: vlantest.Ignore}}
//	_, err := vlan.Apply(ctx, sw, want, vlan.ApplyOptions{}) // vlan.ErrNotApplied, and all is as it was
//
// [Switch] starts as switches are delivered: every port untagged in VLAN 1. Its
// [Faults] make the third change fail, be accepted without effect, or happen in
// spite of an error; make PVIDs move memberships, as access ports do; or have the
// switch die. [TestDriver] is the conformance suite.
package vlantest
