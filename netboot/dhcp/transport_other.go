//go:build !linux

package dhcp

import (
	"context"
	"errors"
	"fmt"
)

// Linux is not there on this system.
type Linux struct{}

var _ Transport = (*Linux)(nil)

var errNotLinux = fmt.Errorf("dhcp: serving interfaces needs Linux; use ListenUDP: %w", errors.ErrUnsupported)

// ListenLinux returns an error that is [errors.ErrUnsupported].
func ListenLinux(LinuxConfig) (*Linux, error) { return nil, errNotLinux }

// Stats returns nil.
func (*Linux) Stats() map[string]LinkStats { return nil }

// Recv returns an error.
func (*Linux) Recv(context.Context) (Packet, error) { return Packet{}, errNotLinux }

// Do returns an error.
func (*Linux) Do(context.Context, int, Action) error { return errNotLinux }

// Close does nothing.
func (*Linux) Close() error { return nil }
