package render

import (
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// maxVIDOfFASTPATH leaves 4094 to the switch itself.
const maxVIDOfFASTPATH vlan.VID = 4093

// fastpathLine is how long a list of VLANs may be.
const fastpathLine = 100

// FASTPATH writes commands for Netgear's managed switches, EdgeSwitch and others
// with Broadcom's FASTPATH. Its highest VLAN is 4093. Each VLAN of the plan first
// loses all its ports, and each port VLAN 1; those of Pis that are elsewhere are
// deleted, as a port may have been left in one. Ports of Pis are in one protected
// group, whose members do not reach one another.
func FASTPATH(p *vlan.Plan, o Options) ([]File, error) {
	return eachSwitch(p, o, "fastpath", maxVIDOfFASTPATH, func(l *lines, c vlan.SwitchConfig) error {
		l.add("! %s. Made from the plan: changes will be lost.", c.Name)
		l.add("vlan database")
		for _, v := range c.VLANs {
			l.add("vlan %d\nvlan name %[1]d \"%s\"", v.ID, v.Name)
		}
		for _, list := range chunks(c.Retired, fastpathLine) {
			l.add("no vlan %s", list)
		}
		l.add("exit\nconfigure")
		l.add("spanning-tree\nspanning-tree bpduguard")
		for _, v := range c.VLANs {
			l.add("vlan participation all exclude %d\nno vlan port tagging all %[1]d", v.ID)
		}
		if ports, _ := isolated(c); len(ports) > 0 {
			l.add("switchport protected 0 name \"pis\"")
		}
		for _, m := range c.Ports {
			if err := fastpathPort(l, c, m); err != nil {
				return err
			}
		}
		l.add("exit")
		return nil
	})
}

func fastpathPort(l *lines, c vlan.SwitchConfig, m vlan.PortMode) error {
	name := m.Port
	if len(m.Members) > 0 && !strings.Contains(name, "/") {
		n, err := aggregateNumber(m, "lag")
		if err != nil {
			return err
		}
		name = "lag " + n
	}
	l.add("interface %s\ndescription \"%s\"", name, description(m))
	if len(m.Members) > 0 {
		l.add("no port-channel static")
	}
	fastpathMode(l, c, m)
	l.add("exit")
	for _, member := range m.Members {
		l.add("interface %s\ndescription \"%s\"\naddport %s\nno shutdown\nexit", member, description(m), name)
	}
	return nil
}

func fastpathMode(l *lines, c vlan.SwitchConfig, m vlan.PortMode) {
	for _, v := range members(m) {
		l.add("vlan participation include %d", v)
	}
	for _, v := range m.Tagged {
		l.add("vlan tagging %d", v)
	}
	frames := "all"
	switch {
	case m.Frames == vlan.TaggedFrames || len(m.Untagged) == 0:
		frames = "vlanonly"
	case m.Frames == vlan.UntaggedFrames:
		frames = "admituntaggedonly"
	}
	l.add("vlan pvid %d\nvlan participation exclude 1", native(c, m))
	l.add("vlan ingressfilter\nvlan acceptframe %s", frames)
	if m.Role == vlan.UnusedPort {
		l.add("shutdown")
		return
	}
	if m.Isolated {
		l.add("switchport protected 0")
	}
	if m.Edge {
		l.add("spanning-tree edgeport")
	}
	l.add("no shutdown")
}
