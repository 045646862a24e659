package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// eachSwitch collects the texts for the switches that are wanted. No identifier
// of a VLAN may be above max.
func eachSwitch(p *vlan.Plan, o Options, target string, max vlan.VID, write func(*lines, vlan.SwitchConfig) error) ([]File, error) {
	if err := checkPlan(p); err != nil {
		return nil, err
	}
	names, err := checkTree(p)
	if err != nil {
		return nil, err
	}
	if err := o.checkOnly("switch", names); err != nil {
		return nil, err
	}
	files := make([]File, 0, len(names))
	for _, c := range p.Configs() {
		if !o.only(c.Name) {
			continue
		}
		if err := checkSwitch(c, max); err != nil {
			return nil, err
		}
		var l lines
		if err := write(&l, c); err != nil {
			return nil, err
		}
		files = append(files, File{For: c.Name, Path: c.Name + "." + target, Mode: 0o644, Text: l.String()})
	}
	return files, nil
}

// checkTree checks that switches have names of their own and lead to the file
// server, and that Pis are on them. It returns the names.
func checkTree(p *vlan.Plan) ([]string, error) {
	names := make([]string, len(p.Switches))
	parent := make(map[string]string, len(p.Switches))
	for i, sw := range p.Switches {
		if _, twice := parent[sw.Name]; twice {
			return nil, &ValueError{fmt.Sprintf("Switches[%d].Name", i), sw.Name, "is that of another switch"}
		}
		names[i], parent[sw.Name] = sw.Name, sw.Uplink.To
	}
	for i, sw := range p.Switches {
		hops := 0
		for at := sw.Uplink.To; at != ""; hops++ {
			next, known := parent[at]
			if !known || hops > len(names) {
				return nil, &ValueError{fmt.Sprintf("Switches[%d].Uplink.To", i), sw.Uplink.To, "does not lead to the file server"}
			}
			at = next
		}
	}
	for i, pi := range p.Pis {
		if _, known := parent[pi.Switch]; !known {
			return nil, &ValueError{fmt.Sprintf("Pis[%d].Switch", i), pi.Switch, "is no switch of the plan"}
		}
	}
	return names, nil
}

// checkSwitch checks all that texts take from a switch's configuration.
func checkSwitch(c vlan.SwitchConfig, max vlan.VID) error {
	at := func(field string, err *ValueError) error {
		if err == nil {
			return nil
		}
		err.Field = fmt.Sprintf("Switches[%q].%s", c.Name, field)
		return err
	}
	if err := checkWord("", c.Name); err != nil || strings.ContainsAny(c.Name, "/:") {
		return &ValueError{"Switches.Name", c.Name, "is not letters, digits and any of ._- with a letter or digit first"}
	}
	for _, v := range c.VLANs {
		if err := checkWord("", v.Name); err != nil {
			return at("VLANs.Name", err)
		}
		if !v.ID.Valid() || v.ID > max {
			return at("VLANs.ID", &ValueError{"", fmt.Sprint(v.ID), fmt.Sprintf("is not from 1 to %d, which is the most here", max)})
		}
	}
	for _, port := range c.Ports {
		if err := checkPort(port); err != nil {
			return at("Ports."+err.Field, err)
		}
	}
	return nil
}

func checkPort(m vlan.PortMode) *ValueError {
	for _, name := range append([]string{m.Port}, m.Members...) {
		if err := checkWord("Port", name); err != nil {
			return err
		}
	}
	if err := checkWord("Peer", description(m)); err != nil {
		return err
	}
	switch {
	case len(m.Untagged) > 1:
		return &ValueError{"Untagged", m.Untagged.String(), "of port " + m.Port + " is more than one VLAN"}
	case len(m.Untagged) == 1 && m.Untagged[0] != m.PVID:
		return &ValueError{"PVID", fmt.Sprint(m.PVID), "of port " + m.Port + " is not its untagged VLAN"}
	}
	return nil
}

// retired are the VLANs to delete: those of Pis that are gone. The others that
// must not be on this switch are those of Pis elsewhere; nothing leads to them.
func retired(p *vlan.Plan, c vlan.SwitchConfig) []vlan.Retired {
	var gone []vlan.Retired
	for _, r := range p.Retired {
		if c.Retired.Contains(r.VID) {
			gone = append(gone, r)
		}
	}
	slices.SortFunc(gone, func(a, b vlan.Retired) int { return cmp.Compare(a.VID, b.VID) })
	return gone
}

// description is what a person reads beside a port, as one word.
func description(m vlan.PortMode) string {
	if m.Role == vlan.UnusedPort || m.Peer == "" {
		return "unused"
	}
	return strings.ReplaceAll(m.Peer, " ", "-")
}

// access reports whether the port is a member of one VLAN, untagged.
func access(m vlan.PortMode) bool { return len(m.Untagged) == 1 && len(m.Tagged) == 0 }

// members are all VLANs of a port.
func members(m vlan.PortMode) vlan.VIDs {
	all := m.Tagged
	for _, v := range m.Untagged {
		all = all.With(v)
	}
	return all
}

// native is the VLAN for untagged frames: the port's, or else the unused one.
func native(c vlan.SwitchConfig, m vlan.PortMode) vlan.VID {
	if m.PVID != 0 {
		return m.PVID
	}
	return c.Native
}

// chunks cuts a list of VLANs into parts that are not longer than most when
// written.
func chunks(set vlan.VIDs, most int) []string {
	var all []string
	for _, r := range set.Ranges() {
		part := r.String()
		if n := len(all); n > 0 && len(all[n-1])+1+len(part) <= most {
			all[n-1] += "," + part
			continue
		}
		all = append(all, part)
	}
	return all
}

// aggregateNumber is the number at the end of an aggregate's name, as in
// Port-channel1, Trk1, lag1 and ae1.
func aggregateNumber(m vlan.PortMode, prefixes ...string) (string, error) {
	lower := strings.ToLower(m.Port)
	for _, prefix := range prefixes {
		n, ok := strings.CutPrefix(lower, prefix)
		if ok && n != "" && len(n) <= 4 && strings.Trim(n, "0123456789") == "" {
			return n, nil
		}
	}
	return "", &ValueError{"Port", m.Port, "has members and is not named " + strings.Join(prefixes, " or ") + " and a number"}
}

// isolated are the ports that must not reach one another, and others the rest of
// those in use.
func isolated(c vlan.SwitchConfig) (isolated, others []string) {
	for _, m := range c.Ports {
		names := m.Members
		if len(names) == 0 {
			names = []string{m.Port}
		}
		switch {
		case m.Isolated:
			isolated = append(isolated, names...)
		case m.Role != vlan.UnusedPort:
			others = append(others, names...)
		}
	}
	return isolated, others
}
