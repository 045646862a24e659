//go:build !linux

package boottree

import (
	"errors"
	"fmt"
)

func exchange(a, b string) error {
	return fmt.Errorf("exchange %s and %s: %w", a, b, errors.ErrUnsupported)
}
