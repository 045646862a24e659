package dnssectest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// Fixture is a valid signed zone, and what it takes to break it.
type Fixture struct {
	Zone *dnssec.Zone
	// Keys are those that it is signed with. Their private parts must be in memory.
	Keys []dnssec.KeyUse
	// At is when it is valid.
	At time.Time
}

// text is a zone with names of every kind.
const text = `$TTL 3600
@	SOA	ns1 hostmaster 1 7200 3600 1209600 900
@	NS	ns1
@	NS	ns2
@	MX	10 mail
ns1	A	192.0.2.1
ns1	AAAA	2001:db8::1
ns2	A	192.0.2.2
mail	A	192.0.2.3
mail	AAAA	2001:db8::3
www	CNAME	mail
note	TXT	"note"
*.wild	A	192.0.2.4
*foo	TXT	"star"
host.deep.ent	A	192.0.2.6
red	DNAME	target.other.test.
_sip._tcp	SRV	0 5 5060 mail
safe	NS	ns.safe
safe	DS	12345 13 2 6bb18d1c1a7e3b5a4c2b5f0a3a3e0d0c6bb18d1c1a7e3b5a4c2b5f0a3a3e0d0c
safe	A	192.0.2.7
ns.safe	A	192.0.2.8
open	NS	ns.open
ns.open	AAAA	2001:db8::9
lone.under	NS	ns.other.test.
`

// NewFixture is a zone "example.test." with wildcards, delegations, glue, empty
// non-terminals, a DNAME, CDS and CDNSKEY, signed by a new KSK and ZSK. The zero
// algorithm is 13.
func NewFixture(denial dnssec.Denial, alg dnssec.Algorithm, at time.Time) (Fixture, error) {
	const origin = "example.test"
	ksk, err := dnssec.GenerateKey(origin, dnssec.KeyOptions{Algorithm: alg, SEP: true})
	if err != nil {
		return Fixture{}, err
	}
	zsk, err := dnssec.GenerateKey(origin, dnssec.KeyOptions{Algorithm: alg, Others: []*dnssec.Key{ksk}})
	if err != nil {
		return Fixture{}, err
	}
	unsigned, err := dnssec.ParseZone(strings.NewReader(text), origin, dnssec.Options{})
	if err != nil {
		return Fixture{}, err
	}
	unsigned, err = unsigned.Update(func(tx *dnssec.Tx) error {
		ds, err := ksk.DS(dnssec.SHA256, 3600)
		if err != nil {
			return err
		}
		return tx.Add(ds.ToCDS(), ksk.DNSKEY(3600).ToCDNSKEY())
	})
	if err != nil {
		return Fixture{}, err
	}
	f := Fixture{Keys: []dnssec.KeyUse{dnssec.KSK(ksk), dnssec.ZSK(zsk)}, At: at}
	f.Zone, _, err = (&dnssec.Signer{Denial: denial}).Sign(context.Background(), unsigned, nil, f.Keys, at)
	return f, err
}

// ErrNotApplicable is that a zone has nothing which a mutation could break.
var ErrNotApplicable = errors.New("dnssectest: the zone has nothing to break so")

// Mutation breaks one rule, and signs what it changes again, so that no other fault
// hides the one that is meant. Where a fault brings another with it by its nature,
// [dnssec.Verify] finds both.
type Mutation struct {
	// Name is made of lower-case words and hyphens.
	Name string
	// Rule is what it breaks.
	Rule dnssec.Rule

	change func(*editor) error
}

// Apply makes the broken zone. A zone that lacks what the mutation needs, such as
// NSEC3 records, is an error that wraps [ErrNotApplicable].
func (m Mutation) Apply(f Fixture) (*dnssec.Zone, error) {
	e, err := newEditor(f)
	if err == nil {
		var z *dnssec.Zone
		z, err = e.run(m.change)
		if err == nil {
			return z, nil
		}
	}
	return nil, fmt.Errorf("dnssectest: mutation %s: %w", m.Name, err)
}

// Mutations are all that there are.
func Mutations() []Mutation {
	var all []Mutation
	for _, part := range [][]Mutation{
		signatureMutations(), timeMutations(), keyMutations(), chainMutations(), nsec3Mutations(), parentMutations(), zonemdMutations(),
	} {
		all = append(all, part...)
	}
	return all
}

// Mutate makes the zone broken by the mutation of a name.
func Mutate(f Fixture, name string) (*dnssec.Zone, error) {
	for _, m := range Mutations() {
		if m.Name == name {
			return m.Apply(f)
		}
	}
	return nil, fmt.Errorf("dnssectest: there is no mutation %q", name)
}
