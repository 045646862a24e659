package vlan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// claim says what a port is for, once.
func (b *builder) claim(field, sw, port, what string) error {
	if err := checkPort(field, port); err != nil {
		return err
	}
	key := sw + "\x00" + port
	if other, taken := b.places[key]; taken {
		return &CollisionError{Field: field, Value: port, With: other}
	}
	b.places[key] = what
	return nil
}

func (b *builder) switches() error {
	b.places, b.switchOf = make(map[string]string), make(map[string]int)
	b.own = make(map[string]*Shelf)
	for i := range b.spec.Shelves {
		shelf := &b.spec.Shelves[i]
		at := fmt.Sprintf("Shelves[%d]", i)
		if err := checkDevice(at+".Name", shelf.Name); err != nil {
			return err
		}
		if b.own[shelf.Name] != nil {
			return &CollisionError{Field: at + ".Name", Value: shelf.Name, With: "another shelf"}
		}
		b.own[shelf.Name] = shelf
		for j, sw := range shelf.Switches {
			field := fmt.Sprintf("%s.Switches[%d]", at, j)
			if err := checkDevice(field+".Name", sw.Name); err != nil {
				return err
			}
			if _, twice := b.switchOf[sw.Name]; twice {
				return &CollisionError{Field: field + ".Name", Value: sw.Name, With: "another switch"}
			}
			b.switchOf[sw.Name] = len(b.plan.Switches)
			sw.Limits, sw.Unused = b.limitsOf(sw.Limits), slices.Clone(sw.Unused)
			sw.Uplink.Members, sw.Uplink.ToMembers = slices.Clone(sw.Uplink.Members), slices.Clone(sw.Uplink.ToMembers)
			b.plan.Switches = append(b.plan.Switches, PlannedSwitch{Shelf: shelf.Name, Switch: sw})
			if err := b.ownPorts(field, sw); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) limitsOf(l Limits) Limits {
	return Limits{
		VLANs:     cmp.Or(l.VLANs, b.spec.Limits.VLANs),
		Instances: cmp.Or(l.Instances, b.spec.Limits.Instances),
		MaxVID:    cmp.Or(l.MaxVID, b.spec.Limits.MaxVID),
	}
}

// ownPorts claims those that are not Pis'.
func (b *builder) ownPorts(field string, sw Switch) error {
	if err := b.claimTrunk(field+".Uplink.Port", sw.Name, sw.Uplink.Port, sw.Uplink.Members); err != nil {
		return err
	}
	if sw.Router != "" {
		if b.spec.Public.VID == 0 {
			return bad(field+".Router", sw.Router, "has nothing to route: there is no Public network")
		}
		if err := b.claim(field+".Router", sw.Name, sw.Router, "the router"); err != nil {
			return err
		}
	}
	for i, port := range sw.Unused {
		if err := b.claim(fmt.Sprintf("%s.Unused[%d]", field, i), sw.Name, port, "nothing"); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) claimTrunk(field, sw, port string, members []string) error {
	if err := b.claim(field, sw, port, "a trunk"); err != nil {
		return err
	}
	for i, m := range members {
		if err := b.claim(fmt.Sprintf("%s.Members[%d]", field, i), sw, m, "the trunk "+port); err != nil {
			return err
		}
	}
	return nil
}

// uplinks checks that trunks make trees with the file server at their roots.
func (b *builder) uplinks() error {
	n := 0
	for i := range b.spec.Shelves {
		for j := range b.spec.Shelves[i].Switches {
			if err := b.uplink(fmt.Sprintf("Shelves[%d].Switches[%d].Uplink", i, j), &b.plan.Switches[n]); err != nil {
				return err
			}
			n++
		}
	}
	for i, sw := range b.plan.Switches {
		hops := 0
		for at := i; b.plan.Switches[at].Uplink.To != ""; hops++ {
			if hops > len(b.plan.Switches) {
				return bad("Uplink.To of "+sw.Name, sw.Uplink.To, "never gets to the file server")
			}
			at = b.switchOf[b.plan.Switches[at].Uplink.To]
		}
	}
	return nil
}

func (b *builder) uplink(field string, sw *PlannedSwitch) error {
	up := sw.Uplink
	if up.To == "" {
		if up.ToPort != "" || up.ToMembers != nil {
			return bad(field+".ToPort", up.ToPort, "is a port of no switch: To is the file server")
		}
		sw.Uplink.Iface = cmp.Or(up.Iface, b.plan.FileServer.Iface)
		return checkIface(field+".Iface", sw.Uplink.Iface)
	}
	if _, known := b.switchOf[up.To]; !known || up.To == sw.Name {
		return bad(field+".To", up.To, "is not another switch")
	}
	if up.Iface != "" {
		return bad(field+".Iface", up.Iface, "is an interface of the file server, and To is a switch")
	}
	return b.claimTrunk(field+".ToPort", up.To, up.ToPort, up.ToMembers)
}

// iface is the file server's interface that a switch gets to.
func (b *builder) iface(sw int) string {
	for b.plan.Switches[sw].Uplink.To != "" {
		sw = b.switchOf[b.plan.Switches[sw].Uplink.To]
	}
	return b.plan.Switches[sw].Uplink.Iface
}

// limits checks that each switch can have the VLANs that go through it.
func (b *builder) limits() error {
	t := newTree(b.plan)
	for i, sw := range b.plan.Switches {
		l := sw.Limits
		active := t.behind[i].With(1).With(b.plan.Native)
		for _, v := range []VID{b.plan.Public.VID, b.plan.Management} {
			if v != 0 {
				active = active.With(v)
			}
		}
		switch {
		case l.VLANs < 0 || l.Instances < 0:
			return bad("Limits of "+sw.Name, fmt.Sprintf("%d, %d", l.VLANs, l.Instances), "is less than nothing")
		case l.VLANs > 0 && len(active) > l.VLANs:
			return &CapacityError{Field: "Limits.VLANs", Where: sw.Name, Need: len(active), Have: l.VLANs}
		case l.Instances > 0 && len(active) > l.Instances:
			return &CapacityError{Field: "Limits.Instances", Where: sw.Name, Need: len(active), Have: l.Instances}
		case l.MaxVID > 0 && active[len(active)-1] > l.MaxVID:
			return bad("Limits.MaxVID of "+sw.Name, strconv.Itoa(int(l.MaxVID)),
				fmt.Sprintf("is below VLAN %d, which goes through the switch", active[len(active)-1]))
		}
	}
	return nil
}

// tree is the switches of a plan, as indices of its Switches.
type tree struct {
	index    map[string]int
	parent   []int    // -1: the file server
	children [][]int  // in the order of the plan
	local    [][]int  // indices of the Pis on each switch
	behind   []VIDs   // private VLANs of the Pis on a switch and below it
	routed   []bool   // whether a switch of the group has the router
	private  VIDs     // of all Pis and retired ones
	names    []string // whose each of those is
}

func newTree(p *Plan) *tree {
	n := len(p.Switches)
	t := &tree{
		index: make(map[string]int, n), parent: make([]int, n), children: make([][]int, n),
		local: make([][]int, n), behind: make([]VIDs, n), routed: make([]bool, n),
	}
	t.private, t.names = p.private()
	for i, sw := range p.Switches {
		t.index[sw.Name] = i
	}
	for i, pi := range p.Pis {
		sw := t.index[pi.Switch]
		t.local[sw] = append(t.local[sw], i)
		t.behind[sw] = append(t.behind[sw], pi.VID)
	}
	local := slices.Clone(t.behind)
	for i, sw := range p.Switches {
		t.parent[i] = -1
		if sw.Uplink.To != "" {
			t.parent[i] = t.index[sw.Uplink.To]
			t.children[t.parent[i]] = append(t.children[t.parent[i]], i)
		}
		for up := i; sw.Uplink.To != "" && p.Switches[up].Uplink.To != ""; {
			up = t.index[p.Switches[up].Uplink.To]
			t.behind[up] = append(slices.Clone(t.behind[up]), local[i]...)
		}
	}
	for i := range p.Switches {
		t.behind[i] = NewVIDs(t.behind[i]...)
		if p.Switches[i].Router != "" {
			t.routed[t.root(i)] = true
		}
	}
	for i := range p.Switches {
		t.routed[i] = t.routed[t.root(i)]
	}
	return t
}

func (t *tree) root(sw int) int {
	for t.parent[sw] >= 0 {
		sw = t.parent[sw]
	}
	return sw
}
