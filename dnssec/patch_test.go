package dnssec_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// forgetful is the zone without what a signer remembers of it, so that the next
// signing walks all of it.
func forgetful(t testing.TB, z *dnssec.Zone) *dnssec.Zone {
	t.Helper()
	z, err := z.Update(func(*dnssec.Tx) error { return nil })
	require.NoError(t, err)
	return z
}

// editor makes random edits of a zone that has names of every kind.
type editor struct {
	rng  *rand.Rand
	hash []string // labels that are hashes of the zone
}

func (e *editor) owner() string {
	labels := []string{"a", "b", "*", "*x", `\000`, "c", "-", "1"}
	parts := make([]string, e.rng.IntN(5))
	for i := range parts {
		parts[i] = labels[e.rng.IntN(len(labels))]
	}
	if len(e.hash) > 0 && e.rng.IntN(12) == 0 {
		parts = append(parts[:min(len(parts), 1)], e.hash[e.rng.IntN(len(e.hash))])
	}
	return strings.Join(append(parts, "hosting.test."), ".")
}

// edit makes one edit, or none if the zone does not allow it.
func (e *editor) edit(t testing.TB, z *dnssec.Zone) *dnssec.Zone {
	t.Helper()
	owner := name(t, e.owner())
	next, err := z.Update(func(tx *dnssec.Tx) error {
		switch op := e.rng.IntN(10); op {
		case 4:
			if e.rng.IntN(4) == 0 {
				return tx.Replace(rr(t, fmt.Sprintf("hosting.test. 600 SOA a. b. 1 2 3 4 %d", 300+e.rng.IntN(3))))
			}
		case 0, 1:
			if owner != z.Origin() {
				tx.RemoveName(owner)
			}
		case 2:
			tx.RemoveRRset(owner, []uint16{dns.TypeNS, dns.TypeDNAME, dns.TypeDS, dns.TypeA}[e.rng.IntN(4)])
		case 3:
			return tx.Replace(rr(t, fmt.Sprintf("%v %d A 192.0.2.%d", owner, 60+e.rng.IntN(2), e.rng.IntN(9))))
		default:
			data := []string{
				"A 192.0.2.1", "AAAA 2001:db8::1", "TXT x", "NS ns.other.test.", "NS ns.other.test.", "DNAME other.test.",
				"DS 1 13 2 " + sha, "CNAME other.test.", "CDS 1 13 2 " + sha,
			}[e.rng.IntN(9)]
			if owner == z.Origin() && strings.HasPrefix(data, "DNAME") && e.rng.IntN(4) > 0 {
				return nil
			}
			return tx.Add(rr(t, fmt.Sprintf("%v 60 %s", owner, data)))
		}
		return nil
	})
	if err != nil {
		return z
	}
	return next
}

func (e *editor) edits(t testing.TB, z *dnssec.Zone, n int) *dnssec.Zone {
	for range n {
		z = e.edit(t, z)
	}
	return z
}

// What a signer makes of what has changed is, to the byte, what a walk through all
// of the zone makes.
func TestPatchesAgainstWalks(t *testing.T) {
	for what, denial := range denials {
		t.Run(what, func(t *testing.T) {
			for seed := range uint64(4) {
				patches(t, rand.New(rand.NewPCG(seed, 21)), denial)
			}
		})
	}
}

