package render

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// RouterOS writes a script for MikroTik's RouterOS 7, to be run by "import". It
// can be run again. The bridge filters VLANs from the last command on, when all
// ports and VLANs are in place. Pis do not reach one another by the switch chip's
// port isolation; where there is none, a line says so when it is run.
func RouterOS(p *vlan.Plan, o Options) ([]File, error) {
	bridge := cmp.Or(o.Bridge, "bridge")
	if err := checkWord("Options.Bridge", bridge); err != nil {
		return nil, err
	}
	return eachSwitch(p, o, "mikrotik", vlan.MaxVID, func(l *lines, c vlan.SwitchConfig) error {
		l.add("# %s. Made from the plan: changes will be lost.", c.Name)
		l.add(`:if ([:len [/interface bridge find name="%s"]] = 0) do={/interface bridge add name="%[1]s" protocol-mode=rstp}`, bridge)
		for _, m := range c.Ports {
			rosPort(l, bridge, c, m)
		}
		for _, v := range c.VLANs {
			rosVLAN(l, bridge, c, v)
		}
		for _, r := range c.Retired.Ranges() {
			l.add(`:for v from=%d to=%d do={/interface bridge vlan remove [find bridge="%s" vlan-ids=$v dynamic=no]}`, r.First, r.Last, bridge)
		}
		apart, others := isolated(c)
		for _, name := range apart {
			l.add(`:do {/interface ethernet switch port-isolation set [find name="%s"] forwarding-override=%s} on-error={:put "%[1]s is not isolated"}`, name, strings.Join(others, ","))
		}
		l.add(`/interface bridge set [find name="%s"] vlan-filtering=yes`, bridge)
		return nil
	})
}

// rosPort adds a port that is not there yet as one that takes nothing but tagged
// frames, and then sets all that it must be.
func rosPort(l *lines, bridge string, c vlan.SwitchConfig, m vlan.PortMode) {
	if len(m.Members) > 0 {
		slaves := strings.Join(m.Members, ",")
		l.add(`:if ([:len [/interface bonding find name="%s"]] = 0) do={/interface bonding add name="%[1]s" mode=802.3ad slaves=%s}`, m.Port, slaves)
		l.add(`/interface bonding set [find name="%s"] mode=802.3ad slaves=%s`, m.Port, slaves)
	}
	l.add(`:if ([:len [/interface bridge port find interface="%s"]] = 0) do={/interface bridge port add bridge="%s" interface="%[1]s" pvid=%[3]d frame-types=admit-only-vlan-tagged}`, m.Port, bridge, c.Native)
	frames := "admit-all"
	switch {
	case len(m.Untagged) == 0:
		frames = "admit-only-vlan-tagged"
	case len(m.Tagged) == 0:
		frames = "admit-only-untagged-and-priority-tagged"
	}
	edge := map[bool]string{true: "edge=yes bpdu-guard=yes", false: "edge=auto bpdu-guard=no"}[m.Edge]
	l.add(`/interface bridge port set [find interface="%s"] bridge="%s" pvid=%d frame-types=%s ingress-filtering=yes %s comment="%s"`,
		m.Port, bridge, native(c, m), frames, edge, description(m))
	l.add(`/interface set [find name="%s"] disabled=%s`, m.Port, map[bool]string{true: "yes", false: "no"}[m.Role == vlan.UnusedPort])
}

// rosVLAN sets the ports of a VLAN whole. The bridge itself is in the one that
// switches are managed by.
func rosVLAN(l *lines, bridge string, c vlan.SwitchConfig, v vlan.VLAN) {
	var tagged, untagged []string
	if v.Role == vlan.ManagementVLAN {
		tagged = append(tagged, bridge)
	}
	for _, m := range c.Ports {
		switch {
		case m.Untagged.Contains(v.ID):
			untagged = append(untagged, m.Port)
		case m.Tagged.Contains(v.ID):
			tagged = append(tagged, m.Port)
		}
	}
	where := fmt.Sprintf(`bridge="%s" vlan-ids=%d`, bridge, v.ID)
	l.add(`:if ([:len [/interface bridge vlan find %s dynamic=no]] = 0) do={/interface bridge vlan add %[1]s}`, where)
	l.add(`/interface bridge vlan set [find %s dynamic=no] tagged="%s" untagged="%s" comment="%s"`, where, strings.Join(tagged, ","), strings.Join(untagged, ","), v.Name)
}
