// Package ovs drives a bridge of Open vSwitch, by its program ovs-vsctl.
//
//	sw := &ovs.Switch{Bridge: "br0"}
//	report, err := vlan.Apply(ctx, sw, config, vlan.ApplyOptions{})
//
// [Switch] is a [vlan.BatchDriver]: steps that are given together become one
// transaction of the database, so the bridge is never half of one plan and half
// of another.
//
// Open vSwitch describes a port by a mode, a tag and a list of trunks, which is
// less than IEEE 802.1Q can say: a port leaves one VLAN untagged at most, and
// filters what comes in always. A step that leads to what it cannot express, on
// the way to what it can, is done as closely as it can be without letting
// through more. What was asked for is noted beside, in external_ids of the port,
// and read back from there as long as the port's own settings still agree with
// it; whoever changes a port by hand is therefore seen.
//
// A port that nobody has configured is in all VLANs, also in those to come. It
// reads as untagged in 1 and tagged in those that exist, and stays out of each one
// that is made; once a plan gives it a VLAN it is in what the plan says alone.
//
// The package refuses to name ports that are not on its bridge, and keeps
// nothing: the database of Open vSwitch outlives restarts, so that Save has
// nothing to do.
package ovs
