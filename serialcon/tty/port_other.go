//go:build !linux

package tty

import (
	"context"
	"errors"
	"fmt"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// Open is for Linux only: the error wraps errors.ErrUnsupported.
func (c Config) Open(context.Context) (serialcon.Port, error) {
	return nil, fmt.Errorf("tty: open %s: %w", c.Device, errors.ErrUnsupported)
}

// Await is for Linux only: the error wraps errors.ErrUnsupported.
func (c Config) Await(context.Context) error {
	return fmt.Errorf("tty: wait for %s: %w", c.Device, errors.ErrUnsupported)
}
