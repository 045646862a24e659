package vlan

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Diff is the steps from have to want, in an order in which a switch stopped
// half-way lets no frame through that it did not let through before:
//
//  1. VLANs are made and named.
//  2. Ports of Pis, routers and nobody filter what comes in and are isolated; no
//     one of them can send into a VLAN that comes to be later.
//  3. Ports leave the native VLAN, and private VLANs that are not theirs, unless
//     that is the VLAN of their untagged frames. That goes for ports outside of
//     the plan too, which lose their PVID if it is private.
//  4. Trunks join VLANs.
//  5. Ports of Pis join their VLANs, then their PVID is set, then they leave the
//     old ones. One whose VLAN another Pi is still in waits for that; where they
//     wait for one another, one is parked in no VLAN.
//  6. Kinds of frames are set, and Pis join the public VLAN.
//  7. Trunks leave what they should not carry, and the VLAN 1.
//  8. VLANs of Pis that are gone from the switch are deleted, if they have the
//     name that the plan gave them.
//
// What the driver cannot do, by have.Can, is left out. A port of the plan that the
// switch does not have is an error (fs.ErrNotExist), and so is a VLAN that has
// another name and a port outside of the plan in it ([*CollisionError]), because
// it is in use for something else.
func Diff(have State, want SwitchConfig) ([]Step, error) {
	d := differ{want: want, now: have.Clone(), planned: make(map[string]bool), trunk: make(map[string]bool)}
	if err := d.match(); err != nil {
		return nil, err
	}
	for _, phase := range []func(){
		d.make, d.guard, d.clear, d.strip, d.strangers, d.carry, d.settle, d.frames, d.public, d.trunks, d.edges, d.remove,
	} {
		d.fence = len(d.steps) > 0
		phase()
	}
	return d.steps, d.err
}

// differ makes steps, and does them to a state of its own as it goes.
type differ struct {
	want    SwitchConfig
	now     State
	planned map[string]bool // ports that the plan decides about
	trunk   map[string]bool // those of them that are trunks, or a part of one
	steps   []Step
	err     error
	stage   int
	fence   bool // the next step begins a stage
}

// do adds a step, unless what it does is so already.
func (d *differ) do(s Step) {
	if s.In(d.now) || d.err != nil {
		return
	}
	if n := len(d.steps); n > 0 && (d.fence || d.steps[n-1].Op != s.Op) {
		d.stage++
	}
	s.Stage, d.fence = d.stage, false
	d.err = d.now.change(s)
	d.steps = append(d.steps, s)
}

func (d *differ) can(f Feature) bool { return d.now.Can.Has(f) }

func (d *differ) match() error {
	for _, m := range d.want.Ports {
		if _, there := d.now.Ports[m.Port]; !there {
			return fmt.Errorf("vlan: %s port %q: %w", d.want.Name, m.Port, fs.ErrNotExist)
		}
		d.planned[m.Port], d.trunk[m.Port] = true, m.Role == TrunkPort
		for _, member := range m.Members {
			d.planned[member], d.trunk[member] = true, true
		}
	}
	return d.foreign()
}

// foreign finds a VLAN of ours that is in use for something else: it has another
// name, and a port outside of the plan in it.
func (d *differ) foreign() error {
	if !d.can(CanName) {
		return nil
	}
	ours := slices.Clone(d.want.VLANs)
	for i, v := range d.want.Retired {
		ours = append(ours, VLAN{ID: v, Name: d.want.retiredName(i)})
	}
	others := d.others()
	for _, v := range ours {
		name, there := d.now.VLANs[v.ID]
		if !there || name == v.Name {
			continue
		}
		for _, port := range others {
			if now := d.now.Ports[port]; now.Member(v.ID) || now.PVID == v.ID {
				return &CollisionError{
					Field: "VLAN of " + d.want.Name, Value: strconv.Itoa(int(v.ID)),
					With: fmt.Sprintf("%q, which port %s is in: keep the identifier free, by Reserved, or the port out", name, port),
				}
			}
		}
	}
	return nil
}

// others are the ports outside of the plan, in order.
func (d *differ) others() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(d.now.Ports)) {
		if !d.planned[name] {
			names = append(names, name)
		}
	}
	return names
}

