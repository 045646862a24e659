package dnssec_test

import (
	"crypto/sha1"
	"encoding/base32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// What an entry has of each type, with the owner as it is asked for.
func TestEntries(t *testing.T) {
	z, _ := sign(t, &dnssec.Signer{}, parse(t, shapes), nil, pair(t, dnssec.Ed25519), now())
	e := z.At(name(t, "mail.hosting.test"))
	require.True(t, e.OK())
	require.Equal(t, "mail.hosting.test.", e.Name().String())
	require.Equal(t, []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeNSEC}, e.Types())
	require.True(t, e.Has(dns.TypeAAAA))
	require.Len(t, e.RRset(dns.TypeA), 1)
	require.Len(t, e.Signatures(dns.TypeA), 1)
	require.Equal(t, dns.TypeA, e.Signatures(dns.TypeA)[0].(*dns.RRSIG).TypeCovered)
	rrs := e.Append(nil, "MAIL.hosting.test.", dns.TypeA, true)
	require.Len(t, rrs, 2)
	require.Equal(t, "MAIL.hosting.test.", rrs[1].Header().Name)
	require.Equal(t, "mail.hosting.test.", e.RRset(dns.TypeA)[0].Header().Name)

	none := z.At(name(t, "nope.hosting.test"))
	require.False(t, none.OK())
	require.Zero(t, none.Name())
	require.Empty(t, none.Types())
	require.Empty(t, none.Append(nil, "", dns.TypeA, true))
}

// The denial record of each name is that which a walk over all of them finds.
func TestDenialsAgainstASearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for what, denial := range denials {
		for range 3 {
			unsigned := randomZone(t, rng, 30)
			for range 3 { // and through edits
				z, _ := sign(t, &dnssec.Signer{Denial: denial}, unsigned, nil, pair(t, dnssec.Ed25519), now())
				asked := randomZone(t, rng, 60)
				for rr := range asked.All() {
					n := name(t, rr.Header().Name)
					if denial == dnssec.NSEC {
						searchNSEC(t, z, n)
					} else {
						searchNSEC3(t, z, n)
					}
				}
				got, ok := z.Chain()
				require.True(t, ok, what)
				require.Equal(t, denial, got, what)
				var err error
				unsigned, err = unsigned.Update(func(tx *dnssec.Tx) error {
					return tx.Add(rr(t, "q"+string(rune('a'+rng.IntN(26)))+".hosting.test. 60 A 192.0.2.1"))
				})
				require.NoError(t, err)
			}
		}
	}
	_, ok := parse(t, shapes).Chain()
	require.False(t, ok)
}

func searchNSEC(t *testing.T, z *dnssec.Zone, n dnssec.Name) {
	t.Helper()
	var want dnssec.Name
	for _, rr := range ofType(z, dns.TypeNSEC) {
		if owner := name(t, rr.Header().Name); owner.Compare(n) <= 0 {
			want = owner
		}
	}
	e, match := z.NSEC(n)
	require.Equal(t, want, e.Name(), "%v", n)
	require.Equal(t, want == n, match)
}

func searchNSEC3(t *testing.T, z *dnssec.Zone, n dnssec.Name) {
	t.Helper()
	buf := make([]byte, 255)
	end, err := dns.PackDomainName(n.String(), buf, 0, nil, false)
	require.NoError(t, err)
	sum := sha1.Sum(buf[:end])
	hash := strings.ToLower(base32.HexEncoding.EncodeToString(sum[:]))
	require.Equal(t, hash, z.Hash(n))
	var hashes []string
	for _, rr := range ofType(z, dns.TypeNSEC3) {
		first, _, _ := strings.Cut(rr.Header().Name, ".")
		hashes = append(hashes, first)
	}
	slices.Sort(hashes)
	want := hashes[len(hashes)-1]
	for _, h := range hashes {
		if h <= hash {
			want = h
		}
	}
	e, match := z.NSEC3(n)
	require.Equal(t, want+".hosting.test.", e.Name().String(), "%v", n)
	require.Equal(t, want == hash, match)

	proof, ok := z.Enclose(n)
	require.True(t, ok)
	require.True(t, n.Under(proof.Name))
	if proof.Name != n {
		require.Equal(t, proof.Name, proof.Next.Parent())
		require.True(t, n.Under(proof.Next))
		cover, match := z.NSEC3(proof.Next)
		require.False(t, match)
		require.Equal(t, cover.Name(), proof.Cover.Name())
	}
}

