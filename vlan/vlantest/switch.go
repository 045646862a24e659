package vlantest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/mythic-beasts/hostkit/vlan"
)

// ErrFault is wrapped by errors that [Faults] ask for.
var ErrFault = errors.New("fault of the fake switch")

// Fault is what is wrong with one change.
type Fault uint8

const (
	// Refuse is an error, and nothing changes.
	Refuse Fault = iota + 1
	// Ignore is no error, and nothing changes. Some switches do that.
	Ignore
	// Late is an error, and the change is made: an answer that was lost.
	Late
)

// Faults are what goes wrong. The zero value is nothing.
type Faults struct {
	// Step is by the number of the call of Do, from 1.
	Step map[int]Fault
	// Read fails, by the number of the call of Read.
	Read map[int]error
	// Save is what Save returns.
	Save error
	// Dead is the call of Do from which on all calls fail. Zero is never.
	Dead int
	// Follow has a port leave the VLAN of its old PVID, and join that of the new
	// one untagged, when the PVID is set: that is what an access port does, which
	// is one that is a member of no VLAN with a tag.
	Follow bool
	// Strict refuses to take a port out of the VLAN that is its PVID.
	Strict bool
	// Before is called before each change, with its number.
	Before func(n int, s vlan.Step)
}

// Switch is a switch in memory. It is a [vlan.Driver] and safe for concurrent use.
type Switch struct {
	// Faults may be set while the switch is not in use.
	Faults Faults

	mu    sync.Mutex // guards the following
	state vlan.State
	saved vlan.State
	done  []vlan.Step
	calls int
	reads int
	saves int
	dead  bool
}

var _ vlan.Driver = (*Switch)(nil)

// NewSwitch makes a switch as it is delivered: all ports are in VLAN 1 without a
// tag, take all frames and filter none.
func NewSwitch(ports ...string) *Switch {
	s := vlan.State{
		VLANs: map[vlan.VID]string{1: "default"}, Ports: make(map[string]vlan.PortState, len(ports)),
		Can: vlan.CanIngress | vlan.CanFrames | vlan.CanIsolate | vlan.CanEdge | vlan.CanName,
	}
	for _, name := range ports {
		s.Ports[name] = vlan.PortState{PVID: 1, Untagged: vlan.VIDs{1}}
	}
	return SwitchOf(s)
}

// SwitchFor makes one with the ports that a configuration needs, and more.
func SwitchFor(c vlan.SwitchConfig, more ...string) *Switch {
	ports := slices.Clone(more)
	for _, m := range c.Ports {
		ports = append(ports, m.Port)
	}
	return NewSwitch(ports...)
}

// SwitchOf makes one in a state.
func SwitchOf(s vlan.State) *Switch { return &Switch{state: s.Clone(), saved: s.Clone()} }

// State is that of now.
func (sw *Switch) State() vlan.State {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	return sw.state.Clone()
}

// Saved is what the switch would start with.
func (sw *Switch) Saved() vlan.State {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	return sw.saved.Clone()
}

// Done are the changes that were made, in order.
func (sw *Switch) Done() []vlan.Step {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	return slices.Clone(sw.done)
}

// Calls is how often the switch was read, changed and saved.
func (sw *Switch) Calls() (reads, changes, saves int) {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	return sw.reads, sw.calls, sw.saves
}

// Set changes a port behind the driver's back.
func (sw *Switch) Set(port string, p vlan.PortState) {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	sw.state.Ports[port] = p
}

// Read returns the state.
func (sw *Switch) Read(ctx context.Context) (vlan.State, error) {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	sw.reads++
	if err := sw.alive(ctx); err != nil {
		return vlan.State{}, fmt.Errorf("read: %w", err)
	}
	if err := sw.Faults.Read[sw.reads]; err != nil {
		return vlan.State{}, fmt.Errorf("read: %w: %w", ErrFault, err)
	}
	return sw.state.Clone(), nil
}

func (sw *Switch) alive(ctx context.Context) error {
	if sw.dead {
		return fmt.Errorf("%w: dead", ErrFault)
	}
	return ctx.Err()
}

// Do makes a change.
func (sw *Switch) Do(ctx context.Context, s vlan.Step) error {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	sw.calls++
	if sw.Faults.Before != nil {
		sw.Faults.Before(sw.calls, s)
	}
	sw.dead = sw.dead || sw.Faults.Dead > 0 && sw.calls >= sw.Faults.Dead
	if err := sw.alive(ctx); err != nil {
		return fmt.Errorf("%v: %w", s, err)
	}
	switch sw.Faults.Step[sw.calls] {
	case Refuse:
		return fmt.Errorf("%v: %w", s, ErrFault)
	case Ignore:
		return nil
	case Late:
		if err := sw.change(s); err != nil {
			return err
		}
		return fmt.Errorf("%v: %w, and it is done", s, ErrFault)
	}
	return sw.change(s)
}

// Save keeps the state.
func (sw *Switch) Save(ctx context.Context) error {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	sw.saves++
	if err := sw.alive(ctx); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	if sw.Faults.Save != nil {
		return fmt.Errorf("save: %w", sw.Faults.Save)
	}
	sw.saved = sw.state.Clone()
	return nil
}

// needs are the features that steps are of.
var needs = map[vlan.Op]vlan.Feature{
	vlan.RenameVLAN: vlan.CanName, vlan.SetIngress: vlan.CanIngress, vlan.SetFrames: vlan.CanFrames,
	vlan.SetIsolated: vlan.CanIsolate, vlan.SetEdge: vlan.CanEdge,
}

func (sw *Switch) change(s vlan.Step) error {
	if !sw.state.Can.Has(needs[s.Op]) {
		return fmt.Errorf("%v: %w", s, vlan.ErrUnsupported)
	}
	old := sw.state.Ports[s.Port]
	if sw.Faults.Strict && s.Op == vlan.Leave && old.PVID == s.VID && old.Member(s.VID) {
		return fmt.Errorf("%v: it is the PVID", s)
	}
	next, err := sw.state.After(s)
	if err != nil {
		return err
	}
	if sw.Faults.Follow && s.Op == vlan.SetPVID && old.PVID != s.VID && len(old.Tagged) == 0 {
		p := next.Ports[s.Port]
		p.Untagged = p.Untagged.Without(old.PVID)
		if s.VID != 0 {
			p.Untagged, p.Tagged = p.Untagged.With(s.VID), p.Tagged.Without(s.VID)
		}
		next.Ports[s.Port] = p
	}
	sw.state = next
	sw.done = append(sw.done, s)
	return nil
}

// Batch is a switch that takes several steps at once, and stops at the first that
// fails.
type Batch struct{ *Switch }

var _ vlan.BatchDriver = Batch{}

// DoAll makes changes.
func (b Batch) DoAll(ctx context.Context, steps []vlan.Step) error {
	for _, s := range steps {
		if err := b.Do(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
