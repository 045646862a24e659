package vlan

import (
	"fmt"
	"maps"
	"slices"
)

// A proof follows frames through the switches of a plan, as 802.1Q forwards them
// when no address has been learnt: a frame that comes in is given a VLAN, by its
// outer tag or, without one or with a priority alone, by the port's PVID; it leaves
// by every other member of that VLAN, with a tag or bare. Whoever sends may stack
// tags at will: where a frame leaves for the next switch bare, the next tag, or
// none, decides there. So which VLANs a frame can come to be in is a matter of the
// ports that it enters by, and of nothing that it carries, and a search over
// (switch, port, VLAN) finds all that any frame can do. That isolated ports do not
// reach one another is not relied on.

// vidSet is a set of identifiers, for speed.
type vidSet [(MaxVID + 64) / 64]uint64

func (s *vidSet) add(v VID)      { s[v/64] |= 1 << (v % 64) }
func (s *vidSet) has(v VID) bool { return s[v/64]&(1<<(v%64)) != 0 }

func newVIDSet(ids VIDs) (s vidSet) {
	for _, v := range ids {
		if v <= MaxVID {
			s.add(v)
		}
	}
	return s
}

// nobody is the index of no Pi.
const nobody = -1

// proofPort is a port of a switch.
type proofPort struct {
	PortState
	name     string
	pi       int     // index of the Pi in it
	iface    string  // the file server's interface at the other end
	peers    []entry // ports of other switches at the other end
	linked   bool    // a trunk of the plan: nobody but switches and the file server is there
	member   vidSet  // of any kind
	untagged vidSet
}

// takesUntagged reports whether frames without a tag come in, for the VLAN PVID.
func (p *proofPort) takesUntagged() bool {
	return p.PVID.Valid() && p.Frames != TaggedFrames && (!p.Ingress || p.member.has(p.PVID))
}

// takesTagged reports whether frames with a tag of v come in.
func (p *proofPort) takesTagged(v VID) bool {
	return p.Frames != UntaggedFrames && (!p.Ingress || p.member.has(v))
}

// entry is a port that frames enter by.
type entry struct{ sw, port int }

// proofSwitch is a switch, with the members of each VLAN apart by what is at the
// other end.
type proofSwitch struct {
	name   string
	ports  []proofPort
	ends   [MaxVID + 1][]int // members where somebody is plugged in
	trunks [MaxVID + 1][]int // members that lead to switches or the file server
	active VIDs              // those with any member
}

type proof struct {
	plan     *Plan
	switches []*proofSwitch
	owner    map[VID]int        // index of the Pi of each private VLAN
	behind   map[string][]entry // ports at each interface of the file server
	onIface  map[string][]int   // Pis that it serves there
}

func newProof(p *Plan, states map[string]State) *proof {
	pr := &proof{plan: p, owner: make(map[VID]int), behind: make(map[string][]entry), onIface: make(map[string][]int)}
	pis := make(map[[2]string]int, len(p.Pis))
	for i, pi := range p.Pis {
		pr.owner[pi.VID] = i
		pr.onIface[pi.Iface] = append(pr.onIface[pi.Iface], i)
		pis[[2]string{pi.Switch, pi.Port}] = i
	}
	where := make(map[[2]string]entry)
	members := aggregated(p)
	for n, sw := range p.Switches {
		ps := &proofSwitch{name: sw.Name}
		state := states[sw.Name]
		for _, name := range slices.Sorted(maps.Keys(state.Ports)) {
			at := [2]string{sw.Name, name}
			if members[at] {
				continue
			}
			where[at] = entry{n, len(ps.ports)}
			port := proofPort{PortState: state.Ports[name], name: name, pi: nobody}
			if i, there := pis[at]; there {
				port.pi = i
			}
			port.untagged, port.member = newVIDSet(port.Untagged), newVIDSet(port.Untagged)
			for _, v := range port.Tagged {
				if v <= MaxVID {
					port.member.add(v)
				}
			}
			ps.ports = append(ps.ports, port)
		}
		pr.switches = append(pr.switches, ps)
	}
	pr.connect(where)
	for _, sw := range pr.switches {
		sw.index()
	}
	return pr
}

