package vlan

// SwitchConfig is what one switch must do.
type SwitchConfig struct {
	// Name and Shelf are those of the switch.
	Name, Shelf string
	// VLANs are those that must exist, in order.
	VLANs []VLAN
	// Ports are those that the plan decides about: Pis in the order of the plan,
	// then trunks, the router and unused ones.
	Ports []PortMode
	// Native is the VLAN of untagged frames on trunks.
	Native VID
	// Private are the private VLANs of the whole plan and the retired ones,
	// present here or not. Only ports in Ports may be members of them.
	Private VIDs
	// Retired are the private VLANs that must not exist here any more.
	Retired VIDs
}

// VLAN is a VLAN of a switch.
type VLAN struct {
	ID   VID
	Name string
	Role VLANRole
}

// VLANRole is what a VLAN is for.
type VLANRole uint8

// The roles of VLANs.
const (
	PrivateVLAN VLANRole = iota + 1
	PublicVLAN
	NativeVLAN
	ManagementVLAN
)

// Role is what a port is for.
type Role uint8

// The roles of ports.
const (
	PiPort Role = iota + 1
	TrunkPort
	RouterPort
	UnusedPort
)

// PortMode is what one port must do.
type PortMode struct {
	// Port is the name.
	Port string
	Role Role
	// Peer is what is at the other end: a Pi, a switch, the file server's
	// interface, or nothing.
	Peer string
	// Members are the ports of a link aggregate, nil for a plain port.
	Members []string
	PortState
}
