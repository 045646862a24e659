package render

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/vlan"
)

// Junos writes set commands for Junos with Enhanced Layer 2 Software (ELS), for
// "load set": nothing happens before the commit, and then all at once. Each port
// is deleted first, as what is set is added to what is there. A trunk gets no
// native VLAN, without which it takes no frame that is untagged. Pis on the public
// VLAN see each other: private VLANs of Junos do not go with a native one.
func Junos(p *vlan.Plan, o Options) ([]File, error) {
	return eachSwitch(p, o, "junos", vlan.MaxVID, func(l *lines, c vlan.SwitchConfig) error {
		l.add("# %s. Made from the plan: changes will be lost.", c.Name)
		for _, r := range retired(p, c) {
			l.add("delete vlans %s", r.Name)
		}
		for _, v := range c.VLANs {
			l.add("set vlans %s vlan-id %d", v.Name, v.ID)
		}
		l.add("set protocols rstp bpdu-block-on-edge")
		for _, m := range c.Ports {
			if err := junosPort(l, c, m); err != nil {
				return err
			}
		}
		return nil
	})
}

func junosPort(l *lines, c vlan.SwitchConfig, m vlan.PortMode) error {
	if len(m.Members) > 0 {
		if _, err := aggregateNumber(m, "ae"); err != nil {
			return err
		}
	}
	for _, member := range m.Members {
		l.add("delete interfaces %s\nset interfaces %[1]s description %s\nset interfaces %[1]s ether-options 802.3ad %[3]s", member, description(m), m.Port)
	}
	l.add("delete interfaces %s\nset interfaces %[1]s description %s", m.Port, description(m))
	if len(m.Members) > 0 {
		l.add("set interfaces %s aggregated-ether-options lacp active", m.Port)
	}
	l.add("delete protocols rstp interface %s", m.Port)
	if m.Role == vlan.UnusedPort {
		l.add("set interfaces %s disable", m.Port)
		return nil
	}
	unit := fmt.Sprintf("set interfaces %s unit 0 family ethernet-switching", m.Port)
	if access(m) {
		l.add("%s interface-mode access", unit)
	} else {
		l.add("%s interface-mode trunk", unit)
	}
	if len(m.Untagged) > 0 && !access(m) {
		l.add("set interfaces %s native-vlan-id %d", m.Port, m.PVID)
	}
	for _, v := range members(m) {
		l.add("%s vlan members %d", unit, v)
	}
	l.add("set protocols rstp interface %s", m.Port)
	if m.Edge {
		l.add("set protocols rstp interface %s edge\nset protocols rstp interface %[1]s no-root-port", m.Port)
	}
	return nil
}
