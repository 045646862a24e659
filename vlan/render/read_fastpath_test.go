package render_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// fastpathPort is a port of FASTPATH: untagged in VLAN 1 out of the box, where it
// takes frames of any VLAN.
type fastpathPort struct {
	members, tagged               vlan.VIDs
	pvid                          vlan.VID
	ingress, protected, edge, off bool
	frames, lag                   string
}

type fastpath struct {
	all   map[string]*fastpathPort
	have  map[vlan.VID]bool
	mode  string // "", "database", "config", "port"
	at    *fastpathPort
	guard bool
}

func newFASTPATH(ports []string) reader {
	r := &fastpath{all: make(map[string]*fastpathPort), have: map[vlan.VID]bool{1: true, 12: true}}
	for _, name := range ports {
		// A port that somebody put into another Pi's VLAN before.
		r.all[name] = &fastpathPort{members: vlan.NewVIDs(1, 12), pvid: 1, frames: "all"}
	}
	return r
}

func (r *fastpath) line(words []string) error {
	cmd, last := strings.Join(words, " "), words[len(words)-1]
	switch r.mode + ":" + cmd {
	case ":vlan database":
		r.mode = "database"
		return nil
	case ":configure":
		r.mode = "config"
		return nil
	case "database:exit", "config:exit":
		r.mode = ""
		return nil
	case "port:exit":
		r.mode = "config"
		return nil
	}
	switch r.mode {
	case "database":
		return r.database(words, last)
	case "config":
		return r.config(cmd, words, last)
	case "port":
		return r.port(cmd, words, last)
	}
	return errors.New("no such command")
}

func (r *fastpath) database(words []string, last string) error {
	switch {
	case words[0] == "vlan" && len(words) == 2:
		v, err := vid(last)
		r.have[v] = true
		return err
	case strings.HasPrefix(strings.Join(words, " "), "vlan name ") && len(words) == 4 && last == `"`+strings.Trim(last, `"`)+`"`:
		v, err := vid(words[2])
		if !r.have[v] {
			return errors.New("no such VLAN")
		}
		return err
	case words[0] == "no" && words[1] == "vlan" && len(words) == 3:
		gone, err := vids(last)
		for _, v := range gone {
			delete(r.have, v)
			for _, p := range r.all {
				p.members = p.members.Without(v)
			}
		}
		return err
	}
	return errors.New("no such command")
}

func (r *fastpath) config(cmd string, words []string, last string) error {
	switch {
	case cmd == "spanning-tree", cmd == `switchport protected 0 name "pis"`:
	case cmd == "spanning-tree bpduguard":
		r.guard = true
	case strings.HasPrefix(cmd, "vlan participation all exclude "), strings.HasPrefix(cmd, "no vlan port tagging all "):
		v, err := vid(last)
		if err != nil || !r.have[v] {
			return errors.Join(errors.New("no such VLAN"), err)
		}
		for _, p := range r.all {
			p.tagged = p.tagged.Without(v)
			if words[0] == "vlan" {
				p.members = p.members.Without(v)
			}
		}
	case words[0] == "interface":
		name := strings.Join(words[1:], "")
		if words[1] == "lag" && r.all[name] == nil {
			r.all[name] = &fastpathPort{members: vlan.NewVIDs(1), pvid: 1, frames: "all"}
		}
		if r.at = r.all[name]; r.at == nil {
			return errors.New("no such port")
		}
		r.mode = "port"
	default:
		return errors.New("no such command")
	}
	return nil
}

func (r *fastpath) port(cmd string, words []string, last string) error {
	p := r.at
	switch {
	case words[0] == "description", cmd == "no port-channel static":
	case strings.HasPrefix(cmd, "addport lag "):
		p.lag = "lag" + last
	case cmd == "vlan ingressfilter":
		p.ingress = true
	case strings.HasPrefix(cmd, "vlan acceptframe ") && slices.Contains([]string{"all", "vlanonly", "admituntaggedonly"}, last):
		p.frames = last
	case cmd == "switchport protected 0":
		p.protected = true
	case cmd == "spanning-tree edgeport":
		p.edge = true
	case cmd == "shutdown", cmd == "no shutdown":
		p.off = cmd == "shutdown"
	default:
		v, err := vid(last)
		if err != nil || !r.have[v] {
			return errors.Join(errors.New("no such command or VLAN"), err)
		}
		switch strings.TrimSuffix(cmd, " "+last) {
		case "vlan pvid":
			p.pvid = v
		case "vlan participation include":
			p.members = p.members.With(v)
		case "vlan participation exclude":
			p.members = p.members.Without(v)
		case "vlan tagging":
			p.tagged = p.tagged.With(v)
		default:
			return errors.New("no such command")
		}
	}
	return nil
}

func (r *fastpath) ports() (model, error) {
	got, members := make(model), make(map[string][]string)
	for name, p := range r.all {
		if p.lag != "" {
			members[p.lag] = append(members[p.lag], name)
			continue
		}
		if p.off {
			got[name] = port{Off: true}
			continue
		}
		m := port{Isolated: p.protected, Edge: p.edge && r.guard}
		for _, v := range p.members {
			switch {
			case p.tagged.Contains(v):
				m.Tagged = m.Tagged.With(v)
			case m.Untagged != 0 || v != p.pvid:
				return nil, fmt.Errorf("%s: VLAN %d leaves untagged, and VLAN %d comes in", name, v, p.pvid)
			default:
				m.Untagged = v
			}
		}
		want := map[bool]string{true: "admituntaggedonly", false: "all"}[len(m.Tagged) == 0]
		if m.Untagged == 0 {
			want = "vlanonly"
		}
		if !p.ingress || p.frames != want {
			return nil, fmt.Errorf("%s takes frames of other VLANs: %v, %s", name, p.ingress, p.frames)
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
