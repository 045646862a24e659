package dns01

import (
	"context"
	"time"
)

// TXT is a record of one value. There may be others at the same name, for instance
// those of another order, or of a wildcard beside its base name.
type TXT struct {
	// Zone is the zone that has the record, absolute, in lower case and with a dot at
	// its end. A [Provider] that gets none finds it out.
	Zone string
	// Name is absolute, in lower case and with a dot at its end.
	Name string
	// Value is the text, without quotes. It may begin with a '-'.
	Value string
	// TTL zero means what the provider prefers.
	TTL time.Duration
}

// Provider changes TXT records in a DNS service. It may be used by many goroutines.
//
// Both methods are about exact values and leave all others at the name alone, and
// both are idempotent: to add what is there, or to delete what is not, is no error.
// After an error some of the records may have been changed.
//
// All records of one call are of one zone if the caller knows the zones.
type Provider interface {
	// AddTXT adds the records, in one request if it can.
	AddTXT(ctx context.Context, records ...TXT) error
	// DeleteTXT deletes the records of exactly these names and values.
	DeleteTXT(ctx context.Context, records ...TXT) error
}

// ZoneFinder knows which zone a name is in: the longest that the service has, with
// whole labels compared, so that example.com. is not the zone of notexample.com.
// A [Provider] may be one too.
type ZoneFinder interface {
	ZoneOf(ctx context.Context, fqdn string) (zone string, err error)
}

// Verifier finds out whether those who will look can see a record. A record that is
// not there yet is false, with or without an error that says where it is missing: the
// solver looks again in either case, and reports the error of the last time.
type Verifier interface {
	Visible(ctx context.Context, record TXT) (bool, error)
}
