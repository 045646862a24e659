package vlan

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
)

// Verify proves that the plan keeps Pis apart: that its numbers are sound, and
// that switches which do exactly what it says let no frame from one Pi's port to
// another's, nor to the file server in another Pi's name, other than in the public
// VLAN. The errors are those of [VerifyState].
func (p *Plan) Verify() error {
	if err := p.check(); err != nil {
		return err
	}
	states := make(map[string]State, len(p.Switches))
	for _, c := range p.Configs() {
		states[c.Name] = c.State()
	}
	return VerifyState(p, states)
}

// VerifyState proves that switches, read back, keep Pis apart. It needs the states
// of all switches of the plan, by name; fs.ErrNotExist is wrapped for one that is
// missing.
//
// Two things are proved. No frame that can be sent into a port, with any stack of
// VLAN tags, gets to a port that it must not get to: that is a [*LeakError] with
// both ports, the VLAN and the way. And ports are as the plan says in all that
// isolation rests on: the PVID is the untagged VLAN, a Pi is in no other but the
// public one and not in VLAN 1, trunks carry exactly their list, and the native
// VLAN has no members: a [*StateError] each. Several errors are joined, up to a
// hundred of either kind.
//
// What the proof takes for granted is in the package's README.
func VerifyState(p *Plan, states map[string]State) error {
	for _, sw := range p.Switches {
		if _, there := states[sw.Name]; !there {
			return fmt.Errorf("vlan: state of switch %q: %w", sw.Name, fs.ErrNotExist)
		}
	}
	faults := findings{most: maxFindings}
	for _, c := range p.Configs() {
		checkState(&faults, c, states[c.Name])
	}
	leaks := findings{most: maxFindings}
	newProof(p, states).run(&leaks)
	return errors.Join(append(leaks.all(), faults.all()...)...)
}

const maxFindings = 100

// findings are errors, up to some number of them.
type findings struct {
	errs []error
	most int
	more int
}

func (f *findings) add(err error) {
	if f.full() {
		f.more++
		return
	}
	f.errs = append(f.errs, err)
}

func (f *findings) full() bool { return len(f.errs) >= f.most }

func (f *findings) all() []error {
	if f.more == 0 {
		return f.errs
	}
	return append(f.errs, fmt.Errorf("vlan: and %d more of that kind", f.more))
}

// State is that of a switch which does exactly what the configuration says, and
// has no other ports.
func (c SwitchConfig) State() State {
	s := State{
		VLANs: make(map[VID]string, len(c.VLANs)+1), Ports: make(map[string]PortState, len(c.Ports)),
		Can: CanIngress | CanFrames | CanIsolate | CanEdge | CanName,
	}
	s.VLANs[1] = "default"
	for _, v := range c.VLANs {
		s.VLANs[v.ID] = v.Name
	}
	for _, m := range c.Ports {
		s.Ports[m.Port] = m.PortState
	}
	return s
}

// checkState compares what isolation rests on.
func checkState(f *findings, c SwitchConfig, have State) {
	planned := make(map[string]bool, len(c.Ports))
	var parts []string // of link aggregates
	for _, m := range c.Ports {
		planned[m.Port] = true
		parts = append(parts, m.Members...)
		for _, member := range m.Members {
			planned[member] = true
		}
		now, there := have.Ports[m.Port]
		if !there {
			f.add(&StateError{Switch: c.Name, Port: m.Port, Field: "port", Have: "missing", Want: "there"})
			continue
		}
		checkPortState(f, c.Name, m, now, have.Can)
	}
	for _, name := range slices.Sorted(maps.Keys(have.Ports)) {
		now := have.Ports[name]
		if now.Member(c.Native) && !slices.Contains(parts, name) {
			f.add(&StateError{Switch: c.Name, Port: name, Field: "membership", Have: strconv.Itoa(int(c.Native)), Want: "no member of the native VLAN"})
		}
		if !planned[name] {
			checkStranger(f, c, name, now)
		}
	}
}

func checkPortState(f *findings, sw string, m PortMode, now PortState, can Feature) {
	report := func(field string, have, want any) {
		f.add(&StateError{Switch: sw, Port: m.Port, Field: field, Have: fmt.Sprint(have), Want: fmt.Sprint(want)})
	}
	if now.PVID != m.PVID && (now.PVID != 0 || len(m.Untagged) > 0) {
		report("PVID", now.PVID, m.PVID)
	}
	if !now.Untagged.Equal(m.Untagged) {
		report("Untagged", now.Untagged, m.Untagged)
	}
	if !now.Tagged.Equal(m.Tagged) {
		report("Tagged", now.Tagged, m.Tagged)
	}
	if now.Ingress != m.Ingress {
		report("Ingress", now.Ingress, m.Ingress)
	}
	if can.Has(CanFrames) && now.Frames != m.Frames {
		report("Frames", now.Frames, m.Frames)
	}
	if can.Has(CanIsolate) && now.Isolated != m.Isolated {
		report("Isolated", now.Isolated, m.Isolated)
	}
}

// checkStranger looks at a port outside of the plan.
func checkStranger(f *findings, c SwitchConfig, name string, now PortState) {
	for _, v := range append(slices.Clone(now.Untagged), now.Tagged...) {
		if c.Private.Contains(v) {
			f.add(&StateError{Switch: c.Name, Port: name, Field: "membership", Have: strconv.Itoa(int(v)), Want: "no private VLAN"})
		}
	}
	if c.Private.Contains(now.PVID) {
		f.add(&StateError{Switch: c.Name, Port: name, Field: "PVID", Have: strconv.Itoa(int(now.PVID)), Want: "no private VLAN"})
	}
}
