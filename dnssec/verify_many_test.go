package dnssec_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// Signatures that are verified in batches, by two keys: whatever is wrong with a few of
// them is found, with any number of workers.
func TestVerifyManySignatures(t *testing.T) {
	keys := pair(t, dnssec.ECDSAP256SHA256)
	keys = append(keys, dnssec.ZSK(key(t, dnssec.KeyOptions{Algorithm: dnssec.ECDSAP256SHA256, Others: []*dnssec.Key{keys[0].Key, keys[1].Key}})))
	z, _ := sign(t, &dnssec.Signer{}, wide(t, 900), nil, keys, now())
	require.NoError(t, verify(t, z))
	const last = "*.w98.hosting.test." // of the batch that is never full
	want := []string{last + " TXT: signature wrong", last + " TXT: signature wrong"}
	bad, err := z.Update(func(tx *dnssec.Tx) error {
		for i := 3; i < 900; i += 50 {
			owner := fmt.Sprintf("h%d.hosting.test.", i)
			if i%2 == 0 { // other records
				want = append(want, owner+" A: signature wrong", owner+" A: signature wrong")
				if err := tx.Replace(rr(t, owner+" 3600 A 192.0.2.200")); err != nil {
					return err
				}
				continue
			}
			// One signature is another's, and one is longer than any can be.
			want = append(want, owner+" A: signature wrong", owner+" NSEC: signature wrong")
			other := z.At(name(t, "h1.hosting.test.")).Signatures(dns.TypeA)[0].(*dns.RRSIG).Signature
			if err := change(tx, z.At(name(t, owner)).Signatures(dns.TypeA)[0], func(sig *dns.RRSIG) { sig.Signature = other }); err != nil {
				return err
			}
			err := change(tx, z.At(name(t, owner)).Signatures(dns.TypeNSEC)[0], func(sig *dns.RRSIG) {
				raw, err := base64.StdEncoding.DecodeString(sig.Signature)
				require.NoError(t, err)
				sig.Signature = base64.StdEncoding.EncodeToString(append(raw, 0))
			})
			if err != nil {
				return err
			}
		}
		return tx.Replace(rr(t, last+" 3600 TXT other"))
	})
	require.NoError(t, err)
	slices.Sort(want)
	for workers := range 4 {
		got := rules(dnssec.Verify(t.Context(), bad, dnssec.VerifyOptions{At: now(), Workers: workers}))
		slices.Sort(got)
		require.Equal(t, want, got)
	}
}

// change replaces a signature by a changed one.
func change(tx *dnssec.Tx, old dns.RR, how func(*dns.RRSIG)) error {
	changed := dns.Copy(old).(*dns.RRSIG)
	how(changed)
	if err := tx.Remove(old); err != nil {
		return err
	}
	return tx.Add(changed)
}
