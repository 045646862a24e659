package online

import (
	"context"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// Found is what there is for a name.
type Found struct {
	// Kind is what the name is to the zone.
	Kind dnssec.Kind
	// Owner is the name whose records count: the wildcard of a synthesised name, the
	// cut above an occluded one, the DNAME above a redirected one, or else the name.
	Owner dnssec.Name
	// Records are all of Owner's. Those of other names, and of types that a signer
	// makes, are not used.
	Records []dns.RR
	// Glue are the addresses of a cut's name servers.
	Glue []dns.RR
}

// Lookup finds what a zone has for a name at or below its apex. Many call it at
// once. An error is answered with SERVFAIL.
type Lookup func(ctx context.Context, name dnssec.Name) (Found, error)

// FromZone looks names up in the snapshot that current returns; nil is an error to
// the client.
func FromZone(current func() *dnssec.Zone) Lookup {
	return func(_ context.Context, name dnssec.Name) (Found, error) {
		z := current()
		if z == nil {
			return Found{}, errNoZone
		}
		place := z.Locate(name)
		f := Found{Kind: place.Kind, Owner: place.Node}
		switch place.Kind {
		case dnssec.Authoritative, dnssec.Delegation, dnssec.Occluded, dnssec.Redirected, dnssec.Synthesised:
			e := z.At(place.Node)
			for _, typ := range e.Types() {
				f.Records = e.Append(f.Records, "", typ, false)
			}
		}
		for _, rr := range f.Records {
			if ns, ok := rr.(*dns.NS); ok && name != z.Origin() {
				f.Glue = appendGlue(f.Glue, z, ns.Ns)
			}
		}
		return f, nil
	}
}

func appendGlue(glue []dns.RR, z *dnssec.Zone, host string) []dns.RR {
	name, err := dnssec.ParseName(host)
	if err != nil || !name.Under(z.Origin()) {
		return glue
	}
	e := z.At(name)
	return e.Append(e.Append(glue, "", dns.TypeA, false), "", dns.TypeAAAA, false)
}
