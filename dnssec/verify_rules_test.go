package dnssec_test

import (
	"bytes"
	"encoding/base64"
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
