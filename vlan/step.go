package vlan

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// Op is a kind of step.
type Op uint8

// The kinds of steps. Each touches one VLAN, one membership, or one property of a
// port; what follows the kind are the fields of [Step] that it has.
const (
	CreateVLAN  Op = iota + 1 // VID, Name
	RenameVLAN                // VID, Name
	DeleteVLAN                // VID, which no port is a member of any more
	Join                      // Port, VID, Untagged; changes the kind of a member
	Leave                     // Port, VID
	SetPVID                   // Port, VID, 0 for none
	SetIngress                // Port, On
	SetFrames                 // Port, Frames
	SetIsolated               // Port, On
	SetEdge                   // Port, On
)

// Step is one change of a switch. Doing one again changes nothing.
type Step struct {
	Op       Op
	Port     string
	VID      VID
	Name     string
	Untagged bool
	On       bool
	Frames   Frames
	// Stage counts from 0. Steps of one stage are independent of one another and
	// of one kind, so that they can be sent at once and read back at once.
	Stage int
}

// String says what the step does, for people.
func (s Step) String() string {
	switch s.Op {
	case CreateVLAN:
		return fmt.Sprintf("create VLAN %d %q", s.VID, s.Name)
	case RenameVLAN:
		return fmt.Sprintf("name VLAN %d %q", s.VID, s.Name)
	case DeleteVLAN:
		return fmt.Sprintf("delete VLAN %d", s.VID)
	case Join:
		return fmt.Sprintf("port %s: join VLAN %d %s", s.Port, s.VID, map[bool]string{true: "untagged", false: "tagged"}[s.Untagged])
	case Leave:
		return fmt.Sprintf("port %s: leave VLAN %d", s.Port, s.VID)
	case SetPVID:
		return fmt.Sprintf("port %s: PVID %d", s.Port, s.VID)
	case SetIngress:
		return fmt.Sprintf("port %s: ingress filtering %t", s.Port, s.On)
	case SetFrames:
		return fmt.Sprintf("port %s: accept %s frames", s.Port, s.Frames)
	case SetIsolated:
		return fmt.Sprintf("port %s: isolated %t", s.Port, s.On)
	case SetEdge:
		return fmt.Sprintf("port %s: edge %t", s.Port, s.On)
	}
	return fmt.Sprintf("unknown step %d", s.Op)
}

// Clone is a copy that shares nothing with the state.
func (s State) Clone() State {
	s.VLANs, s.Ports = maps.Clone(s.VLANs), maps.Clone(s.Ports)
	if s.VLANs == nil {
		s.VLANs = make(map[VID]string)
	}
	if s.Ports == nil {
		s.Ports = make(map[string]PortState)
	}
	for name, p := range s.Ports {
		p.Untagged, p.Tagged = slices.Clone(p.Untagged), slices.Clone(p.Tagged)
		s.Ports[name] = p
	}
	return s
}

// Equal compares states; no VLANs and nil are the same.
func (s State) Equal(other State) bool {
	return s.Can == other.Can && maps.Equal(s.VLANs, other.VLANs) && maps.EqualFunc(s.Ports, other.Ports, PortState.Equal)
}

// Equal compares states of ports; empty sets and nil are the same.
func (p PortState) Equal(other PortState) bool {
	return p.PVID == other.PVID && p.Untagged.Equal(other.Untagged) && p.Tagged.Equal(other.Tagged) &&
		p.Ingress == other.Ingress && p.Frames == other.Frames && p.Isolated == other.Isolated && p.Edge == other.Edge
}

// Member reports whether the port is a member of a VLAN.
func (p PortState) Member(v VID) bool { return p.Untagged.Contains(v) || p.Tagged.Contains(v) }

// After is the state after a step, on a switch that does what it is told. The
// state itself is left as it was. A step that a switch would refuse is an error:
// of a port or VLAN that is not there (fs.ErrNotExist), or of one that is in use.
func (s State) After(step Step) (State, error) {
	s.VLANs, s.Ports = maps.Clone(s.VLANs), maps.Clone(s.Ports)
	return s, s.change(step)
}

