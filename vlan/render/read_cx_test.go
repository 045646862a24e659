package render_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// cxPort is a port of AOS-CX: an access port of VLAN 1 out of the box.
type cxPort struct {
	trunk      bool
	untagged   vlan.VID // of an access port, or native
	allowed    vlan.VIDs
	edge       bool
	guard, off bool
	lag        string
}

type cx struct {
	all    map[string]*cxPort
	lags   map[string][]string
	at     *cxPort
	name   string
	inVLAN bool
	have   map[vlan.VID]bool
}

func newCX(ports []string) reader {
	r := &cx{all: make(map[string]*cxPort), lags: make(map[string][]string), have: map[vlan.VID]bool{1: true}}
	for _, name := range ports {
		r.all[name] = &cxPort{untagged: 1}
	}
	return r
}

func (r *cx) line(words []string) error {
	cmd, last := strings.Join(words, " "), words[len(words)-1]
	switch {
	case cmd == "exit":
		r.at, r.inVLAN = nil, false
	case r.at != nil:
		return r.inPort(cmd, words, last)
	case r.inVLAN && words[0] == "name", cmd == "spanning-tree":
	case words[0] == "vlan" && len(words) == 2:
		v, err := vid(last)
		r.have[v], r.inVLAN = true, true
		return err
	case strings.HasPrefix(cmd, "no vlan "):
		v, err := vid(last)
		delete(r.have, v)
		return err
	case words[0] == "interface":
		r.name = strings.Join(words[1:], "")
		if words[1] == "lag" && r.all[r.name] == nil {
			r.all[r.name] = &cxPort{untagged: 1}
		}
		if r.at = r.all[r.name]; r.at == nil {
			return errors.New("no such port")
		}
	default:
		return errors.New("no such command")
	}
	return nil
}

func (r *cx) inPort(cmd string, words []string, last string) (err error) {
	p := r.at
	switch {
	case words[0] == "description", cmd == "no routing", cmd == "lacp mode active":
	case strings.HasPrefix(cmd, "vlan access "):
		p.trunk, p.allowed = false, nil
		p.untagged, err = vid(last)
	case strings.HasPrefix(cmd, "vlan trunk allowed "):
		if !p.trunk {
			p.trunk, p.untagged = true, 1
		}
		var more vlan.VIDs
		more, err = vids(last)
		p.allowed = vlan.NewVIDs(append(more, p.allowed...)...)
	case strings.HasPrefix(cmd, "vlan trunk native "):
		if len(p.allowed) == 0 {
			return errors.New("a trunk of all VLANs")
		}
		p.untagged, err = vid(last)
	case cmd == "spanning-tree port-type admin-edge":
		p.edge = true
	case cmd == "spanning-tree bpdu-guard":
		p.guard = true
	case cmd == "shutdown", cmd == "no shutdown":
		p.off = cmd == "shutdown"
	case words[0] == "lag" && len(words) == 2:
		if p.lag == "" {
			r.lags["lag"+last] = append(r.lags["lag"+last], r.name)
		}
		p.lag = "lag" + last
	default:
		return errors.New("no such command")
	}
	return err
}

func (r *cx) ports() (model, error) {
	got := make(model)
	for name, p := range r.all {
		if p.lag != "" {
			continue
		}
		m := port{Edge: p.edge && p.guard, Members: r.lags[name]}
		switch {
		case p.off:
			m = port{Off: true}
		case !p.trunk:
			m.Untagged = p.untagged
		default:
			m.Tagged = p.allowed.Without(p.untagged)
			if p.allowed.Contains(p.untagged) {
				m.Untagged = p.untagged
			}
		}
		for _, v := range m.Tagged.With(m.Untagged) {
			if v != 0 && !r.have[v] {
				return nil, fmt.Errorf("%s: VLAN %d does not exist", name, v)
			}
		}
		got[name] = m
	}
	return got, nil
}
