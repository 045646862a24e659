package render

import (
	"cmp"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// OpenVSwitch writes a shell script of one ovs-vsctl command: one transaction, of
// which all happens or nothing. Ports of Pis are protected ones, which do not
// reach one another. The columns are those of ovs-vswitchd.conf.db(5), where an
// empty list of trunks means all VLANs and so never occurs.
func OpenVSwitch(p *vlan.Plan, o Options) ([]File, error) {
	bridge := cmp.Or(o.Bridge, "br0")
	if err := checkIface("Options.Bridge", bridge); err != nil {
		return nil, err
	}
	files, err := eachSwitch(p, o, "openvswitch", vlan.MaxVID, func(l *lines, c vlan.SwitchConfig) error {
		l.add("#!/bin/sh\n# %s. Made from the plan: changes will be lost.", c.Name)
		l.WriteString("exec ovs-vsctl \"$@\" -- --may-exist add-br " + bridge)
		for _, m := range c.Ports {
			l.WriteString(" \\\n\t-- " + ovsAdd(bridge, m))
			l.WriteString(" \\\n\t-- set port " + m.Port + " " + ovsMode(c, m))
		}
		l.add("")
		return nil
	})
	for i := range files {
		files[i].Mode = 0o755
	}
	return files, err
}

func ovsAdd(bridge string, m vlan.PortMode) string {
	if len(m.Members) > 0 {
		return "--may-exist add-bond " + bridge + " " + m.Port + " " + strings.Join(m.Members, " ") + " lacp=active"
	}
	return "--may-exist add-port " + bridge + " " + m.Port
}

// ovsMode sets every column that there is to VLANs, whatever it was before.
func ovsMode(c vlan.SwitchConfig, m vlan.PortMode) string {
	protected := map[bool]string{true: " protected=true", false: " protected=false"}[m.Isolated || m.Role == vlan.UnusedPort]
	switch {
	case access(m):
		return "vlan_mode=access tag=" + vlan.NewVIDs(m.PVID).String() + " trunks=[]" + protected
	case len(m.Tagged) == 0:
		return "vlan_mode=access tag=" + vlan.NewVIDs(c.Native).String() + " trunks=[]" + protected
	case len(m.Untagged) == 0:
		return "vlan_mode=trunk tag=[] trunks=" + ovsList(m.Tagged) + protected
	}
	return "vlan_mode=native-untagged tag=" + vlan.NewVIDs(m.PVID).String() + " trunks=" + ovsList(m.Tagged) + protected
}

func ovsList(set vlan.VIDs) string {
	var b strings.Builder
	for i, v := range set {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(vlan.NewVIDs(v).String())
	}
	return b.String()
}