// change makes the change in place; the sets of ports are replaced, not changed.
func (s State) change(step Step) error {
	if step.Port == "" {
		return s.changeVLAN(step)
	}
	p, there := s.Ports[step.Port]
	if !there {
		return fmt.Errorf("vlan: %v: port: %w", step, fs.ErrNotExist)
	}
	if _, there := s.VLANs[step.VID]; !there && (step.Op == Join || step.Op == SetPVID && step.VID != 0) {
		return fmt.Errorf("vlan: %v: VLAN: %w", step, fs.ErrNotExist)
	}
	switch step.Op {
	case Join:
		p.Untagged, p.Tagged = p.Untagged.Without(step.VID), p.Tagged.Without(step.VID)
		if step.Untagged {
			p.Untagged = p.Untagged.With(step.VID)
		} else {
			p.Tagged = p.Tagged.With(step.VID)
		}
	case Leave:
		p.Untagged, p.Tagged = p.Untagged.Without(step.VID), p.Tagged.Without(step.VID)
	case SetPVID:
		p.PVID = step.VID
	case SetIngress:
		p.Ingress = step.On
	case SetFrames:
		p.Frames = step.Frames
	case SetIsolated:
		p.Isolated = step.On
	case SetEdge:
		p.Edge = step.On
	default:
		return fmt.Errorf("vlan: %v: %w", step, ErrUnsupported)
	}
	s.Ports[step.Port] = p
	return nil
}

func (s State) changeVLAN(step Step) error {
	_, there := s.VLANs[step.VID]
	switch {
	case !step.VID.Valid():
		return fmt.Errorf("vlan: %v: not a VLAN identifier", step)
	case step.Op == CreateVLAN, step.Op == RenameVLAN && there:
		s.VLANs[step.VID] = step.Name
	case step.Op == RenameVLAN:
		return fmt.Errorf("vlan: %v: %w", step, fs.ErrNotExist)
	case step.Op == DeleteVLAN:
		for name, p := range s.Ports {
			if p.Member(step.VID) || p.PVID == step.VID {
				return fmt.Errorf("vlan: %v: port %s is in it", step, name)
			}
		}
		delete(s.VLANs, step.VID)
	default:
		return fmt.Errorf("vlan: %v: %w", step, ErrUnsupported)
	}
	return nil
}

// In reports whether a state is as the step would leave it.
func (s Step) In(state State) bool {
	name, there := state.VLANs[s.VID]
	p := state.Ports[s.Port]
	switch s.Op {
	case CreateVLAN:
		return there && (name == s.Name || !state.Can.Has(CanName))
	case RenameVLAN:
		return there && name == s.Name
	case DeleteVLAN:
		return !there
	case Join:
		return p.Untagged.Contains(s.VID) == s.Untagged && p.Tagged.Contains(s.VID) == !s.Untagged
	case Leave:
		return !p.Member(s.VID)
	case SetPVID:
		return p.PVID == s.VID
	case SetIngress:
		return p.Ingress == s.On
	case SetFrames:
		return p.Frames == s.Frames
	case SetIsolated:
		return p.Isolated == s.On
	case SetEdge:
		return p.Edge == s.On
	}
	return false
}

// Undo is the step that brings back what the step changes, to what it is in the
// state before.
func (s Step) Undo(before State) Step {
	undo := s
	name, there := before.VLANs[s.VID]
	p := before.Ports[s.Port]
	switch s.Op {
	case CreateVLAN, RenameVLAN, DeleteVLAN:
		switch {
		case !there:
			undo = Step{Op: DeleteVLAN, VID: s.VID}
		case s.Op == DeleteVLAN:
			undo = Step{Op: CreateVLAN, VID: s.VID, Name: name}
		default:
			undo = Step{Op: RenameVLAN, VID: s.VID, Name: name}
		}
	case Join, Leave:
		undo = Step{Op: Join, Port: s.Port, VID: s.VID, Untagged: p.Untagged.Contains(s.VID)}
		if !p.Member(s.VID) {
			undo = Step{Op: Leave, Port: s.Port, VID: s.VID}
		}
	case SetPVID:
		undo.VID = p.PVID
	case SetIngress:
		undo.On = p.Ingress
	case SetFrames:
		undo.Frames = p.Frames
	case SetIsolated:
		undo.On = p.Isolated
	case SetEdge:
		undo.On = p.Edge
	}
	undo.Stage = s.Stage
	return undo
}
