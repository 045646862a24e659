package dnssec_test

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// with is a signed zone of which some records are signed too.
func with(t *testing.T, keys []dnssec.KeyUse, denial dnssec.Denial, rrs ...dns.RR) *dnssec.Zone {
	t.Helper()
	unsigned, err := parse(t, shapes).Update(func(tx *dnssec.Tx) error { return tx.Add(rrs...) })
	require.NoError(t, err)
	z, _ := sign(t, &dnssec.Signer{Denial: denial}, unsigned, nil, keys, now())
	return z
}

// CDS and CDNSKEY are of the same keys, and of none that is revoked.
func TestVerifyKeysOfCDS(t *testing.T) {
	keys := pair(t, dnssec.Ed25519)
	a := keys[0].Key
	b := key(t, dnssec.KeyOptions{SEP: true, Algorithm: dnssec.Ed25519, Others: []*dnssec.Key{a, keys[1].Key}})
	keys = append(keys, dnssec.KSK(b))
	cds := func(k *dnssec.Key) dns.RR {
		ds, err := k.DS(dnssec.SHA256, 3600)
		require.NoError(t, err)
		return ds.ToCDS()
	}
	cdnskey := func(k *dnssec.Key) dns.RR { return k.DNSKEY(3600).ToCDNSKEY() }
	const differ = "it is not of the keys that CDNSKEY is of"
	for what, c := range map[string]struct {
		rrs  []dns.RR
		want string
	}{
		"both":          {[]dns.RR{cds(a), cds(b), cdnskey(a), cdnskey(b)}, ""},
		"CDS only":      {[]dns.RR{cds(a)}, ""},
		"CDNSKEY only":  {[]dns.RR{cdnskey(b)}, ""},
		"a CDS less":    {[]dns.RR{cds(a), cdnskey(a), cdnskey(b)}, differ},
		"a CDS more":    {[]dns.RR{cds(a), cds(b), cdnskey(a)}, differ},
		"another":       {[]dns.RR{cds(a), cdnskey(b)}, differ},
		"gone, and not": {[]dns.RR{rr(t, "hosting.test. 3600 CDS 0 0 0 00"), cdnskey(a)}, differ},
		"not, and gone": {[]dns.RR{cds(a), rr(t, "hosting.test. 3600 CDNSKEY 0 3 0 AA==")}, differ},
	} {
		err := verify(t, with(t, keys, dnssec.NSEC, c.rrs...))
		if c.want == "" {
			require.NoError(t, err, what)
			continue
		}
		require.ErrorContains(t, err, c.want, what)
	}
	revoked := b.Revoke()
	keys[2] = dnssec.KSK(revoked)
	z := with(t, keys, dnssec.NSEC)
	require.NoError(t, verify(t, z))
	z = with(t, keys, dnssec.NSEC, cds(a), cdnskey(a), cds(revoked), cdnskey(revoked))
	require.ErrorContains(t, verify(t, z), "is revoked, or not a zone key")
}

// CDS records are of use at the apex and at signalling names, nowhere else.
func TestVerifyPlaceOfCDS(t *testing.T) {
	keys := pair(t, dnssec.Ed25519)
	for owner, good := range map[string]bool{
		"_dsboot.a.test._signal.ns1": true, "_dsboot._signal": true,
		"x._signal": false, "_dsboot.a.test.ns1": false, "a._dsboot.b._signal": false, "mail": false,
	} {
		z := with(t, keys, dnssec.NSEC, rr(t, owner+".hosting.test. 60 CDS 1 13 2 "+sha))
		var want []string
		if !good {
			want = []string{owner + ".hosting.test. CDS: not at the apex"}
		}
		require.Equal(t, want, rules(verify(t, z)))
	}
}