// Names out of the zone, and zones without the records, have none.
func TestNoDenials(t *testing.T) {
	plain := parse(t, shapes)
	nsec, _ := sign(t, &dnssec.Signer{}, plain, nil, pair(t, dnssec.Ed25519), now())
	nsec3, _ := sign(t, &dnssec.Signer{Denial: dnssec.NSEC3}, plain, nil, pair(t, dnssec.Ed25519), now())
	inside, outside := name(t, "x.hosting.test"), name(t, "x.other.test")
	for _, z := range []*dnssec.Zone{plain, nsec, nsec3} {
		e, _ := z.NSEC(outside)
		require.False(t, e.OK())
		e, _ = z.NSEC3(outside)
		require.False(t, e.OK())
		_, ok := z.Enclose(outside)
		require.False(t, ok)
		e, _ = z.NSEC(inside)
		require.Equal(t, z == nsec, e.OK())
		e, _ = z.NSEC3(inside)
		require.Equal(t, z == nsec3, e.OK())
		_, ok = z.Enclose(inside)
		require.Equal(t, z == nsec3, ok)
	}
}

// Salt and iterations of other signers' zones are theirs (RFC 5155, appendix A).
func TestHashOfOthers(t *testing.T) {
	z, err := dnssec.ParseZone(strings.NewReader("@ 60 SOA a b 1 2 3 4 5\n@ 60 NSEC3PARAM 1 0 12 aabbccdd\n"), "example", dnssec.Options{})
	require.NoError(t, err)
	require.Equal(t, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", z.Hash(name(t, "example")))
	require.Equal(t, "35mthgpgcu1qg68fab165klnsnk3dpvl", z.Hash(name(t, "a.example")))
	for _, param := range []string{"1 0 151 -", "2 0 0 -"} {
		z, err := z.Update(func(tx *dnssec.Tx) error { return tx.Replace(rr(t, "example. 60 NSEC3PARAM "+param)) })
		require.NoError(t, err)
		require.Empty(t, z.Hash(name(t, "example")))
	}
}

// Names of NSEC3 records are not there, and wildcards of no records are.
func TestLocate(t *testing.T) {
	z, _ := sign(t, &dnssec.Signer{Denial: dnssec.NSEC3}, parse(t, "@ 60 SOA a b 1 2 3 4 5\nx.*.ent 60 A 192.0.2.1\n"), nil, pair(t, dnssec.Ed25519), now())
	hash := ofType(z, dns.TypeNSEC3)[1].Header().Name
	require.Equal(t, dnssec.Place{Kind: dnssec.Missing, Node: z.Origin()}, z.Locate(name(t, hash)))
	require.Equal(t, dnssec.Place{Kind: dnssec.Missing, Node: z.Origin()}, z.Locate(name(t, "x."+hash)))
	require.Equal(t, dnssec.Place{Kind: dnssec.Synthesised, Node: name(t, "*.ent.hosting.test")}, z.Locate(name(t, "q.ent.hosting.test")))
	z, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, "under."+hash+" 60 A 192.0.2.1")) })
	require.NoError(t, err)
	require.Equal(t, dnssec.EmptyNonTerminal, z.Locate(name(t, hash)).Kind)
	require.Equal(t, dnssec.Authoritative, z.Locate(name(t, "under."+hash)).Kind)
}

