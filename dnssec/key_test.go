package dnssec_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

var algorithms = []dnssec.Algorithm{dnssec.RSASHA256, dnssec.ECDSAP256SHA256, dnssec.ECDSAP384SHA384, dnssec.Ed25519}

func key(t testing.TB, o dnssec.KeyOptions) *dnssec.Key {
	t.Helper()
	k, err := dnssec.GenerateKey("hosting.test", o)
	require.NoError(t, err)
	return k
}

func TestKeysOfEveryAlgorithm(t *testing.T) {
	for _, alg := range algorithms {
		for _, sep := range []bool{false, true} {
			k := key(t, dnssec.KeyOptions{Algorithm: alg, SEP: sep})
			record := k.DNSKEY(60)
			require.Equal(t, record.KeyTag(), k.Tag())
			require.Equal(t, alg, k.Algorithm())
			require.Equal(t, sep, k.SEP())
			require.Equal(t, record.Flags&dns.SEP != 0, sep)
			require.Equal(t, "hosting.test.", k.Zone().String())
			for _, digest := range []dnssec.Digest{dnssec.SHA256, dnssec.SHA384} {
				ds, err := k.DS(digest, 60)
				require.NoError(t, err)
				require.Equal(t, record.ToDS(uint8(digest)).String(), ds.String())
			}
			_, err := k.DS(1, 60)
			require.ErrorContains(t, err, "digest 1")
		}
	}
	require.Equal(t, "algorithm 5", dnssec.Algorithm(5).String())
}

// The example of RFC 6605, section 6.1.
func TestKeyOfTheRFC(t *testing.T) {
	const public = "example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="
	const private = "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n"
	k, err := dnssec.ParseKey([]byte(public), []byte(private))
	require.NoError(t, err)
	require.EqualValues(t, 55648, k.Tag())
	require.EqualValues(t, 3600, k.TTL)
	ds, err := k.DS(dnssec.SHA256, 3600)
	require.NoError(t, err)
	require.Equal(t, "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17", ds.Digest)
}

func TestRevokedKeyHasAnotherTag(t *testing.T) {
	k := key(t, dnssec.KeyOptions{SEP: true})
	r := k.Revoke()
	require.True(t, r.Revoked())
	require.False(t, k.Revoked())
	require.NotEqual(t, k.Tag(), r.Tag())
	require.Equal(t, r.DNSKEY(1).KeyTag(), r.Tag())
	require.Equal(t, k.DNSKEY(1).PublicKey, r.DNSKEY(1).PublicKey)
}

func TestTagsThatCollide(t *testing.T) {
	k := key(t, dnssec.KeyOptions{SEP: true})
	require.NoError(t, dnssec.CheckTags([]*dnssec.Key{k}))
	require.ErrorContains(t, dnssec.CheckTags([]*dnssec.Key{k, k.Revoke()}), "one tag")
	a, b := colliding(t)
	require.ErrorContains(t, dnssec.CheckTags([]*dnssec.Key{a, b}), "one tag")
	require.ErrorContains(t, dnssec.CheckTags([]*dnssec.Key{a.Revoke(), b}), "one tag")
}

// A tag that another key gets when it is revoked is taken, too.
func TestTagsThatCollideWhenRevoked(t *testing.T) {
	revoked := map[uint16]*dnssec.Key{}
	for {
		k := key(t, dnssec.KeyOptions{Algorithm: dnssec.Ed25519})
		o := revoked[k.Tag()]
		if o != nil && o.Tag() != k.Tag() && o.Tag() != k.Revoke().Tag() {
			require.ErrorContains(t, dnssec.CheckTags([]*dnssec.Key{o, k}), "one tag")
			require.ErrorContains(t, dnssec.CheckTags([]*dnssec.Key{k, o}), "one tag")
			return
		}
		revoked[k.Revoke().Tag()] = k
	}
}

// colliding makes two keys of one tag.
func colliding(t *testing.T) (a, b *dnssec.Key) {
	tags := map[uint16]*dnssec.Key{}
	for {
		k := key(t, dnssec.KeyOptions{Algorithm: dnssec.Ed25519})
		if a := tags[k.Tag()]; a != nil {
			return a, k
		}
		tags[k.Tag()] = k
	}
}

func TestKeysThatCannotBe(t *testing.T) {
	for _, o := range []dnssec.KeyOptions{
		{Algorithm: 5}, {Algorithm: 7}, {Algorithm: 12}, {Algorithm: 16},
		{Algorithm: dnssec.RSASHA256, Bits: 1024}, {Algorithm: dnssec.RSASHA256, Bits: 8192},
	} {
		_, err := dnssec.GenerateKey("hosting.test", o)
		require.Error(t, err)
	}
	_, err := dnssec.GenerateKey("a..b", dnssec.KeyOptions{})
	require.ErrorContains(t, err, "empty label")

	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, err = dnssec.NewKey("x.test", dnssec.ECDSAP256SHA256, false, p384)
	require.ErrorContains(t, err, "not one of ECDSAP256SHA256")
	_, err = dnssec.NewKey("x.test", dnssec.Ed25519, false, p384)
	require.ErrorContains(t, err, "not one of ED25519")
	_, err = dnssec.NewKey("x.test", dnssec.Algorithm(1), false, p384)
	require.ErrorContains(t, err, "may not sign")
	small := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: big.NewInt(15), E: 3}}
	_, err = dnssec.NewKey("x.test", dnssec.RSASHA256, false, small)
	require.ErrorContains(t, err, "4 bits")
}

// Whatever way a key is printed, the private part is not.
func TestKeysPrintNothingSecret(t *testing.T) {
	k := key(t, dnssec.KeyOptions{})
	want := fmt.Sprintf("Khosting.test.+013+%05d", k.Tag())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		require.Equal(t, want, fmt.Sprintf(verb, k), verb)
		require.Equal(t, want, fmt.Sprintf(verb, *k), verb)
	}
	b, err := json.Marshal(k)
	require.NoError(t, err)
	require.NotContains(t, string(b), "igner")
}
