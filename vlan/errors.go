package vlan

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNotApplied is wrapped by errors about a switch that accepted a change
	// and did not make it.
	ErrNotApplied = errors.New("the switch accepted the change and is not changed")
	// ErrNotSaved is wrapped when all is changed and proved, but would be lost
	// when the switch restarts.
	ErrNotSaved = errors.New("changed, but not saved")
	// ErrRollback is wrapped when a rollback did not bring back what was before.
	ErrRollback = errors.New("rollback is incomplete")
	// ErrUnsupported is wrapped by drivers asked for a step of a kind that they
	// did not list in [State.Can].
	ErrUnsupported = errors.ErrUnsupported
)

// SpecError is a value of a [Spec] or a [Plan] that cannot be.
type SpecError struct {
	// Field is where it is: `Shelves[0].Pis[3].Name`.
	Field string
	// Value is what it is. It may have been written by anybody.
	Value string
	// Why says what is wrong with it.
	Why string
}

// Error quotes the value.
func (e *SpecError) Error() string {
	return fmt.Sprintf("vlan: %s %q %s", e.Field, e.Value, e.Why)
}

// CollisionError is two that want the same number.
type CollisionError struct {
	// Field is where the second is, and Value the number.
	Field, Value string
	// With is what has it already.
	With string
}

// Error says what to do about it.
func (e *CollisionError) Error() string {
	return fmt.Sprintf("vlan: %s %q is that of %s", e.Field, e.Value, e.With)
}

// CapacityError is a need beyond what there is.
type CapacityError struct {
	// Field is what runs out: `VLANs`, `Private`, `Limits.VLANs` and so on.
	Field string
	// Where is the switch or shelf, if it is one's.
	Where string
	// Need is what is wanted and Have what there is.
	Need, Have int
}

// Error has the numbers.
func (e *CapacityError) Error() string {
	where := ""
	if e.Where != "" {
		where = fmt.Sprintf(" of %q", e.Where)
	}
	return fmt.Sprintf("vlan: %s%s has room for %d, and %d are needed", e.Field, where, e.Have, e.Need)
}

// Place is a port of a switch, or an interface of the file server.
type Place struct {
	// Switch is empty for the file server.
	Switch, Port string
	// Pi is the one that is plugged in, or whose VLAN the interface is, if any.
	Pi string
}

// String names it.
func (p Place) String() string {
	at := p.Switch + " port " + p.Port
	if p.Switch == "" {
		at = "the file server's " + p.Port
	}
	if p.Pi == "" {
		return at
	}
	return p.Pi + " (" + at + ")"
}

// LeakError is a way for frames from A to B that should not be.
type LeakError struct {
	// A sends and B receives.
	A, B Place
	// VID is the VLAN in which they get to B.
	VID VID
	// Path is the way: "sw1 port 3: VLAN 11", and so on.
	Path []string
}

// Error has both ends, the VLAN and the way.
func (e *LeakError) Error() string {
	return fmt.Sprintf("vlan: frames from %v reach %v in VLAN %d: %s", e.A, e.B, e.VID, strings.Join(e.Path, "; "))
}

// StateError is a property of a switch that is not what the plan says.
type StateError struct {
	Switch, Port string
	// Field is the property, as in [PortState].
	Field      string
	Have, Want string
}

// Error has both values.
func (e *StateError) Error() string {
	return fmt.Sprintf("vlan: %s port %s: %s is %q and must be %q", e.Switch, e.Port, e.Field, e.Have, e.Want)
}
