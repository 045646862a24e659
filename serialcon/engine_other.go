//go:build !linux

package serialcon

// A sweep exists on Linux only.
type sweep struct{}

func newSweep(*pipe, *Engine) (*sweep, error) { return nil, errNoSweep }

func (*sweep) run() {}

func (*sweep) close() {}

func (e *Engine) read(*Console, Pollable) (<-chan error, func(), error) {
	_ = e.current()
	_, _ = e.waits()
	return nil, nil, errNoSweep
}