func patches(t *testing.T, rng *rand.Rand, denial dnssec.Denial) {
	keys := pair(t, dnssec.Ed25519)
	all := []*dnssec.Key{keys[0].Key, keys[1].Key}
	zsk := func() dnssec.KeyUse {
		all = append(all, key(t, dnssec.KeyOptions{Algorithm: dnssec.Ed25519, Others: all}))
		return dnssec.ZSK(all[len(all)-1])
	}
	spare, more := zsk(), zsk()
	s := &dnssec.Signer{Denial: denial}
	if rng.IntN(3) == 0 {
		s.ZONEMD = []dnssec.ZONEMDHash{dnssec.ZONEMDSHA384}
	}
	if rng.IntN(2) == 0 {
		s.Validity.Jitter = -1
	}
	e := editor{rng: rng}
	unsigned, at := e.edits(t, randomZone(t, rng, 10+rng.IntN(60)), 20), now()
	var prev *dnssec.Zone
	for step := range 60 {
		switch rng.IntN(30) {
		case 0:
			keys[1], spare = spare, keys[1]
		case 1:
			s.DNSKEYTTL += 60
		case 2:
			unsigned = parse(t, plain(unsigned)) // nothing is shared
		case 3:
			at = at.Add(-time.Duration(rng.IntN(5)) * time.Hour)
		case 5:
			s.ZONEMD = append(s.ZONEMD[:0:0], []dnssec.ZONEMDHash{1, 2}[:rng.IntN(3)]...)
		case 6:
			keys = append(keys[:2:2], dnssec.KeyUse{Key: more.Key, Publish: len(keys) == 2})
		case 4:
			s.Serial = dnssec.SerialPolicy(2 * rng.IntN(2))
		default:
			at = at.Add(time.Duration(rng.IntN(30)) * time.Hour)
		}
		unsigned = e.edits(t, unsigned, rng.IntN(5))
		if prev == nil {
			prev, _ = sign(t, s, unsigned, nil, keys, at)
			continue
		}
		next, report := sign(t, s, unsigned, prev, keys, at)
		old := forgetful(t, prev)
		walked, wanted := sign(t, s, unsigned, old, keys, at)
		require.Equal(t, text(walked), text(next), "step %d", step)
		require.Equal(t, wanted, report, "step %d", step)
		require.Equal(t, walked == old, next == prev, "step %d", step)
		require.Equal(t, len(text(next)), next.Records(), "step %d", step)
		require.Equal(t, len(text(next)), walked.Records(), "step %d", step)
		requireDiff(t, prev, next)
		prev = next
		if e.hash = e.hash[:0]; denial != dnssec.NSEC {
			for _, rr := range ofType(next, dns.TypeNSEC3) {
				e.hash = append(e.hash, dns.SplitDomainName(rr.Header().Name)[0])
			}
		}
	}
}

// plain is the zone as a file.
func plain(z *dnssec.Zone) string {
	var text strings.Builder
	_, _ = z.WriteTo(&text)
	return text.String()
}

// requireDiff requires that the difference makes the one of the other.
func requireDiff(t *testing.T, old, next *dnssec.Zone) {
	t.Helper()
	removed, added := dnssec.Diff(old, next)
	have := map[string]bool{}
	for _, line := range text(old) {
		have[line] = true
	}
	for _, line := range lines(removed) {
		require.True(t, have[line], line)
		delete(have, line)
	}
	for _, line := range lines(added) {
		require.False(t, have[line], line)
		have[line] = true
	}
	for _, line := range text(next) {
		require.True(t, have[line], line)
		delete(have, line)
	}
	require.Empty(t, have)
}

// Validators of others agree at the end of many edits.
func TestRealValidatorsOfPatches(t *testing.T) {
	for what, denial := range denials {
		t.Run(what, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 22))
			s, keys := &dnssec.Signer{Denial: denial}, pair(t, dnssec.ECDSAP256SHA256)
			unsigned, e := parse(t, peaceful()), editor{rng: rng}
			z, _ := sign(t, s, unsigned, nil, keys, now())
			for range 40 {
				edited := e.edits(t, unsigned, 3)
				if !knotLoads(t, edited) {
					continue
				}
				unsigned = edited
				z, _ = sign(t, s, unsigned, z, keys, now())
			}
			requireValid(t, z, false)
		})
	}
}

// knotLoads says whether a zone is one that Knot loads: nothing is below a DNAME, and
// no CDS is there for a key that is not. Wildcards with delegations are for each to
// understand.
func knotLoads(t *testing.T, z *dnssec.Zone) bool {
	for rr := range z.All() {
		h := rr.Header()
		owner := name(t, h.Name)
		wild := owner.Wildcard() && (h.Rrtype == dns.TypeNS || h.Rrtype == dns.TypeDNAME)
		if wild || h.Rrtype == dns.TypeCDS || z.Place(owner).Kind == dnssec.Redirected {
			return false
		}
	}
	return true
}

// What a signing costs does not grow with the zone.
func TestCostOfAPatch(t *testing.T) {
	z, keys := bigZone(t, 5000), pair(t, dnssec.Ed25519)
	for what, denial := range denials {
		s := &dnssec.Signer{Denial: denial}
		signed, _ := sign(t, s, z, nil, keys, now())
		edited, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, "new.hosting.test. 60 A 192.0.2.1")) })
		require.NoError(t, err)
		once := testing.AllocsPerRun(3, func() { sign(t, s, edited, signed, keys, now()) })
		require.Less(t, once, 1500.0, what)
		// A zone from a file is walked once, and then no more.
		read := forgetful(t, signed)
		sign(t, s, z, read, keys, now())
		require.Less(t, testing.AllocsPerRun(3, func() { sign(t, s, edited, read, keys, now()) }), 1500.0, what)
		require.Less(t, testing.AllocsPerRun(3, func() { sign(t, s, z, read, keys, now()) }), 500.0, what)
	}
}
