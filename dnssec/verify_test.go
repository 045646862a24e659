package dnssec_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

func verify(t testing.TB, z *dnssec.Zone) error {
	t.Helper()
	return dnssec.Verify(t.Context(), z, dnssec.VerifyOptions{})
}

// rules are those of an error's findings, with their names.
func rules(err error) []string {
	var all []string
	for _, f := range dnssec.Findings(err) {
		all = append(all, fmt.Sprintf("%s %s: %s", f.Name, dns.Type(f.Type), f.Rule))
	}
	return all
}

func TestVerifyEveryShape(t *testing.T) {
	for what, denial := range denials {
		for _, alg := range algorithms {
			z, _ := sign(t, &dnssec.Signer{Denial: denial}, parse(t, shapes), nil, pair(t, alg), now())
			require.NoError(t, verify(t, z), "%s %v", what, alg)
		}
	}
}

func TestVerifyRefusesWhatIsNoSignedZone(t *testing.T) {
	_, err := dnssec.VerifyNext(t.Context(), nil, dnssec.VerifyOptions{})
	require.Error(t, err)
	require.Equal(t, []string{
		"hosting.test. NSEC: chain missing or mixed", "hosting.test. DNSKEY: key unusable",
	}, rules(verify(t, parse(t, shapes))))
	z, _ := sign(t, &dnssec.Signer{}, parse(t, shapes), nil, pair(t, dnssec.Ed25519), now())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, dnssec.Verify(ctx, z, dnssec.VerifyOptions{}), context.Canceled)
}

func TestVerifyAtATime(t *testing.T) {
	at := now()
	z, _ := sign(t, &dnssec.Signer{Validity: dnssec.Validity{Jitter: -1}}, parse(t, shapes), nil, pair(t, dnssec.Ed25519), at)
	of := func(o dnssec.VerifyOptions) []string {
		o.Limit = 1000
		seen := map[string]bool{}
		var found []string
		for _, f := range dnssec.Findings(dnssec.Verify(t.Context(), z, o)) {
			if !seen[string(f.Rule)] {
				seen[string(f.Rule)] = true
				found = append(found, string(f.Rule))
			}
		}
		return found
	}
	const day = 24 * time.Hour
	require.Empty(t, of(dnssec.VerifyOptions{At: at.Add(14 * day)}))
	require.Equal(t, []string{string(dnssec.RuleExpired)}, of(dnssec.VerifyOptions{At: at.Add(14*day + time.Second)}))
	require.Empty(t, of(dnssec.VerifyOptions{At: at.Add(-time.Hour)}))
	require.Equal(t, []string{string(dnssec.RuleInception)}, of(dnssec.VerifyOptions{At: at.Add(-time.Hour - time.Second)}))
	require.Empty(t, of(dnssec.VerifyOptions{At: at, Remaining: 14 * day}))
	require.Equal(t, []string{string(dnssec.RuleRemaining)}, of(dnssec.VerifyOptions{At: at, Remaining: 14*day + time.Second}))
	// Across the year 2106, where times begin again.
	late := time.Unix(1<<32-3600, 0)
	z, _ = sign(t, &dnssec.Signer{}, parse(t, shapes), nil, pair(t, dnssec.Ed25519), late)
	require.Empty(t, of(dnssec.VerifyOptions{At: late.Add(day)}))
}

func TestVerifyStopsAtALimit(t *testing.T) {
	z, _ := sign(t, &dnssec.Signer{}, parse(t, shapes), nil, pair(t, dnssec.Ed25519), now())
	err := dnssec.Verify(t.Context(), z, dnssec.VerifyOptions{At: now().AddDate(1, 0, 0), Limit: 3})
	require.Len(t, dnssec.Findings(err), 3)
	require.ErrorContains(t, err, "more than these 3")
	var first *dnssec.Finding
	require.ErrorAs(t, err, &first)
	require.Equal(t, "RFC 4035, section 5.3.1", first.RFC)
	require.NoError(t, dnssec.Verify(t.Context(), z, dnssec.VerifyOptions{
		At: now().AddDate(1, 0, 0), Allow: []dnssec.Rule{dnssec.RuleExpired},
	}))
}

func TestVerifyByTheParentsDS(t *testing.T) {
	keys := pair(t, dnssec.ECDSAP256SHA256)
	z, _ := sign(t, &dnssec.Signer{}, withCDS(t, keys[0].Key), nil, keys, now())
	ds := func(k *dnssec.Key, digest dnssec.Digest) *dns.DS {
		d, err := k.DS(digest, 60)
		require.NoError(t, err)
		return d
	}
	other, second := key(t, dnssec.KeyOptions{SEP: true}), key(t, dnssec.KeyOptions{SEP: true, Algorithm: dnssec.Ed25519})
	good := ds(keys[0].Key, dnssec.SHA384)
	unknown := ds(other, dnssec.SHA256)
	unknown.DigestType = 200
	for what, c := range map[string]struct {
		ds   []*dns.DS
		want bool
	}{
		"the key":                          {[]*dns.DS{good}, true},
		"by SHA-1, which parents have":     {[]*dns.DS{keys[0].Key.DNSKEY(60).ToDS(dns.SHA1)}, true},
		"the key and one in reserve":       {[]*dns.DS{ds(other, dnssec.SHA256), good}, true},
		"the key and what nobody knows":    {[]*dns.DS{unknown, good}, true},
		"another key":                      {[]*dns.DS{ds(other, dnssec.SHA256)}, false},
		"a key that does not sign keys":    {[]*dns.DS{ds(keys[1].Key, dnssec.SHA256)}, false},
		"another algorithm beside the key": {[]*dns.DS{good, ds(second, dnssec.SHA256)}, false},
		"only what nobody knows":           {[]*dns.DS{unknown}, false},
	} {
		err := dnssec.Verify(t.Context(), z, dnssec.VerifyOptions{DS: c.ds})
		require.Equal(t, c.want, err == nil, "%s: %v", what, err)
		if !c.want {
			require.ErrorContains(t, err, string(dnssec.RuleEntry), what)
		}
	}
}

