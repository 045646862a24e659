package dnssec_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// now is a time at which signatures of the tests are made; real validators judge by
// their own clock.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// pair is a KSK and a ZSK.
func pair(t testing.TB, alg dnssec.Algorithm) []dnssec.KeyUse {
	t.Helper()
	ksk := key(t, dnssec.KeyOptions{Algorithm: alg, SEP: true})
	zsk := key(t, dnssec.KeyOptions{Algorithm: alg, Others: []*dnssec.Key{ksk}})
	return []dnssec.KeyUse{dnssec.KSK(ksk), dnssec.ZSK(zsk)}
}

func sign(t testing.TB, s *dnssec.Signer, unsigned, prev *dnssec.Zone, keys []dnssec.KeyUse, at time.Time) (*dnssec.Zone, dnssec.Report) {
	t.Helper()
	z, report, err := s.Sign(t.Context(), unsigned, prev, keys, at)
	require.NoError(t, err)
	return z, report
}

// requireSigned checks by the library that each RRset which must be signed is, by the
// keys that must, and that nothing else is.
func requireSigned(t testing.TB, z *dnssec.Zone, keys []dnssec.KeyUse, at time.Time) {
	t.Helper()
	sets := map[string][]dns.RR{}
	sigs := map[string][]*dns.RRSIG{}
	for rr := range z.All() {
		h := rr.Header()
		if sig, ok := rr.(*dns.RRSIG); ok {
			id := h.Name + " " + dns.TypeToString[sig.TypeCovered]
			sigs[id] = append(sigs[id], sig)
			continue
		}
		id := h.Name + " " + dns.Type(h.Rrtype).String()
		sets[id] = append(sets[id], rr)
	}
	byTag := map[uint16]dnssec.KeyUse{}
	for _, k := range keys {
		byTag[k.Key.Tag()] = k
	}
	for id, set := range sets {
		h := set[0].Header()
		typ := h.Rrtype
		want := 0
		if mustBeSigned(z.Place(name(t, h.Name)).Kind, typ) {
			for _, k := range keys {
				if keysType(typ) && k.SignKeys || !keysType(typ) && k.SignZone {
					want++
				}
			}
		}
		require.Len(t, sigs[h.Name+" "+dns.TypeToString[typ]], want, id)
		for _, sig := range sigs[h.Name+" "+dns.TypeToString[typ]] {
			require.Equal(t, set[0].Header().Ttl, sig.Hdr.Ttl, id)
			require.Equal(t, set[0].Header().Ttl, sig.OrigTtl, id)
			labels := name(t, h.Name).Labels()
			if name(t, h.Name).Wildcard() {
				labels--
			}
			require.EqualValues(t, labels, sig.Labels, id)
			k, ok := byTag[sig.KeyTag]
			require.True(t, ok, id)
			require.NoError(t, sig.Verify(k.Key.DNSKEY(1), set), id)
			require.True(t, sig.ValidityPeriod(at), id)
		}
		delete(sigs, h.Name+" "+dns.TypeToString[typ])
	}
	require.Empty(t, sigs, "signatures of nothing")
}

func keysType(typ uint16) bool {
	return typ == dns.TypeDNSKEY || typ == dns.TypeCDS || typ == dns.TypeCDNSKEY
}

func mustBeSigned(kind dnssec.Kind, typ uint16) bool {
	switch {
	case typ == dns.TypeNSEC3:
		return true
	case kind == dnssec.Delegation:
		return typ == dns.TypeDS || typ == dns.TypeNSEC
	}
	return kind == dnssec.Authoritative
}

var denials = map[string]dnssec.Denial{"NSEC": dnssec.NSEC, "NSEC3": dnssec.NSEC3, "opt-out": dnssec.NSEC3OptOut}

// typed is the zone of all shapes without a type that the library cannot name.
func typed() string { return strings.ReplaceAll(shapes, "odd\tTYPE65400\t\\# 3 AbCdEf\n", "") }

func TestEveryRRsetIsSigned(t *testing.T) {
	for _, alg := range algorithms {
		for what, denial := range denials {
			keys := pair(t, alg)
			s := &dnssec.Signer{Denial: denial}
			z, report := sign(t, s, parse(t, typed()), nil, keys, now())
			requireSigned(t, z, keys, now())
			require.True(t, report.Changed, what)
			require.Zero(t, report.Reused)
			require.Len(t, ofType(z, dns.TypeRRSIG), report.Signed)
			require.Len(t, ofType(z, dns.TypeDNSKEY), 2)
		}
	}
}

// ofType is all records of a type.
func ofType(z *dnssec.Zone, typ uint16) []dns.RR {
	return slices.DeleteFunc(slices.Collect(z.All()), func(rr dns.RR) bool { return rr.Header().Rrtype != typ })
}

