package parent

import (
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// ErrNoSignal is for a zone of which no name server can signal, because all their
// names are in the zone itself.
var ErrNoSignal = errors.New("all name servers have names in the zone itself, which prove nothing")

// SignalName is where a name server says something about a zone that it serves:
// _dsboot.<zone>._signal.<server> (RFC 9615, section 3).
func SignalName(zone, server string) (string, error) {
	zone, err := canonical(zone)
	if err != nil {
		return "", err
	}
	server, err = canonical(server)
	if err != nil {
		return "", err
	}
	if zone == "." || server == "." {
		return "", errors.New("parent: the root signals nothing")
	}
	name, err := canonical("_dsboot." + zone + "_signal." + server)
	if err != nil {
		return "", fmt.Errorf("signalling name of %s at %s: %w", zone, server, err)
	}
	return name, nil
}

// SignalRecords are the zone's CDS and CDNSKEY records under the signalling names
// of the name servers, for the zones of those to publish, signed (RFC 9615,
// section 3.2). Servers with names in the zone are left out; if there are no
// others, the error is ErrNoSignal. TTLs are those of the records given.
func SignalRecords(zone string, servers []string, sync []dns.RR) ([]dns.RR, error) {
	zone, err := canonical(zone)
	if err != nil {
		return nil, err
	}
	for _, rr := range sync {
		if err := signalled(zone, rr); err != nil {
			return nil, fmt.Errorf("parent: signalling records of %s: %w", zone, err)
		}
	}
	var out []dns.RR
	var names []string
	for _, server := range servers {
		server, err := canonical(server)
		if err != nil {
			return nil, err
		}
		if within(server, zone) || slices.Contains(names, server) {
			continue
		}
		names = append(names, server)
		name, err := SignalName(zone, server)
		if err != nil {
			return nil, err
		}
		for _, rr := range sync {
			rr = dns.Copy(rr)
			rr.Header().Name = name
			out = append(out, rr)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("parent: signalling records of %s: %w", zone, ErrNoSignal)
	}
	return out, nil
}

// signalled refuses what cannot be a first DS.
func signalled(zone string, rr dns.RR) error {
	hdr := rr.Header()
	if !equalNames(hdr.Name, zone) {
		return fmt.Errorf("a record is of %s", hdr.Name)
	}
	switch rr := rr.(type) {
	case *dns.CDS:
		if rr.Algorithm != 0 {
			return nil
		}
	case *dns.CDNSKEY:
		if rr.Algorithm != 0 {
			return nil
		}
	default:
		return fmt.Errorf("a record is of type %s instead of CDS or CDNSKEY", dns.Type(hdr.Rrtype))
	}
	return errDelete
}

var errDelete = errors.New("the records ask to delete the DS")
