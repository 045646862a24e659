package vlan_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mythic-beasts/hostkit/vlan"
)

// flooder is a model of the switches that sends real frames, with their tags, and
// looks where they come out. It shares nothing with the proof but the rules of
// 802.1Q (isolated ports are taken as ordinary ones), and tries every stack of tags up to a depth.
type flooder struct {
	plan   *vlan.Plan
	states map[string]vlan.State
	links  map[end][]end    // cables, as pairs of ports; a port at the file server leads to all others there
	server map[end]string   // interface of the file server
	pis    map[end]string   // Pi in a port
	homes  map[string][]end // ports at each interface
}

type end struct{ sw, port string }

// frame is one on a cable: its tags, the outer one first.
type frame struct {
	at   end // the port that it comes in by
	tags string
}

func pack(tags []vlan.VID) string {
	var b []byte
	for _, v := range tags {
		b = append(b, byte(v>>8), byte(v))
	}
	return string(b)
}

func unpack(s string) []vlan.VID {
	var tags []vlan.VID
	for i := 0; i < len(s); i += 2 {
		tags = append(tags, vlan.VID(s[i])<<8|vlan.VID(s[i+1]))
	}
	return tags
}

func newFlooder(p *vlan.Plan, states map[string]vlan.State) *flooder {
	f := &flooder{
		plan: p, states: states, links: map[end][]end{}, server: map[end]string{}, pis: map[end]string{},
		homes: map[string][]end{},
	}
	for _, pi := range p.Pis {
		f.pis[end{pi.Switch, pi.Port}] = pi.Name
	}
	for _, sw := range p.Switches {
		here := end{sw.Name, sw.Uplink.Port}
		if sw.Uplink.To == "" {
			f.server[here] = sw.Uplink.Iface
			f.homes[sw.Uplink.Iface] = append(f.homes[sw.Uplink.Iface], here)
			continue
		}
		there := end{sw.Uplink.To, sw.Uplink.ToPort}
		f.links[here], f.links[there] = append(f.links[here], there), append(f.links[there], here)
	}
	for _, ports := range f.homes {
		for _, a := range ports {
			for _, b := range ports {
				if a != b {
					f.links[a] = append(f.links[a], b)
				}
			}
		}
	}
	return f
}

func (f *flooder) port(e end) vlan.PortState { return f.states[e.sw].Ports[e.port] }

// classify gives a frame that comes in its VLAN, and takes that tag off.
func (f *flooder) classify(in frame) (v vlan.VID, rest []vlan.VID, ok bool) {
	p, tags := f.port(in.at), unpack(in.tags)
	switch {
	case len(tags) == 0:
		v, ok = p.PVID, p.PVID != 0 && p.Frames != vlan.TaggedFrames
	case tags[0] == 0: // a tag of a priority alone, which is as good as none
		v, rest, ok = p.PVID, tags[1:], p.PVID != 0 && p.Frames != vlan.TaggedFrames
	default:
		v, rest, ok = tags[0], tags[1:], p.Frames != vlan.UntaggedFrames
	}
	return v, rest, ok && (!p.Ingress || p.Member(v))
}

// send floods one frame and calls got for each arrival: at a port, in a VLAN, or
// at an interface of the file server with its tags.
func (f *flooder) send(start []frame, fromServer bool, arrive func(at end, v vlan.VID, entered vlan.VID), serve func(iface string, tags []vlan.VID)) {
	type trip struct {
		frame
		entered vlan.VID
	}
	seen := map[trip]bool{}
	var queue []trip
	push := func(t trip) {
		if !seen[t] {
			seen[t] = true
			queue = append(queue, t)
		}
	}
	for _, in := range start {
		push(trip{in, 0})
	}
	for len(queue) > 0 {
		now := queue[0]
		queue = queue[1:]
		v, rest, ok := f.classify(now.frame)
		if !ok {
			continue
		}
		if now.entered == 0 {
			now.entered = v
		}
		for name, out := range f.states[now.at.sw].Ports {
			if name == now.at.port || !out.Member(v) {
				continue
			}
			tags := rest
			if !out.Untagged.Contains(v) {
				tags = append([]vlan.VID{v}, rest...)
			}
			to := end{now.at.sw, name}
			trunk := len(f.links[to]) > 0 || f.server[to] != ""
			for _, peer := range f.links[to] {
				push(trip{frame{peer, pack(tags)}, now.entered})
			}
			switch iface := f.server[to]; {
			case iface != "" && !fromServer:
				serve(iface, tags)
			case !trunk:
				arrive(to, v, now.entered)
			}
		}
	}
}

// stacks are all stacks of tags up to a depth.
func stacks(ids []vlan.VID, depth int) [][]vlan.VID {
	all := [][]vlan.VID{nil}
	for from := 0; depth > 0; depth-- {
		to := len(all)
		for _, s := range all[from:to] {
			for _, v := range ids {
				all = append(all, append(slices.Clone(s), v))
			}
		}
		from = to
	}
	return all
}

// leaks finds all pairs that must not hear one another, as "a>b in v".
func (f *flooder) leaks(depth int) map[string]bool {
	found := map[string]bool{}
	used := map[vlan.VID]bool{0: true}
	for _, s := range f.states {
		for _, p := range s.Ports {
			for _, v := range slices.Concat(p.Untagged, p.Tagged) {
				used[v] = true
			}
		}
	}
	tries := stacks(slices.Sorted(maps.Keys(used)), depth)
	for sw, s := range f.states {
		for name := range s.Ports {
			src := end{sw, name}
			if len(f.links[src]) > 0 || f.server[src] != "" {
				continue
			}
			for _, tags := range tries {
				f.try(src, tags, found)
			}
		}
	}
	for _, pi := range f.plan.Pis {
		var start []frame
		for _, home := range f.homes[pi.Iface] {
			start = append(start, frame{home, pack([]vlan.VID{pi.VID})})
		}
		f.send(start, true, func(at end, v, entered vlan.VID) {
			if f.pis[at] != pi.Name && (v != f.plan.Public.VID || entered != v) {
				found[fmt.Sprintf("server %s>%v in %d", pi.ServerIface(), at, v)] = true
			}
		}, nil)
	}
	return found
}

func (f *flooder) try(src end, tags []vlan.VID, found map[string]bool) {
	from := f.pis[src]
	f.send([]frame{{src, pack(tags)}}, false, func(at end, v, entered vlan.VID) {
		to, public := f.pis[at], v == f.plan.Public.VID && entered == v
		if from != to && !public {
			found[fmt.Sprintf("%v>%v in %d", src, at, v)] = true
		}
	}, func(iface string, tags []vlan.VID) {
		if len(tags) == 0 {
			return
		}
		for _, pi := range f.plan.Pis {
			if pi.VID == tags[0] && pi.Iface == iface && pi.Name != from {
				found[fmt.Sprintf("%v>server %s in %d", src, pi.ServerIface(), pi.VID)] = true
			}
		}
	})
}
