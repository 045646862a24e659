package dnssec_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

// validate says what the validators of BIND, ldns and Knot say against a zone.
func validate(t *testing.T, z *dnssec.Zone, csk bool) map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zone")
	var text bytes.Buffer
	_, err := z.WriteTo(&text)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
	origin := z.Origin().String()
	bind := []string{"-q", "-o", origin, file}
	if csk {
		bind = append([]string{"-z"}, bind...)
	}
	against := map[string]string{}
	for program, args := range map[string][]string{
		"dnssec-verify":    bind,
		"ldns-verify-zone": {file},
		"kzonecheck":       {"-o", origin, "-d", "on", file},
	} {
		out, err := exec.CommandContext(t.Context(), peer.Look(t, program), args...).CombinedOutput()
		if err != nil {
			against[program] = fmt.Sprintf("%v\n%s", err, out)
		}
	}
	return against
}

func requireValid(t *testing.T, z *dnssec.Zone, csk bool) {
	t.Helper()
	for program, says := range validate(t, z, csk) {
		t.Errorf("%s: %s", program, says)
	}
}

// peaceful is the zone of all shapes without records that a DNAME hides, which Knot
// refuses to load.
func peaceful() string {
	return strings.ReplaceAll(shapes, "below.red	A	192.0.2.11\n", "")
}

func TestRealValidatorsOfEveryShape(t *testing.T) {
	for what, denial := range denials {
		for _, alg := range algorithms {
			t.Run(fmt.Sprint(what, " ", alg), func(t *testing.T) {
				z, _ := sign(t, &dnssec.Signer{Denial: denial}, parse(t, peaceful()), nil, pair(t, alg), now())
				requireValid(t, z, false)
			})
		}
	}
}

func TestRealValidatorsOfOddZones(t *testing.T) {
	const soa = "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS ns.other.test.\n"
	for what, text := range map[string]string{
		"one name":      soa,
		"apex DNAME":    soa + "@ 60 DNAME c.test.\n",
		"deep":          soa + "a.b.c.d.e.f 60 A 192.0.2.1\n*.d.e.f 60 TXT x\n",
		"cuts only":     soa + "a 60 NS ns.a\nns.a 60 A 192.0.2.1\nx.b 60 NS ns.other.test.\n",
		"wild cut near": soa + "* 60 A 192.0.2.1\n*.a 60 A 192.0.2.1\nx.*.a 60 A 192.0.2.1\n",
		"odd octets":    soa + `\000.x 60 A 192.0.2.1` + "\n" + `a\.b 60 A 192.0.2.1` + "\n" + `\255\001 60 A 192.0.2.1` + "\n" + `A\ B 60 TXT "q"` + "\n",
		"big set":       soa + txts(500),
	} {
		for kind, denial := range denials {
			t.Run(what+" "+kind, func(t *testing.T) {
				k := key(t, dnssec.KeyOptions{SEP: true})
				z, _ := sign(t, &dnssec.Signer{Denial: denial}, parse(t, text), nil, []dnssec.KeyUse{dnssec.CSK(k)}, now())
				requireValid(t, z, true)
			})
		}
	}
}

// txts is a set of many records.
func txts(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "many 60 TXT \"%d %s\"\n", i, strings.Repeat("x", 80))
	}
	return b.String()
}

func TestRealValidatorsOfTheRoot(t *testing.T) {
	z, err := dnssec.ParseZone(strings.NewReader(". 60 SOA a. b. 7 2 3 4 5\n. 60 NS ns.com.\ncom. 60 NS ns.com.\nns.com. 60 A 192.0.2.1\n"), ".", dnssec.Options{})
	require.NoError(t, err)
	k, err := dnssec.GenerateKey(".", dnssec.KeyOptions{SEP: true})
	require.NoError(t, err)
	for _, denial := range denials {
		signed, _ := sign(t, &dnssec.Signer{Denial: denial}, z, nil, []dnssec.KeyUse{dnssec.CSK(k)}, now())
		requireValid(t, signed, true)
	}
}

// The validators would find it: a record that comes after the signing.
func TestRealValidatorsSeeAFault(t *testing.T) {
	z, _ := sign(t, &dnssec.Signer{}, parse(t, peaceful()), nil, pair(t, dnssec.ECDSAP256SHA256), now())
	z, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, "mail.hosting.test. 60 A 192.0.2.200")) })
	require.NoError(t, err)
	require.Len(t, validate(t, z, false), 3)
}

// Zones that are signed step by step through edits, another denial and other keys.
func TestRealValidatorsOfReuse(t *testing.T) {
	s := &dnssec.Signer{}
	keys := pair(t, dnssec.ECDSAP256SHA256)
	unsigned := parse(t, peaceful())
	z, _ := sign(t, s, unsigned, nil, keys, now().AddDate(0, 0, -3))
	for _, edit := range []func(*dnssec.Tx) error{
		func(tx *dnssec.Tx) error { return tx.Add(rr(t, "x.y.ent.hosting.test. 60 A 192.0.2.1")) },
		func(tx *dnssec.Tx) error { tx.RemoveName(name(t, "a.b.ent.hosting.test")); return nil },
		func(tx *dnssec.Tx) error { return tx.Add(rr(t, "abc.hosting.test. 60 NS ns.other.test.")) },
		func(tx *dnssec.Tx) error { return tx.Replace(rr(t, "mail.hosting.test. 77 A 192.0.2.2")) },
		func(tx *dnssec.Tx) error { tx.RemoveRRset(name(t, "safe.hosting.test"), 43); return nil },
		func(*dnssec.Tx) error { s.Denial = dnssec.NSEC3; return nil },
		func(*dnssec.Tx) error { keys[1] = dnssec.ZSK(key(t, dnssec.KeyOptions{})); return nil },
		func(*dnssec.Tx) error { s.Denial = dnssec.NSEC3OptOut; return nil },
	} {
		var err error
		unsigned, err = unsigned.Update(edit)
		require.NoError(t, err)
		next, report := sign(t, s, unsigned, z, keys, now())
		require.True(t, report.Changed)
		require.Equal(t, z.Serial()+1, next.Serial())
		require.NotZero(t, report.Signed)
		requireValid(t, next, false)
		z = next
	}
}
