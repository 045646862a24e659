package render

import "github.com/mythic-beasts/hostkit/vlan"

// instancesOfPVST is how many VLANs a spanning tree each the smallest Catalyst
// switches have room for.
const instancesOfPVST = 64

// iosLine is how long a list of VLANs may be: IOS reads lines of 254 characters.
const iosLine = 200

// IOS writes commands for Cisco IOS and IOS XE. Beyond the memberships: no VTP,
// so that no other switch can change the VLANs; no DTP, so that no Pi can make its
// port a trunk of all VLANs; ports of Pis are edge ports, are shut by a BPDU, and
// do not reach one another whatever the VLAN. Switches with more VLANs than
// Catalysts have spanning trees for are put to MST.
func IOS(p *vlan.Plan, o Options) ([]File, error) {
	return eachSwitch(p, o, "cisco-ios", vlan.MaxVID, func(l *lines, c vlan.SwitchConfig) error {
		l.add("! %s. Made from the plan: changes will be lost.", c.Name)
		l.add("vtp mode transparent")
		if len(c.VLANs) > instancesOfPVST {
			l.add("spanning-tree mode mst")
		}
		for _, v := range c.VLANs {
			l.add("!\nvlan %d\n name %s", v.ID, v.Name)
		}
		for _, m := range c.Ports {
			if err := iosPort(l, o, c, m); err != nil {
				return err
			}
		}
		for _, r := range retired(p, c) {
			l.add("!\nno vlan %d", r.VID)
		}
		return nil
	})
}

func iosPort(l *lines, o Options, c vlan.SwitchConfig, m vlan.PortMode) error {
	var group string
	if len(m.Members) > 0 {
		n, err := aggregateNumber(m, "port-channel", "po")
		if err != nil {
			return err
		}
		group = n
	}
	l.add("!\ninterface %s", m.Port)
	iosMode(l, o, c, m)
	for _, member := range m.Members {
		l.add("!\ninterface %s", member)
		iosMode(l, o, c, m)
		l.add(" channel-group %s mode active", group)
	}
	return nil
}

// iosMode writes what is below an interface. The lists come before the mode: a
// port that becomes a trunk has them from its first moment.
func iosMode(l *lines, o Options, c vlan.SwitchConfig, m vlan.PortMode) {
	l.add(" description %s", description(m))
	l.add(" switchport access vlan %d", native(c, m))
	if m.Role == vlan.UnusedPort {
		l.add(" switchport mode access\n switchport nonegotiate\n shutdown")
		return
	}
	if access(m) {
		l.add(" switchport mode access")
	} else {
		iosTrunk(l, o, c, m)
	}
	l.add(" switchport nonegotiate")
	if m.Isolated {
		l.add(" switchport protected")
	} else {
		l.add(" no switchport protected")
	}
	if m.Role == vlan.PiPort && o.RAGuard {
		l.add(" ipv6 nd raguard")
	}
	if m.Edge {
		l.add(" no cdp enable")
		l.add(" spanning-tree portfast%s\n spanning-tree bpduguard enable", map[bool]string{false: " trunk"}[access(m)])
	}
	l.add(" no shutdown")
}

func iosTrunk(l *lines, o Options, c vlan.SwitchConfig, m vlan.PortMode) {
	if o.ISL {
		l.add(" switchport trunk encapsulation dot1q")
	}
	l.add(" switchport trunk native vlan %d", native(c, m))
	lists := chunks(members(m), iosLine)
	if len(lists) == 0 {
		lists = []string{"none"}
	}
	for i, list := range lists {
		l.add(" switchport trunk allowed vlan %s%s", map[bool]string{true: "add "}[i > 0], list)
	}
	l.add(" switchport mode trunk")
}
