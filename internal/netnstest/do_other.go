//go:build !linux

package netnstest

import "errors"

// do is never reached: New skips the test on this system.
func (ns *NS) do(func() error) error { return errors.ErrUnsupported }
