package vlan

import (
	"context"
	"fmt"
	"strings"
	"time"
)

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

// BatchDriver is a Driver that is faster with several steps at once. They are of
// one stage, and must take effect as if done one after the other.
type BatchDriver interface {
	Driver
	DoAll(ctx context.Context, steps []Step) error
}

// ApplyOptions are how to apply. The zero value applies all and saves.
type ApplyOptions struct {
	// DryRun reads, and says what would be done.
	DryRun bool
	// NoSave leaves the configuration that the switch starts with as it was.
	NoSave bool
	// EveryStep reads the switch back after each step rather than each stage.
	EveryStep bool
	// RollbackTimeout is how long a rollback may take. It goes on when the
	// context is cancelled. Zero means a minute.
	RollbackTimeout time.Duration
}

// Report is what was done.
type Report struct {
	// Before is the switch as it was, After as it was last read.
	Before, After State
	// Steps are those needed, of which the first Done were done and seen to be.
	Steps []Step
	Done  int
	// Undone are the steps of the rollback, in their order.
	Undone []Step
	// Saved says that the switch starts with this from now on.
	Saved bool
	// Unmanaged are properties that the plan asks for and the driver does not
	// set, as [Unmanaged] names them.
	Unmanaged []string
}

// Apply makes a switch do what is wanted. It does the steps of [Diff], reads the
// switch after each stage of them and compares, reads it again at the end and
// finds no difference left, and only then saves.
//
// When a step fails, is accepted without effect (ErrNotApplied), or the context
// ends, everything is undone in reverse, as far as the switch says that it was
// done. What could not be undone is an error that wraps ErrRollback too. When all
// is done and proved but not saved, the error wraps ErrNotSaved and nothing is
// undone. The report is good with every error.
func Apply(ctx context.Context, d Driver, want SwitchConfig, o ApplyOptions) (Report, error) {
	a := applier{Driver: d, want: want, opts: o}
	err := a.run(ctx)
	if err != nil {
		err = fmt.Errorf("vlan: apply to %s: %w", want.Name, err)
	}
	return a.report, err
}

type applier struct {
	Driver
	want   SwitchConfig
	opts   ApplyOptions
	report Report
	tried  int // steps that may have been done
}

func (a *applier) run(ctx context.Context) error {
	before, err := a.Read(ctx)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	a.report.Before, a.report.After = before.Clone(), before.Clone()
	a.report.Unmanaged = Unmanaged(before.Can)
	if a.report.Steps, err = Diff(before, a.want); err != nil || a.opts.DryRun {
		return err
	}
	for round := 1; ; round++ {
		if err := a.doAll(ctx); err != nil {
			return a.rollback(ctx, err)
		}
		left, err := a.compare(ctx)
		if err == nil && len(left) == 0 {
			break
		}
		if err == nil && round == maxRounds {
			err = fmt.Errorf("%w: after all steps there is still left: %s", ErrNotApplied, list(left))
		}
		if err != nil {
			return a.rollback(ctx, err)
		}
		a.more(left)
	}
	if a.opts.NoSave {
		return nil
	}
	if err := a.Save(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrNotSaved, err)
	}
	a.report.Saved = true
	return nil
}

// maxRounds is how often steps are made, because a switch may do more than it is
// told: move a port by itself, say.
const maxRounds = 3

// more adds steps.
func (a *applier) more(steps []Step) {
	first := 0
	if n := len(a.report.Steps); n > 0 {
		first = a.report.Steps[n-1].Stage + 1
	}
	for _, s := range steps {
		s.Stage += first
		a.report.Steps = append(a.report.Steps, s)
	}
}

// doAll does what is left of the stages.
func (a *applier) doAll(ctx context.Context) error {
	for a.tried < len(a.report.Steps) {
		if err := ctx.Err(); err != nil {
			return err
		}
		rest := a.report.Steps[a.tried:]
		n := 1
		for !a.opts.EveryStep && n < len(rest) && rest[n].Stage == rest[0].Stage {
			n++
		}
		if err := a.doStage(ctx, rest[:n]); err != nil {
			return err
		}
		a.report.Done = a.tried
	}
	return nil
}

// doStage does steps and reads back that each took effect.
func (a *applier) doStage(ctx context.Context, steps []Step) error {
	if batch, ok := a.Driver.(BatchDriver); ok {
		a.tried += len(steps)
		if err := batch.DoAll(ctx, steps); err != nil {
			return fmt.Errorf("%s: %w", list(steps), err)
		}
	} else {
		for _, s := range steps {
			a.tried++
			if err := a.Do(ctx, s); err != nil {
				return fmt.Errorf("%v: %w", s, err)
			}
		}
	}
	if err := a.read(ctx); err != nil {
		return err
	}
	for _, s := range steps {
		if !s.In(a.report.After) {
			return fmt.Errorf("%v: %w", s, ErrNotApplied)
		}
	}
	return nil
}

// read reads the switch back.
func (a *applier) read(ctx context.Context) error {
	now, err := a.Read(ctx)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	a.report.After = now.Clone()
	return nil
}

// compare reads everything again, because a later step may have spoilt what an
// earlier one did, and returns what is left to do.
func (a *applier) compare(ctx context.Context) ([]Step, error) {
	if err := a.read(ctx); err != nil {
		return nil, err
	}
	left, err := Diff(a.report.After, a.want)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	return left, nil
}

// list is steps for an error message.
func list(steps []Step) string {
	const most = 5
	var b strings.Builder
	for i, s := range steps {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(steps)-most)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(s.String())
	}
	return b.String()
}
