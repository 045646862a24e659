package dnssec_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
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

// foreign is a zone that another program signs, with keys of ours.
type foreign struct {
	t      *testing.T
	dir    string
	alg    dnssec.Algorithm
	denial dnssec.Denial
	keys   []dnssec.KeyUse
}

func newForeign(t *testing.T, keys []dnssec.KeyUse, denial dnssec.Denial, contents string) *foreign {
	f := &foreign{t: t, dir: t.TempDir(), alg: keys[0].Key.Algorithm(), denial: denial, keys: keys}
	for _, k := range f.keys {
		require.NoError(t, dnssec.KeyDir{Path: f.dir}.Save(k.Key))
	}
	var text bytes.Buffer
	_, err := parse(t, contents).WriteTo(&text)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.path("hosting.test.zone"), text.Bytes(), 0o600))
	return f
}

func (f *foreign) path(name string) string { return filepath.Join(f.dir, name) }

func (f *foreign) run(program string, args ...string) {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), peer.Look(f.t, program), args...)
	cmd.Dir = f.dir
	out, err := cmd.CombinedOutput()
	require.NoError(f.t, err, "%s %v: %s", program, args, out)
}

// signed is what the program has written.
func (f *foreign) signed() *dnssec.Zone {
	f.t.Helper()
	file, err := os.Open(f.path("signed"))
	require.NoError(f.t, err)
	defer file.Close()
	z, err := dnssec.ParseZone(file, "hosting.test", dnssec.Options{})
	require.NoError(f.t, err)
	return z
}

func (f *foreign) bind() *dnssec.Zone {
	text, err := os.ReadFile(f.path("hosting.test.zone"))
	require.NoError(f.t, err)
	for _, k := range f.keys {
		text = append(text, k.Key.DNSKEY(3600).String()+"\n"...)
	}
	require.NoError(f.t, os.WriteFile(f.path("keyed"), text, 0o600))
	args := []string{"-q", "-x", "-K", f.dir, "-o", "hosting.test", "-f", "signed"}
	switch f.denial {
	case dnssec.NSEC3:
		args = append(args, "-3", "-", "-H", "0")
	case dnssec.NSEC3OptOut:
		args = append(args, "-3", "-", "-H", "0", "-A")
	}
	f.run("dnssec-signzone", append(args, "keyed")...)
	return f.signed()
}

func (f *foreign) ldns() *dnssec.Zone {
	args := []string{"-o", "hosting.test", "-f", "signed"}
	switch f.denial {
	case dnssec.NSEC3:
		args = append(args, "-n", "-t", "0")
	case dnssec.NSEC3OptOut:
		args = append(args, "-n", "-t", "0", "-p")
	}
	args = append(args, "hosting.test.zone")
	for _, k := range f.keys {
		args = append(args, k.Key.String())
	}
	f.run("ldns-signzone", args...)
	return f.signed()
}

func (f *foreign) knot() *dnssec.Zone {
	name := map[dnssec.Algorithm]string{
		dnssec.RSASHA256: "rsasha256", dnssec.ECDSAP256SHA256: "ecdsap256sha256",
		dnssec.ECDSAP384SHA384: "ecdsap384sha384", dnssec.Ed25519: "ed25519",
	}[f.alg]
	onOff := map[bool]string{true: "on", false: "off"}
	require.NoError(f.t, os.WriteFile(f.path("knot.conf"), fmt.Appendf(nil, `database:
  storage: %s
policy:
  - id: p
    algorithm: %s
    nsec3: %s
    nsec3-opt-out: %s
    nsec3-iterations: 0
    nsec3-salt-length: 0
    cds-cdnskey-publish: always
zone:
  - domain: hosting.test
    storage: %s
    file: hosting.test.zone
    dnssec-policy: p
`, f.dir, name, onOff[f.denial != dnssec.NSEC], onOff[f.denial == dnssec.NSEC3OptOut], f.dir), 0o600))
	f.run("kzonesign", "-c", "knot.conf", "-o", f.dir, "hosting.test")
	require.NoError(f.t, os.Rename(f.path("hosting.test.zone"), f.path("signed")))
	return f.signed()
}

// What other programs sign is valid, and is what they sign: a record more is a fault.
func TestRealSignersOfOthers(t *testing.T) {
	for _, alg := range algorithms {
		keys := pair(t, alg)
		for what, denial := range denials {
			for program, of := range map[string]func(*foreign) *dnssec.Zone{
				"dnssec-signzone": (*foreign).bind, "ldns-signzone": (*foreign).ldns, "kzonesign": (*foreign).knot,
			} {
				t.Run(fmt.Sprint(program, " ", what, " ", alg), func(t *testing.T) {
					z := of(newForeign(t, keys, denial, peaceful()))
					require.NoError(t, verify(t, z))
					bad, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, "mail.hosting.test. 60 A 192.0.2.200")) })
					require.NoError(t, err)
					require.Contains(t, strings.Join(rules(verify(t, bad)), "\n"), "mail.hosting.test. A: signature wrong")
				})
			}
		}
	}
}