// Not every label of 32 letters is a hash.
func TestVerifyHashedOwners(t *testing.T) {
	keys := pair(t, dnssec.Ed25519)
	for _, denial := range []dnssec.Denial{dnssec.NSEC3, dnssec.NSEC3OptOut} {
		z := with(t, keys, denial, rr(t, strings.Repeat("v", 32)+".hosting.test. 60 A 192.0.2.1"), rr(t, strings.Repeat("z", 32)+".hosting.test. 60 A 192.0.2.1"))
		require.NoError(t, verify(t, z))
		for label, rule := range map[string]dnssec.Rule{
			strings.Repeat("z", 32): dnssec.RuleChainExtra, strings.Repeat("a", 31): dnssec.RuleChainExtra,
			strings.Repeat("a", 32) + ".b": dnssec.RuleChainExtra, strings.Repeat("a", 32): dnssec.RuleChainNext,
		} {
			extra := dns.Copy(ofType(z, dns.TypeNSEC3)[0])
			extra.Header().Name = label + ".hosting.test."
			bad, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(extra) })
			require.NoError(t, err)
			found := strings.Join(rules(verify(t, bad)), "\n")
			require.Contains(t, found, string(rule), label)
			if rule == dnssec.RuleChainExtra {
				require.Contains(t, found, extra.Header().Name+" NSEC3: "+string(rule))
				require.NotContains(t, found, string(dnssec.RuleChainNext), "what is no hash is not in the chain")
			}
		}
	}
}

// Keys that no validator can use, or should not be asked to.
func TestVerifyRefusesKeys(t *testing.T) {
	z, _ := sign(t, &dnssec.Signer{}, parse(t, shapes), nil, pair(t, dnssec.Ed25519), now())
	rsa := func(exponent, modulus []byte) []byte {
		return append(append([]byte{byte(len(exponent))}, exponent...), modulus...)
	}
	n := func(octets int) []byte { return bytes.Repeat([]byte{0xc5}, octets) }
	f4 := []byte{1, 0, 1}
	for what, c := range map[string]struct {
		alg    uint8
		public []byte
		good   bool
	}{
		"RSA":                {8, rsa(f4, n(256)), true},
		"RSA, largest":       {8, rsa(f4, n(512)), true},
		"RSA, too large":     {8, rsa(f4, n(513)), false},
		"RSA, small":         {8, rsa(f4, n(64)), false},
		"RSA, exponent 3":    {8, rsa([]byte{3}, n(256)), true},
		"RSA, exponent 1":    {8, rsa([]byte{1}, n(256)), false},
		"RSA, even exponent": {8, rsa([]byte{1, 0, 0}, n(256)), false},
		"RSA, cut short":     {8, []byte{3, 1}, false},
		"Ed25519, short":     {15, n(31), false},
		"P-256, no point":    {13, n(64), false},
		"P-384, no point":    {14, n(96), false},
		"RSASHA1":            {5, rsa(f4, n(256)), false},
	} {
		k := &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: "hosting.test.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET},
			Flags: 256, Protocol: 3, Algorithm: c.alg, PublicKey: base64.StdEncoding.EncodeToString(c.public),
		}
		err := dnssec.Verify(t.Context(), z, dnssec.VerifyOptions{Unpublished: []*dns.DNSKEY{k}})
		require.Equal(t, c.good, err == nil, "%s: %v", what, err)
	}
}

// Two keys of one tag, of which one is not in the zone.
func TestVerifyKeyTagsOfUnpublished(t *testing.T) {
	a, b := colliding(t)
	z := with(t, []dnssec.KeyUse{dnssec.KSK(key(t, dnssec.KeyOptions{SEP: true, Algorithm: dnssec.Ed25519, Others: []*dnssec.Key{a}})), dnssec.ZSK(a)}, dnssec.NSEC)
	require.NoError(t, dnssec.Verify(t.Context(), z, dnssec.VerifyOptions{Unpublished: []*dns.DNSKEY{a.DNSKEY(60)}}))
	err := dnssec.Verify(t.Context(), z, dnssec.VerifyOptions{Unpublished: []*dns.DNSKEY{b.DNSKEY(60)}})
	require.Equal(t, []string{"hosting.test. DNSKEY: key tag used twice"}, rules(err))
}

