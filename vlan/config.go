package vlan

import (
	"cmp"
	"slices"
)

// SwitchConfig is what one switch must do.
type SwitchConfig struct {
	// Name and Shelf are those of the switch.
	Name, Shelf string
	// VLANs are those that must exist, private ones first, in order.
	VLANs []VLAN
	// Ports are those that the plan decides about: Pis in the order of the plan,
	// then trunks, the router and unused ones.
	Ports []PortMode
	// Native is the VLAN of untagged frames on trunks, which no port is a member
	// of.
	Native VID
	// Private are the private VLANs of the whole plan and the retired ones,
	// present here or not. Only ports in Ports may be members of them.
	Private VIDs
	// Retired are the private VLANs that must not exist here any more.
	Retired VIDs
	// RetiredNames are the names that each of those had here. A VLAN with another
	// name is somebody else's.
	RetiredNames []string
}

// retiredName is the name of the i-th of Retired, "" when that is not known.
func (c SwitchConfig) retiredName(i int) string {
	if i < len(c.RetiredNames) {
		return c.RetiredNames[i]
	}
	return ""
}

// VLAN is a VLAN of a switch.
type VLAN struct {
	ID VID
	// Name is the Pi's, or "public", "native" or "management". It is at most 32
	// bytes, as dot1qVlanStaticName of RFC 4363 asks.
	Name string
	Role Purpose
}

// Purpose is what a VLAN is for.
type Purpose uint8

// The purposes of VLANs.
const (
	PrivateVLAN Purpose = iota + 1
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
	// interface, "router", or nothing.
	Peer string
	// Members are the ports of a link aggregate, nil for a plain port.
	Members []string
	PortState
}

// Switch is what one switch must do.
func (p *Plan) Switch(name string) (SwitchConfig, error) {
	t := newTree(p)
	i, known := t.index[name]
	if !known {
		return SwitchConfig{}, &SpecError{Field: "Switch", Value: name, Why: "is not a switch of the plan"}
	}
	return p.config(t, i), nil
}

// Configs are what all switches must do, in the order of Switches.
func (p *Plan) Configs() []SwitchConfig {
	t := newTree(p)
	all := make([]SwitchConfig, len(p.Switches))
	for i := range p.Switches {
		all[i] = p.config(t, i)
	}
	return all
}

func (p *Plan) config(t *tree, i int) SwitchConfig {
	sw := p.Switches[i]
	c := SwitchConfig{Name: sw.Name, Shelf: sw.Shelf, Native: p.Native, Private: t.private}
	for n, v := range t.private {
		if t.behind[i].Contains(v) {
			c.VLANs = append(c.VLANs, VLAN{ID: v, Name: t.names[n], Role: PrivateVLAN})
		} else {
			c.Retired, c.RetiredNames = append(c.Retired, v), append(c.RetiredNames, t.names[n])
		}
	}
	if p.Public.VID != 0 {
		c.VLANs = append(c.VLANs, VLAN{ID: p.Public.VID, Name: publicName, Role: PublicVLAN})
	}
	c.VLANs = append(c.VLANs, VLAN{ID: p.Native, Name: nativeName, Role: NativeVLAN})
	if p.Management != 0 {
		c.VLANs = append(c.VLANs, VLAN{ID: p.Management, Name: managementName, Role: ManagementVLAN})
	}
	for _, n := range t.local[i] {
		c.Ports = append(c.Ports, p.piPort(p.Pis[n]))
	}
	c.Ports = append(c.Ports, p.uplinkPort(t, i))
	for _, child := range t.children[i] {
		up := p.Switches[child].Uplink
		c.Ports = append(c.Ports, p.trunk(up.ToPort, up.ToMembers, p.Switches[child].Name, t.behind[child], true))
	}
	if sw.Router != "" {
		c.Ports = append(c.Ports, p.routerPort(sw.Switch))
	}
	for _, port := range sw.Unused {
		c.Ports = append(c.Ports, PortMode{Port: port, Role: UnusedPort, PortState: PortState{
			PVID: p.Native, Ingress: true, Frames: UntaggedFrames, Isolated: true, Edge: true,
		}})
	}
	return c
}

// The names of VLANs that are no Pi's. No Pi can have them.
const (
	publicName     = "public"
	nativeName     = "native"
	managementName = "management"
)

// private are the VLANs that are, or were, some Pi's, in order, and whose.
func (p *Plan) private() (VIDs, []string) {
	all := make([]VLAN, 0, len(p.Pis)+len(p.Retired))
	for _, pi := range p.Pis {
		all = append(all, VLAN{ID: pi.VID, Name: pi.Name})
	}
	for _, r := range p.Retired {
		if r.VID != 0 && r.VID != p.Public.VID && r.VID != p.Native && r.VID != p.Management {
			all = append(all, VLAN{ID: r.VID, Name: r.Name})
		}
	}
	slices.SortFunc(all, func(x, y VLAN) int { return cmp.Compare(x.ID, y.ID) })
	ids, names := make(VIDs, len(all)), make([]string, len(all))
	for i, v := range all {
		ids[i], names[i] = v.ID, v.Name
	}
	return ids, names
}

func (p *Plan) piPort(pi Pi) PortMode {
	m := PortMode{Port: pi.Port, Role: PiPort, Peer: pi.Name, PortState: PortState{
		PVID: pi.VID, Untagged: VIDs{pi.VID}, Ingress: true, Frames: UntaggedFrames, Isolated: true, Edge: true,
	}}
	if p.Public.VID != 0 {
		m.Tagged, m.Frames = VIDs{p.Public.VID}, AllFrames
	}
	return m
}

func (p *Plan) uplinkPort(t *tree, i int) PortMode {
	up := p.Switches[i].Uplink
	if up.To != "" {
		return p.trunk(up.Port, up.Members, up.To, t.behind[i], true)
	}
	return p.trunk(up.Port, up.Members, "file server "+up.Iface, t.behind[i], !t.routed[i])
}

func (p *Plan) trunk(port string, members []string, peer string, behind VIDs, public bool) PortMode {
	tagged := behind
	if public && p.Public.VID != 0 {
		tagged = tagged.With(p.Public.VID)
	}
	if p.Management != 0 {
		tagged = tagged.With(p.Management)
	}
	return PortMode{Port: port, Role: TrunkPort, Peer: peer, Members: members, PortState: PortState{
		PVID: p.Native, Tagged: tagged, Ingress: true, Frames: TaggedFrames,
	}}
}

func (p *Plan) routerPort(sw Switch) PortMode {
	m := PortMode{Port: sw.Router, Role: RouterPort, Peer: "router", PortState: PortState{
		PVID: p.Public.VID, Untagged: VIDs{p.Public.VID}, Ingress: true, Frames: UntaggedFrames, Edge: true,
	}}
	if sw.RouterTagged {
		m.PVID, m.Untagged, m.Tagged, m.Frames = p.Native, nil, VIDs{p.Public.VID}, TaggedFrames
	}
	return m
}