// partly is a zone of opt-out in which only those NSEC3 records have the flag that
// chosen says: of each, whether it is the apex's, and whether a name is left out
// behind it.
func partly(t *testing.T, chosen func(apex, needed bool) bool) *dnssec.Zone {
	t.Helper()
	keys := pair(t, dnssec.ECDSAP256SHA256)
	var text strings.Builder
	text.WriteString(peaceful())
	for i := range 40 {
		fmt.Fprintf(&text, "h%d A 192.0.2.1\n", i)
	}
	unsigned := parse(t, text.String())
	z, _ := sign(t, &dnssec.Signer{Denial: dnssec.NSEC3OptOut}, unsigned, nil, keys, now())
	// That which covers a name is the last whose hash is less.
	full, _ := sign(t, &dnssec.Signer{Denial: dnssec.NSEC3}, unsigned, nil, keys, now())
	there := map[string]bool{}
	records := ofType(z, dns.TypeNSEC3)
	for _, rr := range records {
		there[rr.Header().Name] = true
	}
	apex := strings.ToLower(dns.HashName("hosting.test.", dns.SHA1, 0, "")) + ".hosting.test."
	needed := map[string]bool{}
	last := records[len(records)-1].Header().Name
	for _, rr := range ofType(full, dns.TypeNSEC3) {
		if owner := rr.Header().Name; there[owner] {
			last = owner
		} else {
			needed[last] = true
		}
	}
	require.NotEmpty(t, needed)
	require.Less(t, len(needed), len(records))
	z, err := z.Update(func(tx *dnssec.Tx) error {
		for _, r := range records {
			r := r.(*dns.NSEC3)
			if chosen(r.Hdr.Name == apex, needed[r.Hdr.Name]) {
				continue
			}
			r.Flags = 0
			old := z.At(name(t, r.Hdr.Name)).Signatures(dns.TypeNSEC3)[0].(*dns.RRSIG)
			if err := tx.Replace(r); err != nil {
				return err
			}
			if err := tx.Remove(old); err != nil {
				return err
			}
			if err := tx.Add(signWith(t, keys[1].Key, old, old.KeyTag, []dns.RR{r})); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	return z
}

// Opt-out in some spans only is what RFC 5155, section 6, allows.
func TestRealOptOutInSomeSpans(t *testing.T) {
	z := partly(t, func(apex, needed bool) bool { return apex || needed })
	require.NoError(t, verify(t, z))
	requireValid(t, z, false)
	// The flag is also where nothing is left out, but not everywhere.
	n := 0
	z = partly(t, func(apex, needed bool) bool { n++; return apex || needed || n%2 == 0 })
	require.NoError(t, verify(t, z))
	requireValid(t, z, false)
	// A name without records of its own may be left out as well, if all below it are
	// (section 7.1). BIND asks the record of the apex whether it may.
	z = partly(t, func(_, needed bool) bool { return needed })
	require.NoError(t, verify(t, z))
	against := validate(t, z, false)
	require.Contains(t, against["dnssec-verify"], "Missing NSEC3 record for deep.hosting.test")
	require.Len(t, against, 1)
	// The flag is not where something is left out.
	z = partly(t, func(apex, _ bool) bool { return apex })
	require.ElementsMatch(t, []string{
		"deep.hosting.test. NSEC3: opt-out", "lone.deep.hosting.test. NSEC3: opt-out", "open.hosting.test. NSEC3: opt-out",
	}, rules(verify(t, z)))
	require.Contains(t, validate(t, z, false), "kzonecheck")
	z = partly(t, func(_, _ bool) bool { return false })
	require.ElementsMatch(t, []string{
		"deep.hosting.test. NSEC3: chain lacks a name", "lone.deep.hosting.test. NSEC3: chain lacks a name", "open.hosting.test. NSEC3: chain lacks a name",
	}, rules(verify(t, z)))
}

// loadable is a zone without what other servers refuse to load: records below a DNAME,
// and wildcards that are delegated.
func loadable(t *testing.T, z *dnssec.Zone) *dnssec.Zone {
	t.Helper()
	z, err := z.Update(func(tx *dnssec.Tx) error {
		for rr := range z.All() {
			h := rr.Header()
			n := name(t, h.Name)
			if z.Place(n).Kind == dnssec.Redirected || h.Rrtype == dns.TypeNS && strings.HasPrefix(h.Name, "*.") {
				tx.RemoveName(n)
			}
		}
		return nil
	})
	require.NoError(t, err)
	return z
}

// A sample of what is parsed, signed and verified here is verified by BIND too: random
// zones, each signed after the one before.
func TestRealRoundTrip(t *testing.T) {
	program := peer.Look(t, "dnssec-verify")
	keys := pair(t, dnssec.ECDSAP256SHA256)
	for what, denial := range denials {
		rng := rand.New(rand.NewPCG(41, uint64(denial)))
		var prev *dnssec.Zone
		for i := range 12 {
			z, _ := sign(t, &dnssec.Signer{Denial: denial}, loadable(t, randomZone(t, rng, 40)), prev, keys, now())
			var text bytes.Buffer
			_, err := z.WriteTo(&text)
			require.NoError(t, err)
			again := parse(t, text.String())
			require.NoError(t, verify(t, again))
			file := filepath.Join(t.TempDir(), "zone")
			require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
			out, err := exec.CommandContext(t.Context(), program, "-q", "-o", "hosting.test", file).CombinedOutput()
			require.NoError(t, err, "%s %d: %s\n%s", what, i, out, &text)
			prev = z
		}
	}
}
