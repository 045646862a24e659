package render_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// junos is a configuration as the set of its statements; those of one value
// replace each other.
type junos struct{ set map[string]bool }

// newJunos is a switch out of the box: each port is in the VLAN default.
func newJunos(ports []string) reader {
	r := &junos{set: map[string]bool{"vlans default vlan-id 1": true}}
	for _, name := range ports {
		r.set["interfaces "+name+" unit 0 family ethernet-switching vlan members default"] = true
		r.set["protocols rstp interface "+name] = true
	}
	return r
}

// single are statements of which there is one, without their value.
var single = []string{"vlan-id", "native-vlan-id", "interface-mode", "description", "802.3ad"}

func (r *junos) line(words []string) error {
	path := strings.Join(words[1:], " ")
	switch words[0] {
	case "delete":
		maps.DeleteFunc(r.set, func(s string, _ bool) bool { return s == path || strings.HasPrefix(s, path+" ") })
		return nil
	case "set":
		if n := len(words); slices.Contains(single, words[n-2]) {
			before := strings.Join(words[1:n-1], " ") + " "
			maps.DeleteFunc(r.set, func(s string, _ bool) bool { return strings.HasPrefix(s, before) })
		}
		r.set[path] = true
		return nil
	}
	return errors.New("no such command")
}

// below are the statements after a path, without it.
func (r *junos) below(path string) []string {
	var rest []string
	for s := range r.set {
		if tail, ok := strings.CutPrefix(s, path+" "); ok {
			rest = append(rest, tail)
		}
	}
	slices.Sort(rest)
	return rest
}

func (r *junos) ports() (model, error) {
	ids := make(map[vlan.VID]bool)
	for _, s := range r.below("vlans") {
		v, err := vid(s[strings.LastIndexByte(s, ' ')+1:])
		if err != nil {
			return nil, err
		}
		ids[v] = true
	}
	got, members := make(model), make(map[string][]string)
	for _, s := range r.below("interfaces") {
		name, _, _ := strings.Cut(s, " ")
		if _, done := got[name]; done {
			continue
		}
		m, aggregate, err := r.port(name, ids)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if aggregate != "" {
			if !slices.Contains(members[aggregate], name) {
				members[aggregate] = append(members[aggregate], name)
			}
			continue
		}
		got[name] = m
	}
	for name, list := range members {
		m := got[name]
		m.Members = list
		got[name] = m
	}
	return got, nil
}

func (r *junos) port(name string, ids map[vlan.VID]bool) (m port, aggregate string, err error) {
	var trunk, access bool
	var native vlan.VID
	var all vlan.VIDs
	for _, s := range r.below("interfaces " + name) {
		words := strings.Fields(s)
		last := words[len(words)-1]
		switch s = strings.TrimPrefix(s, "unit 0 family ethernet-switching "); {
		case words[0] == "description", s == "aggregated-ether-options lacp active":
		case s == "disable":
			m.Off = true
		case s == "interface-mode trunk":
			trunk = true
		case s == "interface-mode access":
			access = true
		case strings.HasPrefix(s, "ether-options 802.3ad "):
			aggregate = last
		case strings.HasPrefix(s, "native-vlan-id "):
			native, err = vid(last)
		case strings.HasPrefix(s, "vlan members "):
			var v vlan.VID
			v, err = vid(last)
			all = all.With(v)
			if !ids[v] {
				err = fmt.Errorf("VLAN %d does not exist", v)
			}
		default:
			err = fmt.Errorf("no such statement: %q", s)
		}
		if err != nil {
			return m, "", err
		}
	}
	switch {
	case trunk && all.Contains(native):
		m.Untagged, m.Tagged = native, all.Without(native)
	case trunk:
		m.Tagged = all
	case access && len(all) == 1:
		m.Untagged = all[0]
	case !m.Off && aggregate == "":
		return m, "", errors.New("neither a trunk nor in one VLAN")
	}
	edge := r.set["protocols rstp interface "+name+" edge"] && r.set["protocols rstp interface "+name+" no-root-port"]
	m.Edge = edge && r.set["protocols rstp bpdu-block-on-edge"]
	return m, aggregate, nil
}
