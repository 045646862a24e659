//go:build !linux

package build

import (
	"context"
	"errors"
	"fmt"
)

// Run returns an error that wraps errors.ErrUnsupported: there are no
// namespaces here.
func (s *Sandbox) Run(context.Context, Command) error {
	return fmt.Errorf("sandbox: %w", errors.ErrUnsupported)
}
