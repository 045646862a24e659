package render_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// iosPort is a port of a Catalyst: one out of the box negotiates, and would be a
// trunk of all VLANs.
type iosPort struct {
	mode                                             string
	access, native                                   vlan.VID
	allowed                                          vlan.VIDs // nil is all
	limited, nonegotiate, protected, portfast, guard bool
	shut                                             bool
	group                                            string
}

type ios struct {
	all  map[string]*iosPort
	at   *iosPort
	vlan bool
	have map[vlan.VID]bool
}

func newIOS(ports []string) reader {
	r := &ios{all: make(map[string]*iosPort), have: map[vlan.VID]bool{1: true}}
	for _, name := range ports {
		r.all[name] = &iosPort{mode: "dynamic", access: 1, native: 1}
	}
	return r
}

func (r *ios) line(words []string) error {
	switch cmd := strings.Join(words, " "); {
	case cmd == "vtp mode transparent", cmd == "spanning-tree mode mst":
		return nil
	case words[0] == "vlan":
		v, err := vid(words[1])
		r.have[v], r.vlan, r.at = true, true, nil
		return err
	case strings.HasPrefix(cmd, "no vlan "):
		v, err := vid(words[2])
		delete(r.have, v)
		return err
	case words[0] == "name" && r.vlan:
		return nil
	case words[0] == "interface":
		r.vlan, r.at = false, r.all[words[1]]
		if r.at == nil {
			if !strings.HasPrefix(words[1], "Port-channel") {
				return errors.New("no such port")
			}
			r.at = &iosPort{mode: "dynamic", access: 1, native: 1}
			r.all[words[1]] = r.at
		}
		return nil
	case r.at != nil:
		return r.at.line(cmd, words)
	}
	return errors.New("no such command")
}

func (p *iosPort) line(cmd string, words []string) (err error) {
	last := words[len(words)-1]
	switch {
	case words[0] == "description", cmd == "no cdp enable", cmd == "switchport trunk encapsulation dot1q", cmd == "ipv6 nd raguard":
	case strings.HasPrefix(cmd, "switchport access vlan "):
		p.access, err = vid(last)
	case strings.HasPrefix(cmd, "switchport trunk native vlan "):
		p.native, err = vid(last)
	case strings.HasPrefix(cmd, "switchport trunk allowed vlan add "):
		if !p.limited {
			return errors.New("adds to all VLANs")
		}
		var more vlan.VIDs
		more, err = vids(last)
		p.allowed = vlan.NewVIDs(append(more, p.allowed...)...)
	case strings.HasPrefix(cmd, "switchport trunk allowed vlan "):
		p.limited = true
		p.allowed, err = vids(last)
	case cmd == "switchport mode trunk":
		if !p.limited {
			return errors.New("a trunk of all VLANs")
		}
		p.mode = "trunk"
	case cmd == "switchport mode access":
		p.mode = "access"
	case cmd == "switchport nonegotiate":
		if p.mode == "dynamic" {
			return errors.New("nonegotiate of a dynamic port is refused")
		}
		p.nonegotiate = true
	case cmd == "switchport protected":
		p.protected = true
	case cmd == "no switchport protected":
		p.protected = false
	case cmd == "spanning-tree portfast", cmd == "spanning-tree portfast trunk":
		if (p.mode == "trunk") != (last == "trunk") {
			return errors.New("portfast of the other mode has no effect")
		}
		p.portfast = true
	case cmd == "spanning-tree bpduguard enable":
		p.guard = true
	case cmd == "shutdown", cmd == "no shutdown":
		p.shut = words[0] == "shutdown"
	case strings.HasPrefix(cmd, "channel-group "):
		p.group = words[1]
	default:
		return errors.New("no such command")
	}
	return err
}

func (r *ios) ports() (model, error) {
	got := make(model)
	members := make(map[string][]string)
	for name, p := range r.all {
		if !p.nonegotiate {
			return nil, fmt.Errorf("%s negotiates", name)
		}
		m := port{Isolated: p.protected, Edge: p.portfast && p.guard}
		switch {
		case p.shut:
			m = port{Off: true}
		case p.mode == "access":
			m.Untagged = p.access
		default:
			m.Tagged = p.allowed.Without(p.native)
			if p.allowed.Contains(p.native) {
				m.Untagged = p.native
			}
		}
		for _, v := range append(slices.Clone(m.Tagged), m.Untagged) {
			if v != 0 && !r.have[v] {
				return nil, fmt.Errorf("%s: VLAN %d does not exist", name, v)
			}
		}
		if p.group != "" {
			members["Port-channel"+p.group] = append(members["Port-channel"+p.group], name)
			continue
		}
		got[name] = m
	}
	for name, list := range members {
		slices.Sort(list)
		m := got[name]
		m.Members = list
		got[name] = m
	}
	return got, nil
}
