package dnssec_test

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

// The strictest of the validators: Knot's signer in its checking mode.
func TestRealKzonesignVerifies(t *testing.T) {
	program := peer.Look(t, "kzonesign")
	for what, denial := range denials {
		dir := t.TempDir()
		z, _ := sign(t, &dnssec.Signer{Denial: denial}, parse(t, peaceful()), nil, pair(t, dnssec.ECDSAP256SHA256), now())
		verify := func(z *dnssec.Zone) (string, error) {
			var text bytes.Buffer
			_, err := z.WriteTo(&text)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "hosting.test.zone"), text.Bytes(), 0o600))
			conf := filepath.Join(dir, "knot.conf")
			require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil,
				"database:\n  storage: %s\nzone:\n  - domain: hosting.test\n    storage: %s\n    file: hosting.test.zone\n", dir, dir), 0o600))
			out, err := exec.CommandContext(t.Context(), program, "-v", "-c", conf, "hosting.test").CombinedOutput()
			return string(out), err
		}
		out, err := verify(z)
		require.NoError(t, err, "%s: %s", what, out)
		bad, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, "mail.hosting.test. 60 A 192.0.2.200")) })
		require.NoError(t, err)
		_, err = verify(bad)
		require.Error(t, err, what)
	}
}

// The hashes of RFC 5155, appendix A, are with salt; these are of the same function
// by BIND's program.
func TestRealHashesOfNSEC3(t *testing.T) {
	program := peer.Look(t, "nsec3hash")
	z, _ := sign(t, &dnssec.Signer{Denial: dnssec.NSEC3}, parse(t, shapes), nil, pair(t, dnssec.Ed25519), now())
	var owners []string
	for _, rr := range ofType(z, dns.TypeNSEC3) {
		owners = append(owners, strings.ToUpper(strings.TrimSuffix(rr.Header().Name, ".hosting.test.")))
	}
	for _, n := range []string{"hosting.test", "*.hosting.test", `\*foo.hosting.test`, "ABC.hosting.test", `\065bc.hosting.test`, "b.ent.hosting.test"} {
		out, err := exec.CommandContext(t.Context(), program, "-", "1", "0", n).Output()
		require.NoError(t, err)
		require.Contains(t, owners, strings.Fields(string(out))[0], n)
	}
}

// The DS records of other programs.
func TestRealDSRecords(t *testing.T) {
	program := peer.Look(t, "dnssec-dsfromkey")
	dir := dnssec.KeyDir{Path: t.TempDir()}
	for _, alg := range algorithms {
		k := key(t, dnssec.KeyOptions{Algorithm: alg, SEP: true})
		require.NoError(t, dir.Save(k))
		for digest, flag := range map[dnssec.Digest]string{dnssec.SHA256: "SHA-256", dnssec.SHA384: "SHA-384"} {
			out, err := exec.CommandContext(t.Context(), program, "-a", flag, filepath.Join(dir.Path, k.String()+".key")).Output()
			require.NoError(t, err)
			ds, err := k.DS(digest, 3600)
			require.NoError(t, err)
			require.Equal(t, rr(t, string(out)).String(), ds.String())
		}
	}
}

// Vectors of RFC 6605, section 6.2, and RFC 8080, section 6.1.
func TestKeysOfTheRFCs(t *testing.T) {
	for _, c := range []struct {
		public, private string
		tag             uint16
		digest          dnssec.Digest
		ds              string
	}{
		{
			"example.net. 3600 IN DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
			"Private-key-format: v1.2\nAlgorithm: 14 (ECDSAP384SHA384)\nPrivateKey: WURgWHCcYIYUPWgeLmiPY2DJJk02vgrmTfitxgqcL4vwW7BOrbawVmVe0d9V94SR\n",
			10771, dnssec.SHA384,
			"72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6",
		},
		{
			"example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
			"Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\nPrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n",
			3613, dnssec.SHA256,
			"3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
		},
	} {
		k, err := dnssec.ParseKey([]byte(c.public), []byte(c.private))
		require.NoError(t, err)
		require.Equal(t, c.tag, k.Tag())
		ds, err := k.DS(c.digest, 3600)
		require.NoError(t, err)
		require.Equal(t, c.ds, ds.Digest)
	}
}

