package vlan

import "context"

// Driver reads and changes one switch.
type Driver interface {
	// Read returns all ports and VLANs.
	Read(ctx context.Context) (State, error)
	// Do makes one change of the running configuration. Doing what is done
	// already is no error. After an error the change may have happened, or a part
	// of it.
	Do(ctx context.Context, s Step) error
	// Save makes the running configuration the one that the switch starts with.
	Save(ctx context.Context) error
}

// BatchDriver is a Driver that is faster with several steps at once. They must
// take effect as if done one after the other.
type BatchDriver interface {
	Driver
	DoAll(ctx context.Context, steps []Step) error
}

// ApplyOptions are how to apply. The zero value applies all and saves.
type ApplyOptions struct {
	// DryRun reads and says what would be done.
	DryRun bool
	// NoSave leaves the configuration that the switch starts with as it was.
	NoSave bool
	// EveryStep reads the switch back after each step rather than each stage.
	EveryStep bool
}

// Report is what was done.
type Report struct {
	// Before is the switch as it was, After as it is now.
	Before, After State
	// Steps are those needed, of which the first Done were done.
	Steps []Step
	Done  int
	// Undone are the steps of the rollback.
	Undone []Step
	// Saved says that the switch starts with this from now on.
	Saved bool
}

// Apply makes a switch do what is wanted.
func Apply(ctx context.Context, d Driver, want SwitchConfig, o ApplyOptions) (Report, error) {
	return Report{}, ErrUnsupported
}
