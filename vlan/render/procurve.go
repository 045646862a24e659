package render

import (
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// maxVLANsOfProCurve is how many VLANs such a switch has room for until told
// otherwise.
const maxVLANsOfProCurve = 256

// ProCurve writes commands for HP ProCurve and ArubaOS-Switch (AOS-S). There, a
// VLAN has ports rather than a port VLANs. No port stays in VLAN 1, and GVRP is
// off, by which a Pi could ask for any VLAN. Pis do not reach one another by a
// source-port filter. With more than 256 VLANs max-vlans is set, which takes a
// restart to take effect.
func ProCurve(p *vlan.Plan, o Options) ([]File, error) {
	return eachSwitch(p, o, "procurve", vlan.MaxVID, func(l *lines, c vlan.SwitchConfig) error {
		l.add("; %s. Made from the plan: changes will be lost.", c.Name)
		if n := len(c.VLANs) + 1; n > maxVLANsOfProCurve {
			l.add("max-vlans %d", n)
		}
		l.add("no gvrp\nspanning-tree")
		for _, m := range c.Ports {
			if err := procurveInterface(l, m); err != nil {
				return err
			}
		}
		for _, v := range c.VLANs {
			procurveVLAN(l, c, v)
		}
		// No port can be in no VLAN: only now are they free to leave.
		l.add("vlan 1")
		for _, m := range c.Ports {
			l.add("   no untagged %s\n   no tagged %[1]s", m.Port)
		}
		l.add("   exit")
		procurveEdges(l, o, c)
		for _, r := range retired(p, c) {
			l.add("no vlan %d", r.VID)
		}
		return nil
	})
}

func procurveInterface(l *lines, m vlan.PortMode) error {
	if len(m.Members) > 0 {
		if _, err := aggregateNumber(m, "trk"); err != nil {
			return err
		}
		l.add("trunk %s %s lacp", strings.Join(m.Members, ","), m.Port)
	}
	names := m.Members
	if len(names) == 0 {
		names = []string{m.Port}
	}
	for _, name := range names {
		state := "enable"
		if m.Role == vlan.UnusedPort {
			state = "disable"
		}
		l.add("interface %s\n   name \"%s\"\n   %s\n   exit", name, description(m), state)
	}
	return nil
}

// procurveVLAN writes a line for each port, so that a port more changes no other.
// The unused ports have to be somewhere, and are in the native VLAN.
func procurveVLAN(l *lines, c vlan.SwitchConfig, v vlan.VLAN) {
	l.add("vlan %d\n   name \"%s\"", v.ID, v.Name)
	for _, m := range c.Ports {
		switch {
		case m.Untagged.Contains(v.ID), m.Role == vlan.UnusedPort && v.ID == c.Native:
			l.add("   untagged %s", m.Port)
		case m.Tagged.Contains(v.ID):
			l.add("   tagged %s", m.Port)
		}
	}
	l.add("   no ip address\n   exit")
}

func procurveEdges(l *lines, o Options, c vlan.SwitchConfig) {
	const filter = "pi-isolation" // of at most 20 characters
	ports, _ := isolated(c)
	if len(ports) > 0 {
		l.add("filter source-port named-filter %s", filter)
	}
	for _, name := range ports {
		l.add("filter source-port named-filter %s drop %s\nfilter source-port %[2]s named-filter %[1]s", filter, name)
	}
	for _, m := range c.Ports {
		if m.Edge {
			l.add("spanning-tree %s admin-edge-port\nspanning-tree %[1]s bpdu-protection", m.Port)
		}
		if m.Role == vlan.PiPort && o.RAGuard {
			l.add("ipv6 ra-guard ports %s", m.Port)
		}
	}
}
