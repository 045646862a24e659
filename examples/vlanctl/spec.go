package main

import (
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// makeSpec is the configuration as the planner takes it.
func (c *config) makeSpec() vlan.Spec {
	spec := vlan.Spec{
		Private: c.Private, VLANs: c.VLANs, Reserved: c.Reserved, Native: c.Native, Management: c.Management,
		Public: vlan.Public{
			VID: c.Public.VLAN, Prefix: c.Public.Prefix, Base: c.Public.Base, Gateway: c.Public.Gateway,
			Numbering: map[string]vlan.Numbering{"hex": vlan.Hex}[c.Public.Numbering],
		},
		FileServer: vlan.FileServer(c.FileServer),
		InUse:      c.InUse,
		Limits:     vlan.Limits(c.Limits),
		Pinned:     make(map[string]vlan.Pin, len(c.Pins)),
	}
	for _, p := range c.Pins {
		spec.Pinned[p.Name] = vlan.Pin{VID: p.VLAN, Net: p.Net}
	}
	for _, s := range c.Shelves {
		spec.Shelves = append(spec.Shelves, s.shelf())
	}
	return spec
}

func (s shelfConfig) shelf() vlan.Shelf {
	shelf := vlan.Shelf{Name: s.Name, VLANs: s.VLANs, Private: s.Private}
	for _, sw := range s.Switches {
		shelf.Switches = append(shelf.Switches, vlan.Switch{
			Name: sw.Name, Uplink: vlan.Uplink(sw.Uplink), Router: sw.Router, RouterTagged: sw.RouterTagged,
			Unused: sw.Unused, Limits: vlan.Limits(sw.Limits),
		})
	}
	for _, row := range s.Rows {
		for n := row.First; n <= row.Last; n++ {
			shelf.Pis = append(shelf.Pis, vlan.Host{
				Name:   strings.Replace(row.Name, "%d", fmt.Sprint(n), 1),
				Port:   strings.Replace(row.Port, "%d", fmt.Sprint(n+row.Offset), 1),
				Switch: row.Switch,
			})
		}
	}
	for _, pi := range s.Pis {
		shelf.Pis = append(shelf.Pis, vlan.Host(pi))
	}
	return shelf
}

// switchNamed finds the configuration of a switch.
func (c *config) switchNamed(name string) (*switchConfig, error) {
	for i := range c.Shelves {
		for j := range c.Shelves[i].Switches {
			if sw := &c.Shelves[i].Switches[j]; sw.Name == name {
				return sw, nil
			}
		}
	}
	return nil, fmt.Errorf("no [[shelf.switch]] is named %q", name)
}

// chosen are the switches that are named, or all.
func (c *config) chosen(names []string) ([]*switchConfig, error) {
	var all []*switchConfig
	if len(names) == 0 {
		for i := range c.Shelves {
			for j := range c.Shelves[i].Switches {
				all = append(all, &c.Shelves[i].Switches[j])
			}
		}
		return all, nil
	}
	for _, name := range names {
		sw, err := c.switchNamed(name)
		if err != nil {
			return nil, err
		}
		all = append(all, sw)
	}
	return all, nil
}
