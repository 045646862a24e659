package parent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// canonical is a zone's name as miekg/dns writes it, in lower case.
func canonical(zone string) (string, error) {
	name, err := dnssec.ParseName(zone)
	if err != nil {
		return "", fmt.Errorf("parent: %w", err)
	}
	return name.String(), nil
}

// FromRR is a DS record, or what a CDS record wants as one, in the form that
// package rotate has.
func FromRR(ds *dns.DS) rotate.DS {
	return rotate.DS{Tag: ds.KeyTag, Algorithm: ds.Algorithm, DigestType: ds.DigestType, Digest: strings.ToLower(ds.Digest)}
}

// ToRR is the DS record of a zone, with a TTL in seconds.
func ToRR(zone string, ttl uint32, d rotate.DS) *dns.DS {
	return &dns.DS{
		Hdr:        dns.RR_Header{Name: dns.Fqdn(zone), Rrtype: dns.TypeDS, Class: dns.ClassINET, Ttl: ttl},
		KeyTag:     d.Tag,
		Algorithm:  d.Algorithm,
		DigestType: d.DigestType,
		Digest:     d.Digest,
	}
}

// applied is the DS records after a change, each once; remove loses to add.
func applied(have, add, remove []rotate.DS) []rotate.DS {
	var next []rotate.DS
	for _, d := range have {
		if !slices.Contains(remove, d) && !slices.Contains(next, d) {
			next = append(next, d)
		}
	}
	for _, d := range add {
		if !slices.Contains(next, d) {
			next = append(next, d)
		}
	}
	return next
}

// same says whether two lists have the same records, in any order.
func same(a, b []rotate.DS) bool {
	in := func(list []rotate.DS) func(rotate.DS) bool {
		return func(d rotate.DS) bool { return !slices.Contains(list, d) }
	}
	return !slices.ContainsFunc(a, in(b)) && !slices.ContainsFunc(b, in(a))
}