// aggregated are the ports that are parts of link aggregates. They forward nothing by
// themselves, whatever VLANs a switch lists for them.
func aggregated(p *Plan) map[[2]string]bool {
	parts := make(map[[2]string]bool)
	for _, sw := range p.Switches {
		for _, m := range sw.Uplink.Members {
			parts[[2]string{sw.Name, m}] = true
		}
		for _, m := range sw.Uplink.ToMembers {
			parts[[2]string{sw.Uplink.To, m}] = true
		}
	}
	return parts
}

// connect finds what is at the other ends of trunks.
func (pr *proof) connect(where map[[2]string]entry) {
	for _, sw := range pr.plan.Switches {
		up := sw.Uplink
		here, there := where[[2]string{sw.Name, up.Port}]
		if !there {
			continue
		}
		near := pr.at(here)
		near.linked = true
		if up.To == "" {
			near.iface = up.Iface
			pr.behind[up.Iface] = append(pr.behind[up.Iface], here)
			continue
		}
		if other, there := where[[2]string{up.To, up.ToPort}]; there {
			far := pr.at(other)
			far.linked = true
			near.peers, far.peers = append(near.peers, other), append(far.peers, here)
		}
	}
	// Switches on the same interface of the file server hear one another.
	for _, ports := range pr.behind {
		for _, one := range ports {
			for _, other := range ports {
				if one != other {
					pr.at(one).peers = append(pr.at(one).peers, other)
				}
			}
		}
	}
}

func (pr *proof) at(e entry) *proofPort { return &pr.switches[e.sw].ports[e.port] }

func (sw *proofSwitch) index() {
	var any vidSet
	for i := range sw.ports {
		p := &sw.ports[i]
		list := &sw.ends
		if p.linked {
			list = &sw.trunks
		}
		for _, v := range slices.Concat(p.Untagged, p.Tagged) {
			if !v.Valid() || len(list[v]) > 0 && list[v][len(list[v])-1] == i {
				continue
			}
			list[v] = append(list[v], i)
			any.add(v)
		}
	}
	for v := MinVID; v <= MaxVID; v++ {
		if any.has(v) {
			sw.active = append(sw.active, v)
		}
	}
}

// entries calls fn for the VLANs that frames can come to be in by a port: all that
// a sender can choose, or only that of frames without a tag.
func (pr *proof) entries(at entry, tags bool, fn func(VID)) {
	p := pr.at(at)
	if p.takesUntagged() {
		fn(p.PVID)
	}
	if !tags || p.Frames == UntaggedFrames {
		return
	}
	for _, v := range pr.switches[at.sw].active {
		if p.takesTagged(v) && (v != p.PVID || !p.takesUntagged()) {
			fn(v)
		}
	}
}

// run looks at all that can be sent, and reports leaks.
func (pr *proof) run(leaks *findings) {
	s := search{proof: pr, leaks: leaks, seen: make(map[hop]bool), known: make(map[leakKey]bool)}
	for n, sw := range pr.switches {
		for i := range sw.ports {
			if sw.ports[i].linked {
				continue
			}
			at := entry{n, i}
			pr.entries(at, true, func(v VID) {
				if !leaks.full() {
					s.from(source{at: at, pi: sw.ports[i].pi, stacks: true, place: pr.place(at)}, []entry{at}, v)
				}
			})
		}
	}
	for _, iface := range slices.Sorted(maps.Keys(pr.behind)) {
		for _, i := range pr.onIface[iface] {
			v := pr.plan.Pis[i].VID
			var taking []entry
			for _, at := range pr.behind[iface] {
				if pr.at(at).takesTagged(v) {
					taking = append(taking, at)
				}
			}
			if !leaks.full() {
				s.from(source{at: entry{nobody, nobody}, pi: i, place: Place{Port: vlanIface(iface, v), Pi: pr.plan.Pis[i].Name}}, taking, v)
			}
		}
	}
}

func (pr *proof) place(at entry) Place {
	p := pr.at(at)
	place := Place{Switch: pr.switches[at.sw].name, Port: p.name}
	if p.pi != nobody {
		place.Pi = pr.plan.Pis[p.pi].Name
	}
	return place
}

// pathStep is a part of [LeakError.Path].
func (pr *proof) pathStep(h hop) string {
	sw := pr.switches[h.in.sw]
	return fmt.Sprintf("into %s by port %s in VLAN %d", sw.name, sw.ports[h.in.port].name, h.vid)
}