// A key in the place of another, with its tag: what that one signed is not taken from
// before.
func TestVerifyKnownOfAKeyWithTheSameTag(t *testing.T) {
	a, b := colliding(t)
	ksk := key(t, dnssec.KeyOptions{SEP: true, Algorithm: dnssec.Ed25519, Others: []*dnssec.Key{a}})
	z := with(t, []dnssec.KeyUse{dnssec.KSK(ksk), dnssec.ZSK(a)}, dnssec.NSEC)
	known, err := dnssec.VerifyNext(t.Context(), z, dnssec.VerifyOptions{})
	require.NoError(t, err)
	bad, err := z.Update(func(tx *dnssec.Tx) error { return tx.Replace(ksk.DNSKEY(3600), b.DNSKEY(3600)) })
	require.NoError(t, err)
	_, err = dnssec.VerifyNext(t.Context(), bad, dnssec.VerifyOptions{Known: known})
	require.Contains(t, rules(err), "mail.hosting.test. A: signature wrong")
	require.Equal(t, rules(verify(t, bad)), rules(err))
}

// A zone of which no key counts is not one without faults.
func TestVerifyWithoutKeysThatCount(t *testing.T) {
	keys := pair(t, dnssec.Ed25519)
	z := with(t, keys, dnssec.NSEC)
	bad, err := z.Update(func(tx *dnssec.Tx) error { return tx.Replace(keys[0].Key.Revoke().DNSKEY(3600)) })
	require.NoError(t, err)
	require.ErrorContains(t, verify(t, bad), "no DNSKEY can verify anything")
}

// What is published of an algorithm signs all; a key of it that is not published does
// not make up for that.
func TestVerifyAlgorithmOfUnpublished(t *testing.T) {
	old, young := pair(t, dnssec.ECDSAP256SHA256), pair(t, dnssec.Ed25519)
	young[0].Publish, young[1].Publish = false, false
	z := with(t, append(young, old...), dnssec.NSEC)
	reserve := key(t, dnssec.KeyOptions{Algorithm: dnssec.Ed25519, Others: []*dnssec.Key{old[0].Key, old[1].Key, young[0].Key, young[1].Key}})
	bad, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(reserve.DNSKEY(3600)) })
	require.NoError(t, err)
	err = dnssec.Verify(t.Context(), bad, dnssec.VerifyOptions{Unpublished: []*dns.DNSKEY{young[0].Key.DNSKEY(60), young[1].Key.DNSKEY(60)}})
	require.Contains(t, rules(err), "mail.hosting.test. A: algorithm does not sign all")
}

// signWith is a signature as another one is, by a key that may have other flags.
func signWith(t *testing.T, k *dnssec.Key, old *dns.RRSIG, tag uint16, rrs []dns.RR) *dns.RRSIG {
	t.Helper()
	file, err := k.MarshalPrivate()
	require.NoError(t, err)
	private, err := k.DNSKEY(60).NewPrivateKey(string(file))
	require.NoError(t, err)
	sig := &dns.RRSIG{
		Hdr: dns.RR_Header{Ttl: old.Hdr.Ttl}, KeyTag: tag, Algorithm: uint8(k.Algorithm()), SignerName: old.SignerName,
		Inception: old.Inception, Expiration: old.Expiration,
	}
	require.NoError(t, sig.Sign(private.(crypto.Signer), rrs))
	return sig
}

// A key without the zone flag signs nothing (RFC 4034, section 2.1.1).
func TestVerifyKeyOfNoZone(t *testing.T) {
	keys := pair(t, dnssec.Ed25519)
	z := with(t, keys, dnssec.NSEC)
	apex, mail := name(t, "hosting.test"), name(t, "mail.hosting.test")
	other := key(t, dnssec.KeyOptions{Algorithm: dnssec.Ed25519})
	host := other.DNSKEY(3600)
	host.Flags = 0
	all := append(z.RRset(apex, dns.TypeDNSKEY), host)
	bad, err := z.Update(func(tx *dnssec.Tx) error {
		before := z.At(apex).Signatures(dns.TypeDNSKEY)[0].(*dns.RRSIG)
		if err := tx.Remove(before); err != nil {
			return err
		}
		of := z.At(mail).Signatures(dns.TypeA)[0].(*dns.RRSIG)
		return tx.Add(
			host, signWith(t, keys[0].Key, before, keys[0].Key.Tag(), all),
			signWith(t, other, of, host.KeyTag(), z.RRset(mail, dns.TypeA)),
		)
	})
	require.NoError(t, err)
	require.Equal(t, []string{"mail.hosting.test. A: signature of no published key"}, rules(verify(t, bad)))
}

