package dnssec_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// wide is a zone of many names, so that its parts are shared between snapshots.
func wide(t testing.TB, n int) *dnssec.Zone {
	t.Helper()
	var text strings.Builder
	text.WriteString(shapes)
	for i := range n {
		fmt.Fprintf(&text, "h%d A 192.0.2.1\n", i)
		if i%7 == 0 {
			fmt.Fprintf(&text, "x.y.e%d AAAA 2001:db8::1\n*.w%d TXT any\nd%d NS ns.other.test.\n", i, i, i)
		}
		if i%11 == 0 {
			fmt.Fprintf(&text, "s%d NS ns.s%d\ns%d DS 1 13 2 %s\nns.s%d A 192.0.2.1\n", i, i, i, sha, i)
		}
	}
	return parse(t, text.String())
}

// damaged is a zone with one record gone, added, or with another TTL.
func damaged(t testing.TB, z *dnssec.Zone, rrs []dns.RR, rng *rand.Rand) *dnssec.Zone {
	t.Helper()
	rr := rrs[rng.IntN(len(rrs))]
	for rr.Header().Rrtype == dns.TypeSOA || rr.Header().Rrtype == dns.TypeDNSKEY {
		rr = rrs[rng.IntN(len(rrs))]
	}
	next, err := z.Update(func(tx *dnssec.Tx) error {
		switch rng.IntN(4) {
		case 0:
			extra := dns.Copy(rr)
			extra.Header().Ttl += 5
			return tx.Replace(extra)
		case 1:
			tx.RemoveRRset(name(t, rr.Header().Name), rr.Header().Rrtype)
			return nil
		case 2:
			tx.RemoveName(name(t, rr.Header().Name))
			return nil
		}
		n, err := name(t, rr.Header().Name).Child("extra")
		if err != nil {
			return err
		}
		return tx.Add(&dns.NS{Hdr: dns.RR_Header{Name: n.String(), Rrtype: dns.TypeNS, Class: 1, Ttl: 1}, Ns: "ns.other.test."})
	})
	if err != nil {
		return damaged(t, z, rrs, rng) // what no zone can be, such as a DS alone
	}
	return next
}

// What is known of the zone before hides no fault of the next, wherever it is.
func TestVerifyKnownFindsTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	for what, denial := range denials {
		keys := pair(t, dnssec.Ed25519)
		z, _ := sign(t, &dnssec.Signer{Denial: denial}, wide(t, 330), nil, keys, now())
		known, err := dnssec.VerifyNext(t.Context(), z, dnssec.VerifyOptions{})
		require.NoError(t, err)
		rrs := slices.Collect(z.All())
		accepted := 0
		for range 12 {
			bad := damaged(t, z, rrs, rng)
			full := rules(verify(t, bad))
			_, err := dnssec.VerifyNext(t.Context(), bad, dnssec.VerifyOptions{Known: known})
			require.Equal(t, full, rules(err), what)
			if len(full) == 0 {
				accepted++ // glue and NS records of a delegation are not signed
			}
		}
		require.Less(t, accepted, 7, what)
	}
}

// One zone after another, by edits, another time, another chain and other keys.
func TestVerifyKnownFollowsAZone(t *testing.T) {
	s := &dnssec.Signer{}
	keys := pair(t, dnssec.ECDSAP256SHA256)
	at, unsigned := now(), wide(t, 200)
	var prev *dnssec.Zone
	var known *dnssec.Verified
	for i, change := range []func(*dnssec.Tx) error{
		func(*dnssec.Tx) error { return nil },
		func(tx *dnssec.Tx) error { return tx.Add(rr(t, "a.b.c.hosting.test. 60 A 192.0.2.1")) },
		func(*dnssec.Tx) error { at = at.AddDate(0, 0, 10); return nil },
		func(tx *dnssec.Tx) error { tx.RemoveName(name(t, "h5.hosting.test")); return nil },
		func(*dnssec.Tx) error { s.Denial = dnssec.NSEC3; return nil },
		func(tx *dnssec.Tx) error { return tx.Add(rr(t, "h7.hosting.test. 60 NS ns.other.test.")) },
		func(*dnssec.Tx) error { s.Denial = dnssec.NSEC3OptOut; return nil },
		func(tx *dnssec.Tx) error { return tx.Add(rr(t, "cut.hosting.test. 60 NS ns.other.test.")) },
		func(*dnssec.Tx) error {
			keys[1] = dnssec.ZSK(key(t, dnssec.KeyOptions{Others: []*dnssec.Key{keys[0].Key, keys[1].Key}}))
			return nil
		},
	} {
		var err error
		unsigned, err = unsigned.Update(func(tx *dnssec.Tx) error {
			if i == 5 {
				tx.RemoveName(name(t, "h7.hosting.test"))
			}
			return change(tx)
		})
		require.NoError(t, err)
		z, _ := sign(t, s, unsigned, prev, keys, at)
		known, err = dnssec.VerifyNext(t.Context(), z, dnssec.VerifyOptions{Known: known, At: at, DS: nil})
		require.NoError(t, err, i)
		require.NoError(t, dnssec.Verify(t.Context(), z, dnssec.VerifyOptions{At: at}), i)
		prev = z
	}
	// Signatures that were good are no longer.
	_, err := dnssec.VerifyNext(t.Context(), prev, dnssec.VerifyOptions{Known: known, At: at.AddDate(0, 0, 15)})
	require.ErrorContains(t, err, string(dnssec.RuleExpired))
	// Nor were they before they began.
	_, err = dnssec.VerifyNext(t.Context(), prev, dnssec.VerifyOptions{Known: known, At: at.AddDate(0, 0, -1)})
	require.ErrorContains(t, err, string(dnssec.RuleInception))
	// Nor are they by other rules.
	_, err = dnssec.VerifyNext(t.Context(), prev, dnssec.VerifyOptions{Known: known, At: at, Remaining: 1000 * 3600e9})
	require.ErrorContains(t, err, string(dnssec.RuleRemaining))
}

