package vlan

import "net/netip"

// Spec is what is wanted: which Pis there are, on which ports of which switches,
// and what numbers may be given to them. Private, Shelves and a file server's
// interface are required; all else has a default.
type Spec struct {
	// Private is the IPv4 network that the /30 of each Pi is cut out of.
	Private netip.Prefix
	// VLANs are the identifiers that Pis may get. Zero means 2-4093, which is what
	// all switches take. 1, the public one, the native one, the management one and
	// 1002-1005, which Cisco switches keep for FDDI and Token Ring, are never
	// given.
	VLANs Range
	// Reserved are identifiers that are never given: those in use for something
	// else on the same trunks, or that a switch keeps for itself.
	Reserved VIDs
	// Native is the VLAN of untagged frames on trunks. No port is a member of it,
	// so that such a frame goes nowhere. Zero means that of the previous plan, or
	// 4093.
	Native VID
	// Management is the VLAN that the switches are managed by, tagged on trunks
	// and on no other port. Zero means that they are not reached by the trunks.
	Management VID
	// Public is the network that Pis share. Zero means none.
	Public Public
	// FileServer is where the Pis' roots are.
	FileServer FileServer
	// Shelves are the Pis and the switches.
	Shelves []Shelf
	// InUse are networks that exist already, which Private and the public network
	// may not overlap.
	InUse []netip.Prefix
	// Pinned are Pis, by name, with numbers that are given rather than chosen. A
	// pin moves a Pi that had other numbers.
	Pinned map[string]Pin
	// Limits are those of each switch that names none of its own.
	Limits Limits
}

// Public is the network that Pis share, tagged on their ports. Each gets one IPv6
// address in it, which has the number of its private VLAN in the sixth group:
// with the base 2001:db8:0:84:1000::2, the Pi of VLAN 16 has
// 2001:db8:0:84:1000:16::2.
type Public struct {
	// VID is the VLAN. Zero means that there is no public network.
	VID VID `json:"vid"`
	// Prefix is the IPv6 network, of at most 80 bits.
	Prefix netip.Prefix `json:"prefix"`
	// Base is the address that numbers are put in; its sixth group is 0. Zero
	// means that of Prefix with 1000::2 at its end.
	Base netip.Addr `json:"base"`
	// Gateway is the router's address. Zero means that Pis wait for an
	// advertisement of one.
	Gateway netip.Addr `json:"gateway"`
	// Numbering is how the number is written.
	Numbering Numbering `json:"numbering"`
}

// Numbering is how a decimal number becomes a group of an IPv6 address.
type Numbering uint8

const (
	// Decimal writes the digits as they are: 16 is ":16:", which a person can
	// read, and ten of every sixteen numbers go unused.
	Decimal Numbering = iota
	// Hex writes the number in base 16: 16 is ":10:".
	Hex
)

// FileServer is the machine that serves the Pis' roots.
type FileServer struct {
	// Iface is the interface that trunks end at, unless they say otherwise, such
	// as "eth0". The VLAN 11 is "eth0.11" there.
	Iface string `json:"iface"`
	// ExportRoot is the folder of the roots. Zero means "/export".
	ExportRoot string `json:"export_root"`
}

// Shelf is Pis that are mounted together, and their switches. One without Pis
// holds switches that connect others.
type Shelf struct {
	// Name is unique among shelves.
	Name string
	// Switches are those of the shelf.
	Switches []Switch
	// Pis are the machines.
	Pis []Host
	// VLANs are the identifiers for Pis of this shelf, which no other shelf gets
	// then. Zero means those of the Spec.
	VLANs Range
	// Private is the network for the /30s of this shelf, a part of the Spec's,
	// which no other shelf gets then. Zero means the Spec's.
	Private netip.Prefix
}

// Host is a Pi and where it is plugged in.
type Host struct {
	// Name is its host name: a lower-case letter, then letters, digits and
	// hyphens, 32 bytes at most. It is the name of its VLAN on switches too.
	Name string
	// Switch is a switch, of any shelf. Empty means the shelf's only one.
	Switch string
	// Port is the port's name, as its switch writes it.
	Port string
	// Slot is its place in the shelf, from 1. Zero means the one that it had, or
	// the lowest free one.
	Slot int
}

// Switch is a managed switch.
type Switch struct {
	// Name is unique among switches.
	Name string `json:"name"`
	// Uplink leads to the file server, straight or by way of another switch.
	Uplink Uplink `json:"uplink"`
	// Router is the port of the public network's router, if it is on this
	// switch. Without any in a group of connected switches, the public network
	// goes by the trunk to the file server.
	Router string `json:"router,omitempty"`
	// RouterTagged says that the router takes the public VLAN tagged.
	RouterTagged bool `json:"router_tagged,omitempty"`
	// Unused are ports with nothing in them, to be shut and put out of harm's
	// way.
	Unused []string `json:"unused,omitempty"`
	// Limits are those of this switch. Zero fields mean the Spec's.
	Limits Limits `json:"limits,omitzero"`
}

// Uplink is the trunk from a switch towards the file server.
type Uplink struct {
	// Port is the switch's port, or its link aggregate.
	Port string `json:"port"`
	// Members are the ports of the aggregate (IEEE 802.1AX). nil means that Port
	// is a plain port.
	Members []string `json:"members,omitempty"`
	// To is the switch at the other end, and Empty the file server.
	To string `json:"to,omitempty"`
	// ToPort is the port, or aggregate, of that switch.
	ToPort string `json:"to_port,omitempty"`
	// ToMembers are the ports of that aggregate.
	ToMembers []string `json:"to_members,omitempty"`
	// Iface is the interface of the file server. Empty means that of FileServer.
	Iface string `json:"iface,omitempty"`
}

// Limits are what a switch can do. Zero fields mean no limit but that of 802.1Q.
type Limits struct {
	// VLANs is the most that can be active, among them 1, the native and the
	// public one.
	VLANs int `json:"vlans,omitempty"`
	// Instances is the most instances of spanning tree, where the switch runs one
	// for each VLAN.
	Instances int `json:"instances,omitempty"`
	// MaxVID is the highest identifier.
	MaxVID VID `json:"max_vid,omitempty"`
}

// Pin is numbers that are given to a Pi. Zero fields are chosen.
type Pin struct {
	VID VID
	// Net is a /30 of Private.
	Net netip.Prefix
}
