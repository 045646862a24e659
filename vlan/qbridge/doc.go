// Package qbridge drives the VLANs of a switch by SNMP: the Q-BRIDGE-MIB of
// RFC 4363, with BRIDGE-MIB for the numbers of ports and IF-MIB for their names.
//
//	sw, err := qbridge.Dial(ctx, qbridge.Config{
//		Addr: "sw1.example.net",
//		Credentials: qbridge.Credentials{V3: qbridge.V3{
//			User: "vlans", Auth: qbridge.SHA256, AuthPass: auth, Priv: qbridge.AES, PrivPass: priv,
//		}},
//	})
//	report, err := vlan.Apply(ctx, sw, config, vlan.ApplyOptions{})
//
// [Switch] is a [vlan.BatchDriver]. Steps that are given together are merged:
// one message for each VLAN whose members change, however many these are, and
// one for many ports' PVIDs. A member list is read right before it is written,
// so that ports nobody asked about stay as they are, and once more afterwards,
// because some switches accept a change and do nothing.
//
// Switches differ in how they write a [PortList], in whether they make a VLAN in
// one message (createAndGo) or in three (createAndWait), and in the type of a
// PVID. What a switch refuses is tried the other way and remembered.
//
// Ports are named by ifName, as the switch shows them. A bit of a PortList is a
// dot1dBasePort, which is not an ifIndex and not the number on the front; the
// driver maps all three and refuses a name that two ports share.
//
// Many switches only read this MIB. Classic Cisco IOS does not have it at all,
// Junos and MikroTik do not write it: use the text that package vlan/render
// makes for those.
package qbridge
