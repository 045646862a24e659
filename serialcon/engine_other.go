//go:build !linux

package serialcon

import "context"

// A sweep exists on Linux only.
type sweep struct{}

func newSweep(*pipe, *Engine) (*sweep, error) { return nil, errNoSweep }

func (*sweep) run() {}

func (*sweep) close() {}

func (e *Engine) read(context.Context, *Console, Pollable) error {
	_ = e.current()
	_, _ = e.waits()
	return errNoSweep
}
