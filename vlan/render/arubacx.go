package render

import "github.com/mythic-beasts/hostkit/vlan"

// ArubaCX writes commands for AOS-CX. Its lists of allowed VLANs only grow: each
// port is first an access port of the native VLAN, where there is nobody, and so
// loses what it had. AOS-CX has no port isolation that goes with tagged VLANs:
// Pis on the public one see each other.
func ArubaCX(p *vlan.Plan, o Options) ([]File, error) {
	return eachSwitch(p, o, "aruba-cx", vlan.MaxVID, func(l *lines, c vlan.SwitchConfig) error {
		l.add("! %s. Made from the plan: changes will be lost.", c.Name)
		l.add("spanning-tree")
		for _, v := range c.VLANs {
			l.add("vlan %d\n    name %s\n    exit", v.ID, v.Name)
		}
		for _, m := range c.Ports {
			if err := cxPort(l, c, m); err != nil {
				return err
			}
		}
		for _, r := range retired(p, c) {
			l.add("no vlan %d", r.VID)
		}
		return nil
	})
}

func cxPort(l *lines, c vlan.SwitchConfig, m vlan.PortMode) error {
	name := m.Port
	if len(m.Members) > 0 {
		n, err := aggregateNumber(m, "lag")
		if err != nil {
			return err
		}
		name = "lag " + n
	}
	l.add("interface %s", name)
	cxMode(l, c, m)
	if len(m.Members) > 0 {
		l.add("    lacp mode active")
	}
	l.add("    exit")
	for _, member := range m.Members {
		l.add("interface %s\n    description %s\n    no shutdown\n    %s\n    exit", member, description(m), name)
	}
	return nil
}

func cxMode(l *lines, c vlan.SwitchConfig, m vlan.PortMode) {
	l.add("    description %s\n    no routing\n    vlan access %d", description(m), c.Native)
	if m.Role == vlan.UnusedPort {
		l.add("    shutdown")
		return
	}
	switch all := members(m); {
	case access(m):
		l.add("    vlan access %d", m.PVID)
	case len(all) > 0:
		for _, list := range chunks(all, iosLine) {
			l.add("    vlan trunk allowed %s", list)
		}
		l.add("    vlan trunk native %d", native(c, m))
	}
	if m.Edge {
		l.add("    spanning-tree port-type admin-edge\n    spanning-tree bpdu-guard")
	}
	l.add("    no shutdown")
}
