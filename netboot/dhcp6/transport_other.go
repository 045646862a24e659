//go:build !linux

package dhcp6

import (
	"context"
	"errors"
	"fmt"
)

// Linux is not there on this system.
type Linux struct{}

var _ Transport = (*Linux)(nil)

var errNotLinux = fmt.Errorf("dhcp6: serving interfaces needs Linux: %w", errors.ErrUnsupported)

// ListenLinux returns an error that is [errors.ErrUnsupported].
func ListenLinux(LinuxConfig) (*Linux, error) { return nil, errNotLinux }

// Recv returns an error.
func (*Linux) Recv(context.Context) (Packet, error) { return Packet{}, errNotLinux }

// Send returns an error.
func (*Linux) Send(context.Context, int, Reply) error { return errNotLinux }

// Close does nothing.
func (*Linux) Close() error { return nil }
