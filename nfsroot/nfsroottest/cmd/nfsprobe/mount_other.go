//go:build !linux

package main

import (
	"errors"
	"fmt"
)

func mount(source, _, _ string) error {
	return fmt.Errorf("mount %s: %w", source, errors.ErrUnsupported)
}
