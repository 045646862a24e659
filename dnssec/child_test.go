package dnssec_test

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// withCDS is the zone of all shapes with CDS and CDNSKEY records of a key.
func withCDS(t *testing.T, k *dnssec.Key) *dnssec.Zone {
	t.Helper()
	z, err := parse(t, peaceful()).Update(func(tx *dnssec.Tx) error {
		for _, digest := range []dnssec.Digest{dnssec.SHA256, dnssec.SHA384} {
			ds, err := k.DS(digest, 3600)
			if err != nil {
				return err
			}
			if err := tx.Add(ds.ToCDS()); err != nil {
				return err
			}
		}
		return tx.Add(k.DNSKEY(3600).ToCDNSKEY())
	})
	require.NoError(t, err)
	return z
}

// CDS and CDNSKEY are signed by what signs the keys (RFC 7344, section 4.1).
func TestRecordsForTheParent(t *testing.T) {
	keys := pair(t, dnssec.ECDSAP256SHA256)
	for _, denial := range denials {
		z, _ := sign(t, &dnssec.Signer{Denial: denial}, withCDS(t, keys[0].Key), nil, keys, now())
		for _, rr := range ofType(z, dns.TypeRRSIG) {
			if sig := rr.(*dns.RRSIG); keysType(sig.TypeCovered) {
				require.Equal(t, keys[0].Key.Tag(), sig.KeyTag, sig)
			} else {
				require.Equal(t, keys[1].Key.Tag(), sig.KeyTag, sig)
			}
		}
		require.Len(t, ofType(z, dns.TypeCDS), 2)
		require.Len(t, ofType(z, dns.TypeCDNSKEY), 1)
	}
}

func TestRealValidatorsOfRecordsForTheParent(t *testing.T) {
	keys := pair(t, dnssec.ECDSAP256SHA256)
	z, _ := sign(t, &dnssec.Signer{}, withCDS(t, keys[0].Key), nil, keys, now())
	requireValid(t, z, false)
	// Knot sees a CDS of a key that is not there.
	wrong, _ := sign(t, &dnssec.Signer{}, withCDS(t, key(t, dnssec.KeyOptions{SEP: true})), nil, keys, now())
	require.Contains(t, validate(t, wrong, false), "kzonecheck")
}

// Every step of a conservative algorithm roll is a zone that validators take, with
// the signatures of the step before.
func TestRealValidatorsOfAnAlgorithmRoll(t *testing.T) {
	old, young := pair(t, dnssec.RSASHA256), pair(t, dnssec.ECDSAP384SHA384)
	require.NoError(t, dnssec.CheckTags([]*dnssec.Key{old[0].Key, old[1].Key, young[0].Key, young[1].Key}))
	hidden := func(uses []dnssec.KeyUse) []dnssec.KeyUse {
		return []dnssec.KeyUse{{Key: uses[0].Key, SignKeys: true}, {Key: uses[1].Key, SignZone: true}}
	}
	var z *dnssec.Zone
	for _, step := range [][]dnssec.KeyUse{
		old,
		append(hidden(young), old...), // all is signed twice
		append(young[:2:2], old...),   // both are published
		append(young[:2:2], hidden(old)...),
		young,
	} {
		next, report := sign(t, &dnssec.Signer{}, parse(t, peaceful()), z, step, now())
		require.True(t, report.Changed)
		if z != nil {
			require.NotZero(t, report.Reused)
		}
		requireValid(t, next, false)
		z = next
	}
}