// rechain is a zone in which a denial record is another, signed well.
func rechain(t *testing.T, z *dnssec.Zone, k *dnssec.Key, change func(dns.RR), record dns.RR, gone ...dns.RR) *dnssec.Zone {
	t.Helper()
	at, typ := name(t, record.Header().Name), record.Header().Rrtype
	old := z.At(at).Signatures(typ)[0].(*dns.RRSIG)
	bad, err := z.Update(func(tx *dnssec.Tx) error {
		for _, rr := range gone {
			tx.RemoveName(name(t, rr.Header().Name))
		}
		if err := tx.Remove(old, record); err != nil {
			return err
		}
		changed := dns.Copy(record)
		change(changed)
		return tx.Add(changed, signWith(t, k, old, old.KeyTag, []dns.RR{changed}))
	})
	require.NoError(t, err)
	return bad
}

// The last record of the chain leads to the first.
func TestVerifyEndOfChain(t *testing.T) {
	keys := pair(t, dnssec.Ed25519)
	for what, denial := range denials {
		z := with(t, keys, denial)
		typ := dns.TypeNSEC
		if denial != dnssec.NSEC {
			typ = dns.TypeNSEC3
		}
		records := ofType(z, typ)
		last := records[len(records)-1]
		bad := rechain(t, z, keys[1].Key, func(rr dns.RR) {
			switch rr := rr.(type) {
			case *dns.NSEC:
				rr.NextDomain = "abc.hosting.test."
			case *dns.NSEC3:
				rr.NextDomain = records[1].(*dns.NSEC3).NextDomain
			}
		}, last)
		require.Equal(t, []string{last.Header().Name + " " + dns.Type(typ).String() + ": chain broken"}, rules(verify(t, bad)), what)
	}
}

// Each name has its NSEC3 record, also one without records of its own; opt-out leaves
// out none that is not a delegation.
func TestVerifyMissingHashes(t *testing.T) {
	keys := pair(t, dnssec.Ed25519)
	for what, denial := range denials {
		if denial == dnssec.NSEC {
			continue
		}
		z := with(t, keys, denial)
		records := ofType(z, dns.TypeNSEC3)
		for _, n := range []string{"ent.hosting.test.", "b.ent.hosting.test.", "mail.hosting.test.", "safe.hosting.test.", "*.hosting.test."} {
			hash := strings.ToLower(dns.HashName(n, dns.SHA1, 0, ""))
			i := slices.IndexFunc(records, func(rr dns.RR) bool { return rr.Header().Name == hash+".hosting.test." })
			require.GreaterOrEqual(t, i, 0)
			gone, before := records[i], records[(i+len(records)-1)%len(records)]
			bad := rechain(t, z, keys[1].Key, func(rr dns.RR) { rr.(*dns.NSEC3).NextDomain = gone.(*dns.NSEC3).NextDomain }, before, gone)
			require.Equal(t, []string{n + " NSEC3: chain lacks a name"}, rules(verify(t, bad)), what)
		}
	}
}

// A fault of two signatures is one finding.
func TestVerifyFindsOnce(t *testing.T) {
	keys := append(pair(t, dnssec.ECDSAP256SHA256), pair(t, dnssec.Ed25519)...)
	z := with(t, keys, dnssec.NSEC)
	all := rules(dnssec.Verify(t.Context(), z, dnssec.VerifyOptions{At: now().AddDate(-1, 0, 0), Limit: 1e6}))
	require.NotEmpty(t, all)
	require.Len(t, slices.Compact(slices.Clone(all)), len(all))
}
