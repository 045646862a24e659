// Package linuxbridge drives a bridge of the Linux kernel that filters VLANs, by
// netlink.
//
//	sw := &linuxbridge.Switch{Bridge: "br0"}
//	report, err := vlan.Apply(ctx, sw, config, vlan.ApplyOptions{NoSave: true})
//
// The bridge must filter VLANs already; [Switch.Read] refuses one that does not,
// because there every port reaches every other:
//
//	ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 0
//
// The kernel has no list of VLANs and no names for them, and a port's PVID is a
// mark on one of its memberships. A [Switch] therefore remembers VLANs that were
// made and have no member yet, and a PVID of which the port is no member; to the
// kernel such a port has none, and drops untagged frames. Frames for VLANs that
// a port is not a member of are always dropped, so ingress filtering reads as
// on. What a bridge does is lost with it: the machine's own network configuration
// must say the same, and Save leaves that to [Switch.Keep].
//
// The package works on Linux only. Elsewhere everything is
// [errors.ErrUnsupported].
package linuxbridge
