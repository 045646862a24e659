package parent

import (
	"context"
	"errors"

	"github.com/mythic-beasts/hostkit/dnssec/parent/internal/secret"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Secret is a key or password; it prints as "[redacted]" whatever prints it.
// string(s) is the secret itself.
type Secret = secret.String

// Submitter asks the parent to change a zone's DS records: add must be there before
// remove is gone. It is idempotent, and may be called again after a crash.
type Submitter interface {
	Submit(ctx context.Context, zone string, add, remove []rotate.DS) error
}

// Observer says what the parent's name servers have as the zone's DS records.
type Observer interface {
	Observe(ctx context.Context, zone string) (rotate.DSFacts, error)
}

// Driver is several ways to one parent. Its zero value submits nothing and
// observes nothing.
type Driver struct {
	// Submitters are all called, also when one has an error.
	Submitters []Submitter
	// Observer nil means that nothing is known of the parent, and that people
	// confirm what it has.
	Observer Observer
}

// Submit calls all Submitters.
func (d *Driver) Submit(ctx context.Context, zone string, add, remove []rotate.DS) error {
	var errs []error
	for _, s := range d.Submitters {
		errs = append(errs, s.Submit(ctx, zone, add, remove))
	}
	return errors.Join(errs...)
}

// Observe asks the Observer.
func (d *Driver) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	return observe(ctx, d.Observer, zone)
}

// observe is Observe of an observer that may be missing.
func observe(ctx context.Context, o Observer, zone string) (rotate.DSFacts, error) {
	if o == nil {
		return rotate.DSFacts{}, nil
	}
	return o.Observe(ctx, zone)
}

// CDSOnly is a parent that looks at the CDS and CDNSKEY records of its children
// by itself (RFC 7344). They are in the zone; there is nothing to submit.
type CDSOnly struct {
	// Observer nil means that people confirm what the parent has.
	Observer Observer
}

// Submit does nothing: the parent reads the zone.
func (CDSOnly) Submit(context.Context, string, []rotate.DS, []rotate.DS) error { return nil }

// Observe asks the Observer.
func (c CDSOnly) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	return observe(ctx, c.Observer, zone)
}
