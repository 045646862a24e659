package render_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// procurve has VLANs with ports. Out of the box each is untagged in VLAN 1.
type procurve struct {
	untagged map[string]vlan.VID
	tagged   map[string]vlan.VIDs
	off      map[string]bool
	members  map[string][]string
	edge     map[string]int // two commands make one
	drop     map[string]bool
	filtered map[string]bool
	at       vlan.VID
	port     string
}

func newProCurve(ports []string) reader {
	r := &procurve{
		untagged: make(map[string]vlan.VID), tagged: make(map[string]vlan.VIDs), off: make(map[string]bool),
		members: make(map[string][]string), edge: make(map[string]int),
		drop: make(map[string]bool), filtered: make(map[string]bool),
	}
	for _, name := range ports {
		r.untagged[name] = 1
	}
	return r
}

func (r *procurve) line(words []string) error {
	cmd, last := strings.Join(words, " "), words[len(words)-1]
	switch {
	case cmd == "no gvrp", cmd == "spanning-tree", words[0] == "max-vlans":
	case cmd == "exit" && (r.at != 0 || r.port != ""):
		r.at, r.port = 0, ""
	case r.at != 0:
		return r.inVLAN(cmd, last)
	case r.port != "":
		return r.inPort(cmd, words[0])
	case words[0] == "trunk":
		r.trunk(strings.Split(words[1], ","), words[2])
	case words[0] == "interface":
		r.port = last
	case words[0] == "vlan":
		v, err := vid(last)
		r.at = v
		return err
	case strings.HasPrefix(cmd, "no vlan "):
		v, err := vid(last)
		for name, in := range r.untagged {
			if in == v {
				return fmt.Errorf("port %s would move to VLAN 1", name)
			}
			r.tagged[name] = r.tagged[name].Without(v)
		}
		return err
	case cmd == "filter source-port named-filter pi-isolation":
	case strings.HasPrefix(cmd, "filter source-port named-filter pi-isolation drop "):
		r.drop[last] = true
	case strings.HasPrefix(cmd, "filter source-port ") && strings.HasSuffix(cmd, " named-filter pi-isolation"):
		r.filtered[words[2]] = true
	case words[0] == "spanning-tree" && (last == "admin-edge-port" || last == "bpdu-protection"):
		r.edge[words[1]] |= map[string]int{"admin-edge-port": 1, "bpdu-protection": 2}[last]
	case strings.HasPrefix(cmd, "ipv6 ra-guard ports "):
	default:
		return errors.New("no such command")
	}
	return nil
}

// trunk makes one port of several, which has what a new one has.
func (r *procurve) trunk(ports []string, name string) {
	if r.members[name] == nil {
		r.untagged[name] = 1
	}
	r.members[name] = ports
	for _, p := range ports {
		delete(r.untagged, p)
		delete(r.tagged, p)
	}
}

func (r *procurve) inPort(cmd, first string) error {
	switch {
	case first == "name":
	case cmd == "enable", cmd == "disable":
		r.off[r.port] = cmd == "disable"
	default:
		return errors.New("no such command")
	}
	return nil
}

func (r *procurve) inVLAN(cmd, name string) error {
	_, known := r.untagged[name]
	switch {
	case strings.HasPrefix(cmd, "name "), cmd == "no ip address":
		return nil
	case !known:
		return errors.New("no such port")
	case cmd == "untagged "+name:
		r.untagged[name], r.tagged[name] = r.at, r.tagged[name].Without(r.at)
	case cmd == "tagged "+name:
		r.tagged[name] = r.tagged[name].With(r.at)
		if r.untagged[name] == r.at {
			r.untagged[name] = 0
		}
	case cmd == "no untagged "+name:
		if r.untagged[name] != r.at {
			return nil
		}
		r.untagged[name] = 0
		if len(r.tagged[name]) == 0 {
			return errors.New("the port would be in no VLAN")
		}
	case cmd == "no tagged "+name:
		r.tagged[name] = r.tagged[name].Without(r.at)
	default:
		return errors.New("no such command")
	}
	return nil
}

func (r *procurve) ports() (model, error) {
	got := make(model)
	for name, v := range r.untagged {
		m := port{Untagged: v, Tagged: r.tagged[name], Isolated: r.filtered[name] && r.drop[name], Edge: r.edge[name] == 3}
		if r.off[name] {
			m = port{Off: true}
		}
		if list := r.members[name]; list != nil {
			m.Members = slices.Clone(list)
		}
		got[name] = m
	}
	return got, nil
}
