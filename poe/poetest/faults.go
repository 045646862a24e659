package poetest

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrTimeout is the error of an order or a question whose answer did not come.
var ErrTimeout = errors.New("poetest: no answer")

// SwitchFaults are what is wrong with a [Switch]. The zero value is nothing.
type SwitchFaults struct {
	// Fail is asked at each call, and its error is what the call fails with,
	// without effect. FailAt makes such a function.
	Fail func(Call) error
	// Latency is how long each call takes.
	Latency time.Duration
	// Hang has calls wait until their context ends.
	Hang bool

	// ReadOnly refuses orders with poe.ErrReadOnly.
	ReadOnly bool
	// Ignore has orders taken and not carried out, as the driver notices:
	// poe.ErrNotApplied.
	Ignore bool
	// Lie is the same, and the driver does not notice.
	Lie bool
	// LoseAnswers has orders carried out, with ErrTimeout as all that is heard.
	LoseAnswers bool
	// Late has orders carried out only after this time, with ErrTimeout at once.
	Late time.Duration
	// Repeat has orders carried out at once, and a second time after this time,
	// as a copy that the network held back.
	Repeat time.Duration

	// StuckOn has ports give power though they are off, DeadPorts none though
	// they are on and something is plugged in.
	StuckOn, DeadPorts bool
	// SearchingWhenOff shows ports that are off as searching.
	SearchingWhenOff bool
	// NoBudgets makes a switch that tells nothing of its supply, SupplyFaulty
	// one whose supply says that it is faulty.
	NoBudgets, SupplyFaulty bool
}

// Call is a call of a method of a [Switch].
type Call struct {
	Number int       // from 1
	At     time.Time // when it came
	Op     string    // "ports", "port", "set" or "budgets"
	Port   string    // of "port" and "set"
	On     bool      // of "set"
}

// FailAt returns a function for [SwitchFaults].Fail by which the call with a number
// fails, and those after it while they are fewer than times.
func FailAt(number, times int, err error) func(Call) error {
	return func(c Call) error {
		if c.Number >= number && c.Number < number+times {
			return err
		}
		return nil
	}
}

// SetFaults replaces what is wrong.
func (s *Switch) SetFaults(f SwitchFaults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(time.Now())
	s.faults = f
}

// Calls returns all calls so far.
func (s *Switch) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Orders returns the calls of SetAdmin so far.
func (s *Switch) Orders() []Call {
	return slices.DeleteFunc(s.Calls(), func(c Call) bool { return c.Op != "set" })
}

// errAfterwards is for a call that takes effect before it fails.
var errAfterwards = errors.New("poetest: carried out")

// begin writes the call down, and has it suffer from what is wrong.
func (s *Switch) begin(ctx context.Context, c Call) error {
	s.mu.Lock()
	c.Number, c.At = len(s.calls)+1, time.Now()
	s.calls = append(s.calls, c)
	f := s.faults
	s.mu.Unlock()

	if f.Hang {
		<-ctx.Done()
	} else if f.Latency > 0 {
		timer := time.NewTimer(f.Latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if f.Fail != nil {
		if err := f.Fail(c); err != nil {
			return err
		}
	}
	if f.LoseAnswers && c.Op == "set" {
		return errAfterwards
	}
	return nil
}
