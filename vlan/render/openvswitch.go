package render

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// OpenVSwitch writes a shell script of one ovs-vsctl command: one transaction, of
// which all happens or nothing. Ports of Pis are protected ones, which do not
// reach one another. The columns are those of ovs-vswitchd.conf.db(5), where an
// empty list of trunks means all VLANs and so never occurs. The port of the
// bridge's own name leads to the machine that the switch is, and is out of the box
// in all VLANs: it is put into the one for management, or else into VLAN 1.
func OpenVSwitch(p *vlan.Plan, o Options) ([]File, error) {
	bridge := cmp.Or(o.Bridge, "br0")
	if err := checkIface("Options.Bridge", bridge); err != nil {
		return nil, err
	}
	files, err := eachSwitch(p, o, "openvswitch", vlan.MaxVID, func(l *lines, c vlan.SwitchConfig) error {
		l.add("#!/bin/sh\n# %s. Made from the plan: changes will be lost.", c.Name)
		l.WriteString("exec ovs-vsctl \"$@\" -- --may-exist add-br " + bridge)
		fmt.Fprintf(l, " \\\n\t-- set port %s vlan_mode=access tag=%d trunks=[]", bridge, max(p.Management, 1))
		for _, m := range c.Ports {
			l.WriteString(" \\\n\t-- " + ovsAdd(bridge, m))
			l.WriteString(" \\\n\t-- set port " + m.Port + " " + ovsMode(m))
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

// nowhere are the columns of a port in no VLAN. An empty list would be all of
// them; 4095, which IEEE 802.1Q reserves, no frame can have.
const nowhere = "vlan_mode=trunk tag=[] trunks=4095"

// ovsMode sets every column that there is to VLANs, whatever it was before.
func ovsMode(m vlan.PortMode) string {
	columns, protected := nowhere, m.Isolated
	switch {
	case access(m):
		columns = fmt.Sprintf("vlan_mode=access tag=%d trunks=[]", m.PVID)
	case len(m.Tagged) > 0 && len(m.Untagged) > 0:
		columns = fmt.Sprintf("vlan_mode=native-untagged tag=%d trunks=%s", m.PVID, ovsList(m.Tagged))
	case len(m.Tagged) > 0:
		columns = "vlan_mode=trunk tag=[] trunks=" + ovsList(m.Tagged)
	default:
		protected = true
	}
	return fmt.Sprintf("%s protected=%t other_config:rstp-port-admin-edge=%t", columns, protected, m.Edge)
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
