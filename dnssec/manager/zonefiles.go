package manager

import (
	"context"
	"errors"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// ZoneFiles is [Zones] in a folder, which must exist: a zone file for each.
type ZoneFiles struct {
	Path string
}

var _ Zones = ZoneFiles{}

// Load reads the file of a zone.
func (f ZoneFiles) Load(ctx context.Context, zone string) (*dnssec.Zone, error) {
	return nil, errors.ErrUnsupported
}

// Save replaces the file of a zone.
func (f ZoneFiles) Save(ctx context.Context, z *dnssec.Zone) error { return errors.ErrUnsupported }
