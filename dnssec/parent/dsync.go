package parent

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// TypeDSYNC is the type of records that say where a parent is told of changes of
// its children.
const TypeDSYNC uint16 = 66

// SchemeNotify is the scheme of a DSYNC that wants NOTIFY messages.
const SchemeNotify uint8 = 1

// DSYNC is the data of such a record (RFC 9859, section 2).
type DSYNC struct {
	// Type is what the parent wants to be told of: dns.TypeCDS or dns.TypeCSYNC.
	Type   uint16
	Scheme uint8
	Port   uint16
	// Target is the host, with a dot at its end.
	Target string
}

// ParseDSYNC reads the data of a record as it is on the wire.
func ParseDSYNC(rdata []byte) (DSYNC, error) {
	const fixed = 5
	if len(rdata) < fixed+1 {
		return DSYNC{}, fmt.Errorf("parent: DSYNC of %d octets is too short", len(rdata))
	}
	if !plainName(rdata[fixed:]) {
		return DSYNC{}, errors.New("parent: the target of a DSYNC is not one whole name without compression")
	}
	target, _, err := dns.UnpackDomainName(rdata[fixed:], 0)
	if err != nil {
		return DSYNC{}, fmt.Errorf("parent: the target of a DSYNC: %w", err)
	}
	return DSYNC{
		Type:   binary.BigEndian.Uint16(rdata),
		Scheme: rdata[2],
		Port:   binary.BigEndian.Uint16(rdata[3:]),
		Target: target,
	}, nil
}

// plainName says whether the octets are one name, and no more.
func plainName(b []byte) bool {
	const maxName, maxLabel = 255, 63
	if len(b) > maxName {
		return false
	}
	for len(b) > 0 {
		n := int(b[0])
		if n == 0 {
			return len(b) == 1
		}
		if n > maxLabel || n >= len(b) {
			return false
		}
		b = b[n+1:]
	}
	return false
}

// Pack is the data as it is on the wire.
func (d DSYNC) Pack() ([]byte, error) {
	b := make([]byte, 5+255)
	binary.BigEndian.PutUint16(b, d.Type)
	b[2] = d.Scheme
	binary.BigEndian.PutUint16(b[3:], d.Port)
	n, err := dns.PackDomainName(dns.Fqdn(d.Target), b, 5, nil, false)
	if err != nil {
		return nil, fmt.Errorf("parent: the target %q of a DSYNC: %w", d.Target, err)
	}
	return b[:n], nil
}

// RR is the record in the form for types that a program does not know (RFC 3597),
// with a TTL in seconds.
func (d DSYNC) RR(owner string, ttl uint32) (dns.RR, error) {
	rdata, err := d.Pack()
	if err != nil {
		return nil, err
	}
	return &dns.RFC3597{
		Hdr:   dns.RR_Header{Name: dns.Fqdn(owner), Rrtype: TypeDSYNC, Class: dns.ClassINET, Ttl: ttl},
		Rdata: hex.EncodeToString(rdata),
	}, nil
}

// String is the data as a zone file has it.
func (d DSYNC) String() string {
	scheme := fmt.Sprint(d.Scheme)
	if d.Scheme == SchemeNotify {
		scheme = "NOTIFY"
	}
	return fmt.Sprintf("%s %s %d %s", dns.Type(d.Type), scheme, d.Port, d.Target)
}

// DSYNC looks up where the parent of a zone wants to be told of changes of a type
// by NOTIFY (RFC 9859, section 4.1). Nil without an error means nowhere.
func (r *Resolver) DSYNC(ctx context.Context, zone string, typ uint16) (*DSYNC, error) {
	zone, err := canonical(zone)
	if err != nil {
		return nil, err
	}
	found, err := r.dsync(ctx, zone, typ)
	if err != nil {
		return nil, fmt.Errorf("parent: DSYNC for %s: %w", zone, err)
	}
	return found, nil
}

func (r *Resolver) dsync(ctx context.Context, zone string, typ uint16) (*DSYNC, error) {
	apex := above(zone)
	seen := make(map[string]bool)
	for name := dsyncName(zone, apex); name != "" && !seen[name]; {
		seen[name] = true
		m, err := r.lookup(ctx, name, TypeDSYNC)
		if err != nil {
			return nil, err
		}
		set := pick(m.Answer, name, TypeDSYNC)
		if len(set.rrs) > 0 {
			if len(r.Anchors) > 0 {
				if err := r.secure(ctx, &set, m.Ns); err != nil {
					return nil, fmt.Errorf("at %s: %w", name, err)
				}
			}
			return target(set, typ)
		}
		if soa := apexOf(m, zone); soa != "" && soa != apex {
			apex = soa
			name = dsyncName(zone, apex)
			continue
		}
		name = "_dsync." + strings.TrimPrefix(apex, ".")
	}
	return nil, nil
}

// dsyncName is where a child has its record below the apex of the parent.
func dsyncName(zone, apex string) string {
	if apex == "." {
		return zone + "_dsync."
	}
	return strings.TrimSuffix(zone, apex) + "_dsync." + apex
}

// apexOf is the zone that a negative answer is from, if it is above the child.
func apexOf(m *dns.Msg, zone string) string {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			name := dns.CanonicalName(soa.Hdr.Name)
			if within(above(zone), name) {
				return name
			}
		}
	}
	return ""
}

// target is the one record that says where to send a NOTIFY of the type.
func target(set rrset, typ uint16) (*DSYNC, error) {
	var found *DSYNC
	for _, rr := range set.rrs {
		unknown, ok := rr.(*dns.RFC3597)
		if !ok {
			continue
		}
		rdata, err := hex.DecodeString(unknown.Rdata)
		if err != nil {
			return nil, err
		}
		d, err := ParseDSYNC(rdata)
		if err != nil {
			return nil, err
		}
		if d.Type != typ || d.Scheme != SchemeNotify || d.Port == 0 {
			continue
		}
		if found != nil && *found != d {
			return nil, fmt.Errorf("the parent has two of them for %s: %s and %s", dns.Type(typ), found, d)
		}
		found = &d
	}
	return found, nil
}
