package vlan

import "errors"

// Verify proves that the plan keeps Pis apart.
func (p *Plan) Verify() error { return errors.ErrUnsupported }

// VerifyState proves that switches, read back, keep Pis apart.
func VerifyState(p *Plan, states map[string]State) error { return errors.ErrUnsupported }

// Diff is the steps from have to want.
func Diff(have State, want SwitchConfig) ([]Step, error) { return nil, errors.ErrUnsupported }

// After is the state after a step, on a switch that does what it is told.
func (s State) After(step Step) (State, error) { return State{}, errors.ErrUnsupported }