// A record far before can be what makes names faulty, which did not change.
func TestVerifyKnownSeesWhatComesBefore(t *testing.T) {
	var text strings.Builder
	text.WriteString(shapes)
	for i := range 2000 {
		fmt.Fprintf(&text, "n%d.p A 192.0.2.1\n", i)
	}
	for what, denial := range denials {
		z, _ := sign(t, &dnssec.Signer{Denial: denial}, parse(t, text.String()), nil, pair(t, dnssec.Ed25519), now())
		known, err := dnssec.VerifyNext(t.Context(), z, dnssec.VerifyOptions{})
		require.NoError(t, err)
		bad, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, "p.hosting.test. 60 NS ns.other.test.")) })
		require.NoError(t, err)
		o := dnssec.VerifyOptions{Limit: 1e6, Known: known}
		_, err = dnssec.VerifyNext(t.Context(), bad, o)
		o.Known = nil
		full := rules(dnssec.Verify(t.Context(), bad, o))
		require.Equal(t, full, rules(err), what)
		require.Greater(t, len(full), 2000, what)
	}
}

// What was let pass before is no longer.
func TestVerifyKnownByOtherRules(t *testing.T) {
	z, _ := sign(t, &dnssec.Signer{}, parse(t, shapes), nil, pair(t, dnssec.Ed25519), now())
	bad, err := z.Update(func(tx *dnssec.Tx) error { return tx.Replace(rr(t, "mail.hosting.test. 60 A 192.0.2.200")) })
	require.NoError(t, err)
	known, err := dnssec.VerifyNext(t.Context(), bad, dnssec.VerifyOptions{Allow: []dnssec.Rule{dnssec.RuleCrypto}})
	require.NoError(t, err)
	_, err = dnssec.VerifyNext(t.Context(), bad, dnssec.VerifyOptions{Known: known})
	require.Equal(t, []string{"mail.hosting.test. A: signature wrong"}, rules(err))
}

// A signature that is of no use under the present keys is not taken from before.
func TestVerifyKnownOfOtherKeys(t *testing.T) {
	keys := pair(t, dnssec.Ed25519)
	z, _ := sign(t, &dnssec.Signer{}, wide(t, 20), nil, keys, now())
	known, err := dnssec.VerifyNext(t.Context(), z, dnssec.VerifyOptions{})
	require.NoError(t, err)
	other := pair(t, dnssec.Ed25519)
	bad, err := z.Update(func(tx *dnssec.Tx) error {
		sets := []dns.RR{keys[0].Key.DNSKEY(3600), other[1].Key.DNSKEY(3600)}
		return tx.Replace(sets...)
	})
	require.NoError(t, err)
	_, err = dnssec.VerifyNext(t.Context(), bad, dnssec.VerifyOptions{Known: known})
	require.ErrorContains(t, err, string(dnssec.RuleSigningKey))
}

func BenchmarkVerify(b *testing.B) {
	z, _ := sign(b, &dnssec.Signer{}, wide(b, 3000), nil, pair(b, dnssec.ECDSAP256SHA256), now())
	for b.Loop() {
		require.NoError(b, dnssec.Verify(b.Context(), z, dnssec.VerifyOptions{}))
	}
}

// One record more in a zone of which all else is known.
func BenchmarkVerifyKnown(b *testing.B) {
	for what, denial := range denials {
		b.Run(what, func(b *testing.B) {
			s, keys, unsigned := &dnssec.Signer{Denial: denial}, pair(b, dnssec.ECDSAP256SHA256), wide(b, 60000)
			z, _ := sign(b, s, unsigned, nil, keys, now())
			known, err := dnssec.VerifyNext(b.Context(), z, dnssec.VerifyOptions{})
			require.NoError(b, err)
			next, err := unsigned.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(b, "h99x.hosting.test. 60 A 192.0.2.1")) })
			require.NoError(b, err)
			z, _ = sign(b, s, next, z, keys, now())
			for b.Loop() {
				_, err := dnssec.VerifyNext(b.Context(), z, dnssec.VerifyOptions{Known: known})
				require.NoError(b, err)
			}
		})
	}
}