func TestChainOfNSEC(t *testing.T) {
	z, _ := sign(t, &dnssec.Signer{}, parse(t, shapes), nil, pair(t, dnssec.Ed25519), now())
	var got []string
	for _, line := range lines(ofType(z, dns.TypeNSEC)) {
		got = append(got, strings.ReplaceAll(strings.ReplaceAll(line, ".hosting.test.", "."), " 900 IN NSEC", ""))
	}
	require.Equal(t, []string{
		"hosting.test. *. NS SOA MX RRSIG NSEC DNSKEY CAA",
		"*. *foo. TXT RRSIG NSEC",
		"*foo. abc. A RRSIG NSEC",
		"abc. lone.deep. A RRSIG NSEC",
		"lone.deep. a.b.ent. NS RRSIG NSEC",
		"a.b.ent. https. A RRSIG NSEC",
		"https. mail. RRSIG NSEC HTTPS",
		"mail. nap. A AAAA RRSIG NSEC",
		"nap. ns1. NAPTR RRSIG NSEC",
		"ns1. odd. A RRSIG NSEC",
		"odd. open. RRSIG NSEC TYPE65400",
		"open. red. NS RRSIG NSEC",
		"red. safe. TXT DNAME RRSIG NSEC",
		"safe. sip. NS DS RRSIG NSEC",
		"sip. *.star. SRV RRSIG NSEC",
		"*.star. *.wild. A RRSIG NSEC",
		"*.wild. www. MX RRSIG NSEC",
		"www. hosting.test. CNAME RRSIG NSEC",
	}, got, "an address at a cut is the child's, and empty non-terminals have none")
}

func TestChainOfNSEC3(t *testing.T) {
	for _, c := range []struct {
		denial dnssec.Denial
		flags  uint8
		absent []string // names that others of the kind have a record for
	}{
		{dnssec.NSEC3, 0, nil},
		{dnssec.NSEC3OptOut, 1, []string{"open", "lone.deep", "deep"}},
	} {
		z, _ := sign(t, &dnssec.Signer{Denial: c.denial}, parse(t, shapes), nil, pair(t, dnssec.Ed25519), now())
		want := map[string]string{ // by hash
		}
		for owner, types := range map[string]string{
			"": "NS SOA MX RRSIG DNSKEY NSEC3PARAM CAA", "*.": "TXT RRSIG", "*foo.": "A RRSIG", "abc.": "A RRSIG",
			"deep.": "", "lone.deep.": "NS", "ent.": "", "b.ent.": "", "a.b.ent.": "A RRSIG", "https.": "RRSIG HTTPS",
			"mail.": "A AAAA RRSIG", "nap.": "NAPTR RRSIG", "ns1.": "A RRSIG", "odd.": "RRSIG TYPE65400", "open.": "NS",
			"red.": "TXT DNAME RRSIG", "safe.": "NS DS RRSIG", "sip.": "SRV RRSIG", "star.": "", "*.star.": "A RRSIG",
			"wild.": "", "*.wild.": "MX RRSIG", "www.": "CNAME RRSIG",
		} {
			if !slices.Contains(c.absent, strings.TrimSuffix(owner, ".")) {
				want[strings.ToLower(dns.HashName(owner+"hosting.test.", dns.SHA1, 0, ""))] = types
			}
		}
		hashes := make([]string, 0, len(want))
		for _, rr := range ofType(z, dns.TypeNSEC3) {
			n := rr.(*dns.NSEC3)
			hash, _, _ := strings.Cut(n.Hdr.Name, ".")
			types := make([]string, len(n.TypeBitMap))
			for i, typ := range n.TypeBitMap {
				types[i] = dns.Type(typ).String()
			}
			require.Contains(t, want, hash)
			require.Equal(t, want[hash], strings.Join(types, " "), hash)
			require.Equal(t, c.flags, n.Flags)
			require.Zero(t, n.Iterations)
			require.Zero(t, n.SaltLength)
			require.EqualValues(t, 900, n.Hdr.Ttl)
			hashes = append(hashes, hash)
		}
		require.Len(t, hashes, len(want))
		require.True(t, slices.IsSorted(hashes))
		for i, rr := range ofType(z, dns.TypeNSEC3) {
			require.Equal(t, hashes[(i+1)%len(hashes)], strings.ToLower(rr.(*dns.NSEC3).NextDomain))
		}
		require.Equal(t, []string{"hosting.test. 0 IN NSEC3PARAM 1 0 0 -"}, lines(ofType(z, dns.TypeNSEC3PARAM)))
	}
}

// The lesser of the SOA's TTL and its last field (RFC 9077).
func TestTTLOfDenial(t *testing.T) {
	for text, want := range map[string]uint32{
		"@ 300 SOA a b 1 2 3 4 900\n": 300, "@ 3600 SOA a b 1 2 3 4 900\n": 900, "@ 60 SOA a b 1 2 3 4 4294967295\n": 60,
	} {
		z, _ := sign(t, &dnssec.Signer{}, parse(t, text), nil, pair(t, dnssec.Ed25519), now())
		require.Equal(t, want, ofType(z, dns.TypeNSEC)[0].Header().Ttl)
	}
}

