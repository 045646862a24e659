//go:build !linux

package handover

import (
	"errors"
	"fmt"
	"syscall"
)

func closeOnExec(int) error { return errors.ErrUnsupported }

// Store is for Linux only: the error wraps errors.ErrUnsupported.
func Store(name string, _ syscall.Conn) error {
	return fmt.Errorf("handover: store %s: %w", name, errors.ErrUnsupported)
}

// Forget is for Linux only: the error wraps errors.ErrUnsupported.
func Forget(name string) error {
	return fmt.Errorf("handover: forget %s: %w", name, errors.ErrUnsupported)
}

// Exec is for Linux only: the error wraps errors.ErrUnsupported.
func Exec(path string, _, _ []string, _ map[string]syscall.Conn) error {
	return fmt.Errorf("handover: exec %s: %w", path, errors.ErrUnsupported)
}