// Numbers that are not an RSA key, each in the place of one that is.
func TestRSAFilesThatAreRefused(t *testing.T) {
	k := key(t, dnssec.KeyOptions{Algorithm: dnssec.RSASHA256})
	private, err := k.MarshalPrivate()
	require.NoError(t, err)
	public := k.MarshalPublic()
	for _, c := range []struct{ field, value, want string }{
		{"Modulus", "AQAB", "below 1024 bits"},
		{"Modulus", base64.StdEncoding.EncodeToString(make([]byte, 513)), "longer than 4096 bits"},
		{"PublicExponent", base64.StdEncoding.EncodeToString([]byte{1, 0, 0, 0, 1}), "exponent above 31"},
		{"PrivateExponent", "AQAB", "not those of an RSA key"},
		{"Prime1", "AQAB", "not those of an RSA key"},
		{"Prime2", "", "Prime2 is missing"},
	} {
		var edited []string
		for line := range strings.Lines(string(private)) {
			if strings.HasPrefix(line, c.field+":") {
				line = c.field + ": " + c.value + "\n"
			}
			edited = append(edited, line)
		}
		_, err := dnssec.ParseKey(public, []byte(strings.Join(edited, "")))
		require.ErrorContains(t, err, c.want, c.field)
	}
}

// Old files had ECDSA numbers without leading zeros.
func TestShortPrivateNumber(t *testing.T) {
	for {
		k := key(t, dnssec.KeyOptions{})
		private, err := k.MarshalPrivate()
		require.NoError(t, err)
		line := strings.Fields(string(private))[6]
		d, err := base64.StdEncoding.DecodeString(line)
		require.NoError(t, err)
		if d[0] != 0 {
			continue
		}
		short := strings.Replace(string(private), line, base64.StdEncoding.EncodeToString(d[1:]), 1)
		back, err := dnssec.ParseKey(k.MarshalPublic(), []byte(short))
		require.NoError(t, err)
		require.Equal(t, k.DNSKEY(1), back.DNSKEY(1))
		return
	}
}

// A key whose primes are not known has no file.
func TestRSAKeyWithoutPrimes(t *testing.T) {
	k := key(t, dnssec.KeyOptions{Algorithm: dnssec.RSASHA256})
	private, err := k.MarshalPrivate()
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(private), "Prime2"))
	odd := &rsa.PrivateKey{PublicKey: publicOf(t, k)}
	bad, err := dnssec.NewKey("x.test", dnssec.RSASHA256, false, odd)
	require.NoError(t, err)
	_, err = bad.MarshalPrivate()
	require.ErrorContains(t, err, "0 primes")
}

// publicOf reads the modulus out of the record.
func publicOf(t *testing.T, k *dnssec.Key) rsa.PublicKey {
	b, err := base64.StdEncoding.DecodeString(k.DNSKEY(1).PublicKey)
	require.NoError(t, err)
	var p rsa.PublicKey
	p.E = 65537
	p.N = new(big.Int).SetBytes(b[4:])
	return p
}

// A crash between the two files leaves no key, and what is there does no harm.
func TestHalfWrittenKeys(t *testing.T) {
	dir := dnssec.KeyDir{Path: t.TempDir()}
	k := key(t, dnssec.KeyOptions{})
	require.NoError(t, os.WriteFile(filepath.Join(dir.Path, ".new-123"), []byte("Private-key"), 0o600))
	private, err := k.MarshalPrivate()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir.Path, k.String()+".private"), private, 0o600))
	keys, err := dir.List(k.Zone())
	require.NoError(t, err)
	require.Empty(t, keys)
	require.NoError(t, dir.Save(k))
	keys, err = dir.List(k.Zone())
	require.NoError(t, err)
	require.Len(t, keys, 1)
	// A private file cut short stops all.
	require.NoError(t, os.WriteFile(filepath.Join(dir.Path, k.String()+".private"), private[:40], 0o600))
	_, err = dir.List(k.Zone())
	require.Error(t, err)
	require.Error(t, dir.Save(k))
}
