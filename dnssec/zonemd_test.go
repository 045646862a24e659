package dnssec_test

import (
	"encoding/hex"
	"fmt"
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

const exampleApex = `@ 86400 SOA ns1 admin 2018031900 1800 900 604800 86400
@ 86400 NS ns1
@ 86400 NS ns2
`

// The zones and digests of RFC 8976, appendices A.1 to A.3. That of A.2 has a record
// out of the zone, which is no part of the digest, and no zone of ours takes it.
func TestDigestsOfTheRFC(t *testing.T) {
	for _, c := range []struct {
		name, zone string
		hash       dnssec.ZONEMDHash
		want       string
	}{
		{"A.1", exampleApex + `
@ 86400 ZONEMD 2018031900 1 1 c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c
ns1 3600 A 203.0.113.63
ns2 3600 AAAA 2001:db8::63
`, dnssec.ZONEMDSHA384, "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c"},
		{"A.2", exampleApex + `
ns1 3600 A 203.0.113.63
NS2 3600 AAAA 2001:db8::63
occluded.sub 7200 TXT "I'm occluded but must be digested"
sub 7200 NS ns1
duplicate 300 TXT "I must be digested just once"
duplicate 300 TXT "I must be digested just once"
UPPERCASE 3600 TXT "canonicalize uppercase owner names"
* 777 PTR dont-forget-about-wildcards
mail 3600 MX 20 MAIL1
mail 3600 MX 10 Mail2.Example.
sortme 3600 AAAA 2001:db8::5:61
sortme 3600 AAAA 2001:db8::3:62
sortme 3600 AAAA 2001:db8::4:63
sortme 3600 AAAA 2001:db8::1:65
sortme 3600 AAAA 2001:db8::2:64
non-apex 900 ZONEMD 2018031900 1 1 616c6c6f776564206275742069676e6f7265642e20616c6c6f776564206275742069676e6f7265642e20616c6c6f7765
`, dnssec.ZONEMDSHA384, "a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe"},
		{"A.3, SHA-384", multiple, dnssec.ZONEMDSHA384, "62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306"},
		{"A.3, SHA-512", multiple, dnssec.ZONEMDSHA512, "08cfa1115c7b948c4163a901270395ea226a930cd2cbcf2fa9a5e6eb85f37c8a4e114d884e66f176eab121cb02db7d652e0cc4827e7a3204f166b47e5613fd27"},
	} {
		t.Run(c.name, func(t *testing.T) {
			z, err := dnssec.ParseZone(strings.NewReader(c.zone), "example.", dnssec.Options{})
			require.NoError(t, err)
			digest, err := z.ZONEMD(c.hash)
			require.NoError(t, err)
			require.Equal(t, c.want, hex.EncodeToString(digest))
		})
	}
}

const multiple = exampleApex + `
@ 86400 ZONEMD 2018031900 1 240 e2d523f654b9422a96c5a8f44607bbee
@ 86400 ZONEMD 2018031900 241 1 e1846540e33a9e4189792d18d5d131f605fc283e
ns1 3600 A 203.0.113.63
ns2 86400 TXT "This example has multiple digests"
NS2 3600 AAAA 2001:db8::63
`

func TestHashesThatAreRefused(t *testing.T) {
	z := parse(t, apex)
	_, err := z.ZONEMD(3)
	require.ErrorContains(t, err, "hash 3 is neither 1 nor 2")
	for _, hashes := range [][]dnssec.ZONEMDHash{{0}, {1, 3}, {2, 1, 2}} {
		_, _, err := (&dnssec.Signer{ZONEMD: hashes}).Sign(t.Context(), z, nil, pair(t, dnssec.Ed25519), now())
		require.ErrorContains(t, err, "ZONEMD hash")
	}
}

var hashes = []dnssec.ZONEMDHash{dnssec.ZONEMDSHA384, dnssec.ZONEMDSHA512}

// requireDigests checks that a zone has a ZONEMD record for each hash, of its own
// serial and digest.
func requireDigests(t *testing.T, z *dnssec.Zone, want ...dnssec.ZONEMDHash) {
	t.Helper()
	rrs := z.RRset(z.Origin(), dns.TypeZONEMD)
	require.Len(t, rrs, len(want))
	for i, h := range want {
		r := rrs[i].(*dns.ZONEMD)
		require.Equal(t, z.Serial(), r.Serial)
		require.EqualValues(t, 1, r.Scheme)
		require.EqualValues(t, h, r.Hash)
		digest, err := z.ZONEMD(h)
		require.NoError(t, err)
		require.Equal(t, hex.EncodeToString(digest), r.Digest)
	}
}

func TestZonesHaveTheirDigest(t *testing.T) {
	for what, denial := range denials {
		t.Run(what, func(t *testing.T) {
			keys := pair(t, dnssec.ECDSAP256SHA256)
			s := &dnssec.Signer{Denial: denial, ZONEMD: hashes}
			z, report := sign(t, s, parse(t, shapes), nil, keys, now())
			requireDigests(t, z, hashes...)
			requireSigned(t, z, keys, now())
			require.NoError(t, verify(t, z))
			plain, without := sign(t, &dnssec.Signer{Denial: denial}, parse(t, shapes), nil, keys, now())
			require.Equal(t, without.Signed+1, report.Signed)
			require.Equal(t, plain.Names(), z.Names())
			require.Equal(t, plain.Records()+3, z.Records(), "two digests and a signature")
		})
	}
}

// Digests of the unsigned zone cannot be right, and are never kept.
func TestDigestsOfTheUnsignedZone(t *testing.T) {
	old := apex + "@ 60 ZONEMD 1 1 1 " + strings.Repeat("00", 48) + "\na 60 ZONEMD 1 1 1 " + strings.Repeat("11", 48) + "\n"
	keys := pair(t, dnssec.ECDSAP256SHA256)
	z, _ := sign(t, &dnssec.Signer{}, parse(t, old), nil, keys, now())
	require.Empty(t, z.RRset(z.Origin(), dns.TypeZONEMD))
	require.NotEmpty(t, z.RRset(name(t, "a.hosting.test"), dns.TypeZONEMD))
	requireSigned(t, z, keys, now())

	z, _ = sign(t, &dnssec.Signer{ZONEMD: hashes[1:]}, parse(t, old), nil, keys, now())
	requireDigests(t, z, dnssec.ZONEMDSHA512)
}

func TestDigestsFollowWhatChanges(t *testing.T) {
	keys := pair(t, dnssec.ECDSAP256SHA256)
	s := &dnssec.Signer{ZONEMD: hashes[:1]}
	unsigned := parse(t, hosts(100))
	z, _ := sign(t, s, unsigned, nil, keys, now())

	same, report := sign(t, s, unsigned, z, keys, now())
	require.Same(t, z, same)
	require.Zero(t, report.Signed)

	unsigned, err := unsigned.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, "h5.hosting.test. 60 A 192.0.2.200")) })
	require.NoError(t, err)
	next, report := sign(t, s, unsigned, z, keys, now())
	require.Equal(t, 3, report.Signed, "the record, the SOA and the digest")
	require.Equal(t, z.Serial()+1, next.Serial())
	require.Equal(t, next.Records()-1, z.Records())
	requireDigests(t, next, hashes[0])
	requireSigned(t, next, keys, now())
	removed, added := dnssec.Diff(z, next)
	require.Len(t, removed, 5, "the SOA, the digest and three signatures")
	require.Len(t, added, 6)

	// Another hash, and none.
	s.ZONEMD = hashes
	more, _ := sign(t, s, unsigned, next, keys, now())
	requireDigests(t, more, hashes...)
	s.ZONEMD = nil
	none, _ := sign(t, s, unsigned, more, keys, now())
	require.Empty(t, none.RRset(none.Origin(), dns.TypeZONEMD))
	requireSigned(t, none, keys, now())
}