func (d *differ) make() {
	for _, v := range d.want.VLANs {
		if _, there := d.now.VLANs[v.ID]; !there {
			d.do(Step{Op: CreateVLAN, VID: v.ID, Name: v.Name})
		}
	}
	for _, v := range d.want.VLANs {
		if d.can(CanName) {
			d.do(Step{Op: RenameVLAN, VID: v.ID, Name: v.Name})
		}
	}
}

// each calls fn for the ports of the plan that are trunks, or that are none.
func (d *differ) each(trunks bool, fn func(m PortMode, now PortState)) {
	for _, m := range d.want.Ports {
		if (m.Role == TrunkPort) == trunks {
			fn(m, d.now.Ports[m.Port])
		}
	}
}

func (d *differ) guard() {
	if d.can(CanIngress) {
		d.each(false, func(m PortMode, _ PortState) { d.do(Step{Op: SetIngress, Port: m.Port, On: m.Ingress}) })
	}
	if d.can(CanIsolate) {
		d.each(false, func(m PortMode, _ PortState) {
			if m.Isolated {
				d.do(Step{Op: SetIsolated, Port: m.Port, On: true})
			}
		})
	}
}

// clear empties the native VLAN, where ports are put out of the way.
func (d *differ) clear() {
	for _, name := range slices.Sorted(maps.Keys(d.now.Ports)) {
		if d.now.Ports[name].Member(d.want.Native) && !d.trunk[name] {
			d.do(Step{Op: Leave, Port: name, VID: d.want.Native})
		}
	}
}

// strip takes ports out of private VLANs that are not theirs.
func (d *differ) strip() {
	d.each(true, func(m PortMode, now PortState) {
		if d.want.Private.Contains(now.PVID) {
			d.do(Step{Op: SetPVID, Port: m.Port, VID: m.PVID})
		}
	})
	for _, m := range d.want.Ports {
		now := d.now.Ports[m.Port]
		d.leave(m.Port, now.Tagged, func(v VID) bool { return d.want.Private.Contains(v) && !m.Member(v) && v != now.PVID })
		d.leave(m.Port, now.Untagged, func(v VID) bool { return d.want.Private.Contains(v) && !m.Member(v) && v != now.PVID })
	}
}

func (d *differ) leave(port string, from VIDs, when func(VID) bool) {
	for _, v := range from {
		if when(v) {
			d.do(Step{Op: Leave, Port: port, VID: v})
		}
	}
}

// strangers takes ports outside of the plan out of private VLANs, and leaves them
// alone otherwise. One that sent into a private VLAN sends nowhere afterwards.
func (d *differ) strangers() {
	others := d.others()
	for _, name := range others {
		if d.want.Private.Contains(d.now.Ports[name].PVID) {
			d.do(Step{Op: SetPVID, Port: name, VID: d.want.Native})
		}
	}
	for _, name := range others {
		d.leave(name, d.now.Ports[name].Untagged, d.want.Private.Contains)
		d.leave(name, d.now.Ports[name].Tagged, d.want.Private.Contains)
	}
	for _, name := range others {
		if d.can(CanIngress) {
			d.do(Step{Op: SetIngress, Port: name, On: true})
		}
	}
}

func (d *differ) carry() {
	d.each(true, func(m PortMode, now PortState) {
		for _, v := range m.Tagged {
			d.do(Step{Op: Join, Port: m.Port, VID: v})
		}
	})
}

// settle moves ports that are no trunks to the VLAN of their untagged frames.
func (d *differ) settle() {
	var pending []PortMode
	d.each(false, func(m PortMode, _ PortState) { pending = append(pending, m) })
	for len(pending) > 0 && d.err == nil {
		holders := d.holders()
		var ready, waiting []PortMode
		for _, m := range pending {
			if v := m.main(); d.want.Private.Contains(v) && holders[v].besides(m.Port) {
				waiting = append(waiting, m)
			} else {
				ready = append(ready, m)
			}
		}
		if len(ready) == 0 {
			d.park(waiting[0])
		}
		d.move(ready)
		pending = waiting
	}
}

// main is the VLAN of untagged frames, 0 for none.
func (m PortMode) main() VID {
	if len(m.Untagged) == 0 {
		return 0
	}
	return m.Untagged[0]
}

// ports are some that are in a VLAN: how many, and one of them.
type ports struct {
	n   int
	any string
}

func (p ports) besides(name string) bool { return p.n > 1 || p.n == 1 && p.any != name }

