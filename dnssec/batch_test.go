package dnssec_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// hosts is a zone of many names, so that there are batches.
func hosts(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "h%d 60 A 192.0.2.1\n*.h%d 60 TXT \"%d\"\n", i, i, i)
	}
	return peaceful() + b.String()
}

func TestBatchesAreAsGoodAsOneByOne(t *testing.T) {
	z := parse(t, hosts(300))
	for what, denial := range denials {
		for _, workers := range []int{0, 1, 5} {
			t.Run(fmt.Sprint(what, " ", workers), func(t *testing.T) {
				keys := pair(t, dnssec.ECDSAP256SHA256)
				signed, report := sign(t, &dnssec.Signer{Denial: denial, Workers: workers, BatchECDSA: true}, z, nil, keys, now())
				requireSigned(t, signed, keys, now())
				require.NoError(t, verify(t, signed))
				plain, same := sign(t, &dnssec.Signer{Denial: denial}, z, nil, keys, now())
				require.Equal(t, same.Signed, report.Signed)
				require.Equal(t, withoutSignatures(plain), withoutSignatures(signed))
			})
		}
	}
}

// withoutSignatures is the records, and in place of each signature what it covers.
func withoutSignatures(z *dnssec.Zone) []string {
	var out []string
	for rr := range z.All() {
		if sig, ok := rr.(*dns.RRSIG); ok {
			sig.Signature, sig.Inception, sig.Expiration = "", 0, 0
		}
		out = append(out, rr.String())
	}
	return out
}

// Two keys of one algorithm, of which both or one can batch, and one of another.
func TestBatchesOfSomeKeys(t *testing.T) {
	z := parse(t, hosts(300))
	remote := func() *dnssec.Key {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		k, err := dnssec.NewKey("hosting.test", dnssec.ECDSAP256SHA256, false, struct{ crypto.Signer }{private})
		require.NoError(t, err)
		return k
	}
	for what, more := range map[string][]dnssec.KeyUse{
		"two":               {dnssec.ZSK(key(t, dnssec.KeyOptions{}))},
		"one in a module":   {dnssec.ZSK(remote())},
		"another algorithm": pair(t, dnssec.Ed25519),
		"P-384":             pair(t, dnssec.ECDSAP384SHA384),
	} {
		t.Run(what, func(t *testing.T) {
			keys := append(pair(t, dnssec.ECDSAP256SHA256), more...)
			signed, _ := sign(t, &dnssec.Signer{BatchECDSA: true}, z, nil, keys, now())
			requireSigned(t, signed, keys, now())
		})
	}
}

// A key that is not one pair makes nothing but an error.
func TestBatchesThatAreWrongAreNotPublished(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	private.PublicKey = other.PublicKey
	k, err := dnssec.NewKey("hosting.test", dnssec.ECDSAP256SHA256, true, private)
	require.NoError(t, err)
	s := dnssec.Signer{BatchECDSA: true}
	_, _, err = s.Sign(t.Context(), parse(t, hosts(300)), nil, []dnssec.KeyUse{dnssec.CSK(k)}, now())
	require.ErrorContains(t, err, `dnssec: sign "hosting.test."`)
	require.ErrorContains(t, err, "a signature is wrong")
}

// What was signed in batches is kept, and a change of one record needs no batch.
func TestBatchesAndReuse(t *testing.T) {
	s := &dnssec.Signer{BatchECDSA: true}
	keys := pair(t, dnssec.ECDSAP256SHA256)
	z := parse(t, hosts(300))
	signed, _ := sign(t, s, z, nil, keys, now())
	same, report := sign(t, s, z, signed, keys, now())
	require.Same(t, signed, same)
	require.Zero(t, report.Signed)
	z, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, "h7.hosting.test. 60 A 192.0.2.2")) })
	require.NoError(t, err)
	next, report := sign(t, s, z, signed, keys, now())
	require.Equal(t, 2, report.Signed)
	requireSigned(t, next, keys, now())
}

// In FIPS 140 mode the standard library signs.
func TestBatchesInFIPSMode(t *testing.T) {
	if fips140.Enabled() {
		keys := pair(t, dnssec.ECDSAP256SHA256)
		signed, _ := sign(t, &dnssec.Signer{BatchECDSA: true}, parse(t, hosts(50)), nil, keys, now())
		requireSigned(t, signed, keys, now())
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestBatchesInFIPSMode$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=on")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "PASS: TestBatchesInFIPSMode")
}

func TestRealValidatorsOfBatches(t *testing.T) {
	for what, denial := range denials {
		t.Run(what, func(t *testing.T) {
			z, _ := sign(t, &dnssec.Signer{Denial: denial, BatchECDSA: true}, parse(t, hosts(300)), nil, pair(t, dnssec.ECDSAP256SHA256), now())
			requireValid(t, z, false)
		})
	}
}
