package netboot

import (
	"context"
	"errors"
)

// ErrUnknown is returned by an [Inventory] for a client it does not know.
// Servers stay silent then.
var ErrUnknown = errors.New("netboot: unknown client")

// Inventory finds the machine that a client is: the one thing a boot server
// must be given.
//
// A DHCP server asks with all that a DISCOVER told. A file server asks with
// Interface and Addr only, and serves the machine it gets; an inventory whose
// addresses come from leases is wrapped by the dhcp package for that.
type Inventory interface {
	// Lookup returns the machine, which the caller does not change, or
	// [ErrUnknown]. It is called from many goroutines.
	Lookup(ctx context.Context, c Client) (*Machine, error)
}
