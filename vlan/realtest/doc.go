// Package realtest runs the real programs that a shelf's private networks are
// made of, so that tests can prove what a plan does to packets:
//
//	sw := netnstest.New(t)
//	ovs := realtest.StartOpenVSwitch(t, sw, "br0")
//	ovs.Control("add-port", "br0", "swp1", "tag=11")
//
// [OpenVSwitch] is a VLAN switch that needs no VLAN support in the kernel. Its
// datapath runs in userspace on the interfaces of a network namespace. It is
// the switch of a shelf, and it also ends the tagged VLANs of a file server or
// of a Pi, as interfaces named eth0.11.
//
// [Guest] is a machine under user-mode-linux. Its root is the host's, seen
// through hostfs and never written; its kernel has what the host's may lack:
// 802.1Q interfaces and a bridge that filters VLANs.
//
// The tests of this package are the proof that the plan isolates: who reaches
// whom, who can pretend to be whom, and what becomes of frames that carry tags
// of their own, with the rendered packet filter and without it.
package realtest