// holders are the ports that are no trunks in each private VLAN, or that send into
// it.
func (d *differ) holders() map[VID]ports {
	in := make(map[VID]ports)
	d.each(false, func(m PortMode, now PortState) {
		set := append(slices.Clone(now.Untagged), now.Tagged...)
		if !now.Member(now.PVID) {
			set = append(set, now.PVID)
		}
		for _, v := range set {
			if d.want.Private.Contains(v) {
				in[v] = ports{in[v].n + 1, m.Port}
			}
		}
	})
	return in
}

// park takes a port out of its private VLAN, into none.
func (d *differ) park(m PortMode) {
	d.do(Step{Op: SetPVID, Port: m.Port, VID: d.want.Native})
	now := d.now.Ports[m.Port]
	d.leave(m.Port, now.Untagged, d.want.Private.Contains)
	d.leave(m.Port, now.Tagged, d.want.Private.Contains)
}

func (d *differ) move(ready []PortMode) {
	for _, m := range ready {
		if v := m.main(); v != 0 {
			d.do(Step{Op: Join, Port: m.Port, VID: v, Untagged: true})
		}
	}
	for _, m := range ready {
		if m.main() != 0 || d.now.Ports[m.Port].PVID != 0 {
			d.do(Step{Op: SetPVID, Port: m.Port, VID: m.PVID})
		}
	}
	for _, m := range ready {
		now := d.now.Ports[m.Port]
		d.leave(m.Port, now.Untagged, func(v VID) bool { return !m.Member(v) })
		d.leave(m.Port, now.Tagged, func(v VID) bool { return !m.Member(v) })
	}
}

func (d *differ) frames() {
	if d.can(CanFrames) {
		d.each(false, func(m PortMode, _ PortState) { d.do(Step{Op: SetFrames, Port: m.Port, Frames: m.Frames}) })
	}
}

func (d *differ) public() {
	d.each(false, func(m PortMode, _ PortState) {
		for _, v := range m.Tagged {
			d.do(Step{Op: Join, Port: m.Port, VID: v})
		}
	})
}

func (d *differ) trunks() {
	d.each(true, func(m PortMode, now PortState) {
		if now.PVID != 0 {
			d.do(Step{Op: SetPVID, Port: m.Port, VID: m.PVID})
		}
	})
	d.each(true, func(m PortMode, now PortState) {
		unwanted := func(v VID) bool { return !m.Member(v) }
		d.leave(m.Port, now.Untagged, unwanted)
		d.leave(m.Port, now.Tagged, unwanted)
	})
	if d.can(CanFrames) {
		d.each(true, func(m PortMode, _ PortState) { d.do(Step{Op: SetFrames, Port: m.Port, Frames: m.Frames}) })
	}
	if d.can(CanIngress) {
		d.each(true, func(m PortMode, _ PortState) { d.do(Step{Op: SetIngress, Port: m.Port, On: m.Ingress}) })
	}
}

func (d *differ) edges() {
	for _, m := range d.want.Ports {
		if d.can(CanIsolate) {
			d.do(Step{Op: SetIsolated, Port: m.Port, On: m.Isolated})
		}
	}
	for _, m := range d.want.Ports {
		if d.can(CanEdge) {
			d.do(Step{Op: SetEdge, Port: m.Port, On: m.Edge})
		}
	}
}

func (d *differ) remove() {
	for i, v := range d.want.Retired {
		if name := d.now.VLANs[v]; !d.can(CanName) || name == d.want.retiredName(i) {
			d.do(Step{Op: DeleteVLAN, VID: v})
		}
	}
}

// Unmanaged are the properties that a plan asks for and a driver with those
// features does not set: they must be set by other means, such as the text that a
// renderer writes.
func Unmanaged(can Feature) []string {
	var left []string
	for _, f := range []struct {
		Feature
		name string
	}{{CanIngress, "ingress filtering"}, {CanFrames, "acceptable frames"}, {CanIsolate, "port isolation"}, {CanEdge, "edge ports"}, {CanName, "names of VLANs"}} {
		if !can.Has(f.Feature) {
			left = append(left, f.name)
		}
	}
	return left
}

// String is the names of the features.
func (f Feature) String() string {
	var names []string
	for i, name := range []string{"ingress", "frames", "isolate", "edge", "name"} {
		if f.Has(1 << i) {
			names = append(names, name)
		}
	}
	return cmp.Or(strings.Join(names, ","), "none")
}