// A set is signed as a zone's is, and known again by its digest.
func TestSignedSets(t *testing.T) {
	k := key(t, dnssec.KeyOptions{SEP: true})
	rrs := []dns.RR{rr(t, "www.Hosting.test. 60 A 192.0.2.2"), rr(t, "WWW.hosting.test. 60 A 192.0.2.1")}
	z, err := dnssec.NewZone("hosting.test", append(rrs, rr(t, "hosting.test. 60 SOA a. b. 1 2 3 4 5")), dnssec.Options{})
	require.NoError(t, err)
	set, err := dnssec.NewSignedSet(rrs)
	require.NoError(t, err)
	sig, err := set.Sign(k, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.NoError(t, sig.Verify(k.DNSKEY(60), slices.Collect(z.All())[1:3]))
	same, err := dnssec.NewSignedSet([]dns.RR{rrs[1], rrs[0], rrs[1]})
	require.NoError(t, err)
	require.Equal(t, set.Digest(k), same.Digest(k))
	require.NotEqual(t, set.Digest(k), set.Digest(k.Revoke()))
	less, err := dnssec.NewSignedSet(rrs[:1])
	require.NoError(t, err)
	require.NotEqual(t, set.Digest(k), less.Digest(k))

	_, err = dnssec.NewSignedSet(nil)
	require.Error(t, err)
	_, err = dnssec.NewSignedSet([]dns.RR{rrs[0], rr(t, "www.hosting.test. 61 A 192.0.2.2")})
	require.ErrorContains(t, err, "not of one set")
	_, err = dnssec.NewSignedSet([]dns.RR{sig})
	require.Error(t, err)
	_, err = set.Sign(nil, time.Now(), time.Now())
	require.Error(t, err)
	other, err := dnssec.GenerateKey("other.test", dnssec.KeyOptions{})
	require.NoError(t, err)
	_, err = set.Sign(other, time.Now(), time.Now())
	require.ErrorContains(t, err, "not in")

	published, forKeys, forZone, err := dnssec.SigningKeys(k.Zone(), []dnssec.KeyUse{dnssec.CSK(k)})
	require.NoError(t, err)
	require.Equal(t, []*dnssec.Key{k}, published)
	require.Equal(t, published, forKeys)
	require.Equal(t, published, forZone)
	_, _, _, err = dnssec.SigningKeys(k.Zone(), nil)
	require.Error(t, err)
}

// After a name come those below it, and nothing else is between.
func TestAfter(t *testing.T) {
	rest := strings.Repeat("."+strings.Repeat("a", 63), 3) + "."
	full := strings.Repeat("a", 61) + rest
	for from, want := range map[string]string{
		"a.test.":                               `\000.a.test.`,
		".":                                     `\000.`,
		full:                                    strings.Repeat("a", 60) + "b" + rest,
		strings.Repeat("a", 60) + "@" + rest:    strings.Repeat("a", 60) + "[" + rest,
		strings.Repeat("a", 60) + `\255` + rest: strings.Repeat("a", 59) + "b" + rest,
		strings.Repeat(`\255`, 61) + rest:       strings.Repeat("a", 62) + "b" + rest[64:],
	} {
		n := name(t, from)
		require.Equal(t, want, n.After().String(), from)
		require.Positive(t, n.After().Compare(n))
	}
	child, err := name(t, "test").Child("*")
	require.NoError(t, err)
	require.True(t, child.Wildcard())
	_, err = name(t, full).Child("*")
	require.Error(t, err)
}

// Denials in a big zone whose names all lie between two hashes.
func BenchmarkNSEC3(b *testing.B) {
	var text strings.Builder
	text.WriteString("@ 60 SOA a b 1 2 3 4 5\n")
	for i := range 20000 {
		text.WriteString("host" + strings.Repeat("0", 3) + string(rune('a'+i/676%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26)) + strings.Repeat("x", i/17576) + " 60 A 192.0.2.1\n")
	}
	z, _ := sign(b, &dnssec.Signer{Denial: dnssec.NSEC3}, parse(b, text.String()), nil, pair(b, dnssec.Ed25519), now())
	names := []dnssec.Name{name(b, "x.hosting.test"), name(b, "y.hosting.test"), name(b, "z.hosting.test")}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		z.NSEC3(names[i%len(names)])
		i++
	}
}