// A key with tag 0 signs as others do.
func TestKeyWithTagZero(t *testing.T) {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], 76507) // whose hash is such a key
	seed := sha256.Sum256(counter[:])
	k, err := dnssec.NewKey("hosting.test", dnssec.Ed25519, false, ed25519.NewKeyFromSeed(seed[:]))
	require.NoError(t, err)
	require.Zero(t, k.Tag())
	keys := []dnssec.KeyUse{dnssec.KSK(key(t, dnssec.KeyOptions{Algorithm: dnssec.Ed25519, SEP: true})), dnssec.ZSK(k)}
	z, _ := sign(t, &dnssec.Signer{}, parse(t, typed()), nil, keys, now())
	requireSigned(t, z, keys, now())
	again, report := sign(t, &dnssec.Signer{}, parse(t, typed()), z, keys, now())
	require.Same(t, z, again)
	require.False(t, report.Changed)
}

// Times go on after 2106 (RFC 4034, section 3.1.5).
func TestSignaturesBeyond2106(t *testing.T) {
	at := time.Unix(1<<32-3600*24, 0)
	keys := pair(t, dnssec.ECDSAP256SHA256)
	z, report := sign(t, &dnssec.Signer{}, parse(t, typed()), nil, keys, at)
	for _, rr := range ofType(z, dns.TypeRRSIG) {
		sig := rr.(*dns.RRSIG)
		require.Greater(t, sig.Inception, sig.Expiration)
		require.Positive(t, int32(sig.Expiration-sig.Inception))
	}
	require.True(t, report.NextRefresh.After(at.AddDate(0, 0, 8)))
	_, report = sign(t, &dnssec.Signer{}, parse(t, typed()), z, keys, at.AddDate(0, 0, 2))
	require.False(t, report.Changed, "after the wrap they are still good")
	_, report = sign(t, &dnssec.Signer{}, parse(t, typed()), z, keys, at.AddDate(0, 0, 9))
	require.Zero(t, report.Reused)
}

// Other signers' keys stay, and stale records of an earlier signing go.
func TestSignedZoneIsSignedAgain(t *testing.T) {
	other := key(t, dnssec.KeyOptions{Algorithm: dnssec.Ed25519})
	foreign, err := parse(t, shapes).Update(func(tx *dnssec.Tx) error { return tx.Add(other.DNSKEY(60)) })
	require.NoError(t, err)
	keys := pair(t, dnssec.Ed25519)
	z, _ := sign(t, &dnssec.Signer{Denial: dnssec.NSEC3, DNSKEYTTL: 77}, foreign, nil, keys, now())
	require.Len(t, ofType(z, dns.TypeDNSKEY), 3)
	require.EqualValues(t, 77, ofType(z, dns.TypeDNSKEY)[0].Header().Ttl)

	again, _ := sign(t, &dnssec.Signer{}, z, nil, keys, now())
	require.Empty(t, ofType(again, dns.TypeNSEC3))
	require.Empty(t, ofType(again, dns.TypeNSEC3PARAM))
	direct, _ := sign(t, &dnssec.Signer{DNSKEYTTL: 3600}, foreign, nil, keys, now())
	require.Equal(t, lines(ofType(direct, dns.TypeNSEC)), lines(ofType(again, dns.TypeNSEC)))
}

// Whatever can be read can be signed, and the library agrees with each signature.
func FuzzSign(f *testing.F) {
	f.Add(typed(), uint8(0))
	f.Add("@ 60 SOA a b 1 2 3 4 5\n*.a NS b\n*.a DS 1 13 2 "+sha+"\na DNAME c.\nx.a A 192.0.2.1\n", uint8(1))
	f.Add("@ 60 SOA a b 1 2 3 4 5\n@ DNAME c.\n*.*.*.b.c NS d\n", uint8(2))
	ksk, err := dnssec.GenerateKey("hosting.test", dnssec.KeyOptions{Algorithm: dnssec.Ed25519, SEP: true})
	require.NoError(f, err)
	keys := []dnssec.KeyUse{dnssec.CSK(ksk)}
	f.Fuzz(func(t *testing.T, text string, denial uint8) {
		if len(text) > 2<<10 || strings.Contains(strings.ToUpper(text), "$GENERATE") {
			return
		}
		z, err := dnssec.ParseZone(strings.NewReader(text), "hosting.test", dnssec.Options{})
		if err != nil {
			return
		}
		s := &dnssec.Signer{Denial: dnssec.Denial(denial % 3)}
		signed, report, err := s.Sign(t.Context(), z, nil, keys, time.Unix(1.8e9, 0))
		require.NoError(t, err)
		again, second, err := s.Sign(t.Context(), z, signed, keys, time.Unix(1.8e9, 0))
		require.NoError(t, err)
		require.Same(t, signed, again)
		require.Equal(t, report.Signed, second.Reused)
		require.Equal(t, report.NextRefresh, second.NextRefresh)
	})
}
