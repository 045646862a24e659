package dnssec_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

func TestPlaces(t *testing.T) {
	z := parse(t, shapes)
	for _, c := range []struct {
		name string
		kind dnssec.Kind
		node string
	}{
		{"hosting.test", dnssec.Authoritative, "hosting.test"},
		{"MAIL.hosting.test", dnssec.Authoritative, "mail.hosting.test"},
		{"*foo.hosting.test", dnssec.Authoritative, "*foo.hosting.test"},
		{"ent.hosting.test", dnssec.EmptyNonTerminal, "ent.hosting.test"},
		{"b.ent.hosting.test", dnssec.EmptyNonTerminal, "b.ent.hosting.test"},
		{"c.b.ent.hosting.test", dnssec.Missing, "b.ent.hosting.test"},
		{"wild.hosting.test", dnssec.EmptyNonTerminal, "wild.hosting.test"},
		{"x.y.wild.hosting.test", dnssec.Synthesised, "*.wild.hosting.test"},
		{"*.wild.hosting.test", dnssec.Authoritative, "*.wild.hosting.test"},
		{"nobody.hosting.test", dnssec.Synthesised, "*.hosting.test"},
		{"x.star.hosting.test", dnssec.Synthesised, "*.star.hosting.test"},
		{"x.www.hosting.test", dnssec.Missing, "www.hosting.test"},
		{"red.hosting.test", dnssec.Authoritative, "red.hosting.test"},
		{"below.red.hosting.test", dnssec.Redirected, "red.hosting.test"},
		{"a.b.red.hosting.test", dnssec.Redirected, "red.hosting.test"},
		{"safe.hosting.test", dnssec.Delegation, "safe.hosting.test"},
		{"ns.safe.hosting.test", dnssec.Occluded, "safe.hosting.test"},
		{"x.y.safe.hosting.test", dnssec.Occluded, "safe.hosting.test"},
		{"nested.open.hosting.test", dnssec.Occluded, "open.hosting.test"},
		{"deep.hosting.test", dnssec.EmptyNonTerminal, "deep.hosting.test"},
		{"lone.deep.hosting.test", dnssec.Delegation, "lone.deep.hosting.test"},
	} {
		require.Equal(t, dnssec.Place{Kind: c.kind, Node: name(t, c.node)}, z.Place(name(t, c.name)), c.name)
	}
	for _, outside := range []string{"www.xhosting.test", "test", "."} {
		require.Equal(t, dnssec.Outside, z.Place(name(t, outside)).Kind)
	}
	require.Equal(t, "empty non-terminal", dnssec.EmptyNonTerminal.String())
	require.Equal(t, "unknown", dnssec.Kind(99).String())
}

// A wildcard is what makes names, whatever it has (RFC 4592, section 4.2).
func TestDelegationAtAWildcard(t *testing.T) {
	z := parse(t, "@ 60 SOA a b 1 2 3 4 5\n* 60 NS ns.other.test.\n")
	require.Equal(t, dnssec.Place{Kind: dnssec.Synthesised, Node: name(t, "*.hosting.test")}, z.Place(name(t, "x.hosting.test")))
	require.Equal(t, dnssec.Delegation, z.Place(name(t, "*.hosting.test")).Kind)
}

func TestDNAMEAtTheApex(t *testing.T) {
	z := parse(t, "@ 60 SOA a b 1 2 3 4 5\n@ 60 DNAME other.test.\n")
	require.Equal(t, dnssec.Redirected, z.Place(name(t, "x.hosting.test")).Kind)
	require.Equal(t, dnssec.Authoritative, z.Place(z.Origin()).Kind)
}

// What may be beside a CNAME (RFC 2181, section 10.1; RFC 4034, section 4).
func TestBesideACNAME(t *testing.T) {
	z := parse(t, shapes)
	for text, fits := range map[string]bool{
		"www.hosting.test. 60 NSEC a. CNAME": true, "www.hosting.test. 60 KEY 256 3 8 AQAB": true,
		"www.hosting.test. 60 RRSIG CNAME 8 3 60 20300101000000 20200101000000 1 hosting.test. AQAB": true,
		"www.hosting.test. 60 NS a.": false, "www.hosting.test. 60 DNAME a.": false, "www.hosting.test. 60 CNAME a.": false,
	} {
		_, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, text)) })
		if fits {
			require.NoError(t, err, text)
			continue
		}
		var fault *dnssec.ZoneError
		require.ErrorAs(t, err, &fault, text)
		require.Equal(t, name(t, "www.hosting.test"), fault.Name)
	}
}
