package parent

import (
	"context"
	"errors"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// SignalName is where a name server says something about a zone that it serves:
// _dsboot.<zone>._signal.<server> (RFC 9615, section 3).
func SignalName(zone, server string) (string, error) {
	return "", errors.ErrUnsupported
}

// SignalRecords are the zone's CDS and CDNSKEY records under the signalling names
// of the name servers, for the zones of those to publish, signed. Servers with
// names in the zone itself are left out, since they could prove nothing.
func SignalRecords(zone string, servers []string, sync []dns.RR) ([]dns.RR, error) {
	return nil, errors.ErrUnsupported
}

// Bootstrap checks as a parent does whether a zone without DS may get its first
// (RFC 9615, section 4).
type Bootstrap struct {
	// Resolver must have Anchors.
	Resolver Resolver
	// Port is where the zone's name servers answer; zero means 53.
	Port uint16
}

// Check returns the DS records that the zone's CDS and CDNSKEY records ask for, if
// all of the zone's name servers have the same, at the zone and at their
// signalling names.
func (b *Bootstrap) Check(ctx context.Context, zone string) ([]rotate.DS, error) {
	return nil, errors.ErrUnsupported
}