// Each part of a signature's life: the digest's own may be what is due.
func TestDigestsWhenSignaturesAreRefreshed(t *testing.T) {
	keys := pair(t, dnssec.ECDSAP256SHA256)
	s := &dnssec.Signer{ZONEMD: hashes[:1]}
	unsigned := parse(t, hosts(20))
	at := now().AddDate(0, 0, -13)
	z, report := sign(t, s, unsigned, nil, keys, at)
	for range 5 {
		at = report.NextRefresh
		var next *dnssec.Zone
		next, report = sign(t, s, unsigned, z, keys, at)
		require.Equal(t, z.Serial()+1, next.Serial())
		require.NotZero(t, report.Reused)
		require.Equal(t, z.Records(), next.Records())
		requireDigests(t, next, hashes[0])
		requireSigned(t, next, keys, at)
		z = next
	}
}

func TestRealDigests(t *testing.T) {
	program := peer.Look(t, "ldns-verify-zone")
	check := func(z *dnssec.Zone) (string, error) {
		file := filepath.Join(t.TempDir(), "zone")
		require.NoError(t, os.WriteFile(file, []byte(written(z)), 0o600))
		out, err := exec.CommandContext(t.Context(), program, "-ZZ", file).CombinedOutput()
		return string(out), err
	}
	keys := pair(t, dnssec.ECDSAP256SHA256)
	for what, denial := range denials {
		for _, hashes := range [][]dnssec.ZONEMDHash{hashes[:1], hashes[1:], hashes} {
			t.Run(fmt.Sprintf("%s %d", what, hashes), func(t *testing.T) {
				s := &dnssec.Signer{Denial: denial, ZONEMD: hashes}
				unsigned := parse(t, peaceful())
				z, _ := sign(t, s, unsigned, nil, keys, now())
				said, err := check(z)
				require.NoError(t, err, said)
				unsigned, err = unsigned.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, "x.hosting.test. 60 A 192.0.2.200")) })
				require.NoError(t, err)
				next, _ := sign(t, s, unsigned, z, keys, now())
				said, err = check(next)
				require.NoError(t, err, said)
				// A glue record more, which no signature covers, is what it finds.
				broken, err := next.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, "ns.safe.hosting.test. 3600 A 192.0.2.66")) })
				require.NoError(t, err)
				_, err = check(broken)
				require.Error(t, err)
			})
		}
	}
}