// A key may sign before it is published, as in an algorithm rollover, if it is known.
func TestVerifyKeysThatAreNotPublished(t *testing.T) {
	old, young := pair(t, dnssec.ECDSAP256SHA256), pair(t, dnssec.Ed25519)
	young[0].Publish, young[1].Publish = false, false
	z, _ := sign(t, &dnssec.Signer{Denial: dnssec.NSEC3}, parse(t, shapes), nil, append(young, old...), now())
	require.ErrorContains(t, verify(t, z), string(dnssec.RuleSigningKey))
	o := dnssec.VerifyOptions{Unpublished: []*dns.DNSKEY{young[0].Key.DNSKEY(60), young[1].Key.DNSKEY(60)}}
	require.NoError(t, dnssec.Verify(t.Context(), z, o))
	// Their signatures are verified too.
	bad, err := z.Update(func(tx *dnssec.Tx) error {
		n := name(t, "mail.hosting.test")
		for _, rr := range z.At(n).Signatures(dns.TypeA) {
			if sig := rr.(*dns.RRSIG); sig.Algorithm == dns.ED25519 {
				if err := tx.Remove(sig); err != nil {
					return err
				}
				sig.Signature = strings.Repeat("A", 86) + "=="
				return tx.Add(sig)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"mail.hosting.test. A: signature wrong"}, rules(dnssec.Verify(t.Context(), bad, o)))
	// A record that is no key is a mistake of the caller.
	o.Unpublished[0].PublicKey = "AAAA"
	require.ErrorContains(t, dnssec.Verify(t.Context(), z, o), "unpublished")
	require.Empty(t, dnssec.Findings(dnssec.Verify(t.Context(), z, o)))
}

// All that a rollover and its end have is valid: both algorithms, CDS that names a
// key in reserve, and the request for removal.
func TestVerifyRecordsForTheParent(t *testing.T) {
	keys, reserve := pair(t, dnssec.ECDSAP256SHA256), key(t, dnssec.KeyOptions{SEP: true})
	z, err := withCDS(t, keys[0].Key).Update(func(tx *dnssec.Tx) error {
		ds, err := reserve.DS(dnssec.SHA256, 3600)
		if err != nil {
			return err
		}
		return tx.Add(ds.ToCDS(), reserve.DNSKEY(3600).ToCDNSKEY())
	})
	require.NoError(t, err)
	signed, _ := sign(t, &dnssec.Signer{}, z, nil, keys, now())
	require.ErrorContains(t, verify(t, signed), "names a key that the zone has not")
	require.NoError(t, dnssec.Verify(t.Context(), signed, dnssec.VerifyOptions{Unpublished: []*dns.DNSKEY{reserve.DNSKEY(1)}}))

	gone, err := parse(t, shapes).Update(func(tx *dnssec.Tx) error {
		return tx.Add(rr(t, "hosting.test. 60 CDS 0 0 0 00"), rr(t, "hosting.test. 60 CDNSKEY 0 3 0 AA=="),
			rr(t, "_dsboot.other.test._signal.ns1.hosting.test. 60 CDS 1 13 2 "+sha))
	})
	require.NoError(t, err)
	signed, _ = sign(t, &dnssec.Signer{ZONEMD: []dnssec.ZONEMDHash{dnssec.ZONEMDSHA384, dnssec.ZONEMDSHA512}}, gone, nil, keys, now())
	require.NoError(t, verify(t, signed))
}

// Digests of the zone: two of a kind are of no use (RFC 8976, section 2.2.2).
func TestVerifyTwoDigests(t *testing.T) {
	z, _ := sign(t, &dnssec.Signer{ZONEMD: []dnssec.ZONEMDHash{dnssec.ZONEMDSHA384}}, parse(t, shapes), nil, pair(t, dnssec.Ed25519), now())
	two := ofType(z, dns.TypeZONEMD)[0].(*dns.ZONEMD)
	two.Digest = strings.Repeat("00", 48)
	z, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(two) })
	require.NoError(t, err)
	require.ErrorContains(t, verify(t, z), "two records have scheme 1 and hash 1")
}

// Random zones are as the signer makes them, by code that shares nothing with it.
func TestVerifyRandomZones(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	keys := pair(t, dnssec.Ed25519)
	for what, denial := range denials {
		var prev *dnssec.Zone
		var known *dnssec.Verified
		for range 12 {
			z, _ := sign(t, &dnssec.Signer{Denial: denial}, randomZone(t, rng, 60), prev, keys, now())
			require.NoError(t, verify(t, z), what)
			next, err := dnssec.VerifyNext(t.Context(), z, dnssec.VerifyOptions{Known: known})
			require.NoError(t, err, what)
			require.Equal(t, z, next.Zone())
			prev, known = z, next
		}
	}
}
