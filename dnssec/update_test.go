package dnssec_test

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

func TestUpdateLeavesTheSnapshotAlone(t *testing.T) {
	z := parse(t, shapes)
	before := text(z)
	next, err := z.Update(func(tx *dnssec.Tx) error {
		if err := tx.Add(rr(t, "New.hosting.test. 60 A 192.0.2.99"), rr(t, "mail.hosting.test. 60 A 192.0.2.3")); err != nil {
			return err
		}
		tx.RemoveName(name(t, "odd.hosting.test"))
		tx.RemoveRRset(name(t, "hosting.test"), dns.TypeMX)
		if err := tx.Remove(rr(t, "mail.hosting.test. 5 AAAA 2001:db8::2")); err != nil {
			return err
		}
		return tx.Replace(
			rr(t, "hosting.test. 600 NS b.test."), rr(t, "hosting.test. 600 NS a.test."),
			rr(t, "hosting.test. 3600 SOA a. b. 2026010101 1 2 3 4"))
	})
	require.NoError(t, err)
	require.Equal(t, before, text(z))
	removed, added := dnssec.Diff(z, next)
	require.Equal(t, []string{
		"hosting.test. 3600 IN SOA ns1.hosting.test. hostmaster.hosting.test. 2026010100 7200 3600 604800 900",
		"hosting.test. 3600 IN NS ns1.hosting.test.",
		"hosting.test. 3600 IN NS ns2.other.test.",
		"hosting.test. 3600 IN MX 10 mail.hosting.test.",
		"mail.hosting.test. 60 IN AAAA 2001:db8::2",
		`odd.hosting.test. 3600 CLASS1 TYPE65400 \# 3 abcdef`,
	}, lines(removed))
	require.Equal(t, []string{
		"hosting.test. 3600 IN SOA a. b. 2026010101 1 2 3 4",
		"hosting.test. 600 IN NS a.test.",
		"hosting.test. 600 IN NS b.test.",
		"mail.hosting.test. 60 IN A 192.0.2.3",
		"new.hosting.test. 60 IN A 192.0.2.99",
	}, lines(added))
	require.EqualValues(t, 2026010101, next.Serial())
}

// An RRset has one TTL, the least that it was given since it was replaced.
func TestAddedTTLs(t *testing.T) {
	z := parse(t, shapes)
	for _, c := range []struct{ ttl, want string }{{"300", "60"}, {"20", "20"}} {
		next, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(t, "mail.hosting.test. "+c.ttl+" A 192.0.2.3")) })
		require.NoError(t, err)
		require.Equal(t, []string{
			"mail.hosting.test. " + c.want + " IN A 192.0.2.2", "mail.hosting.test. " + c.want + " IN A 192.0.2.3",
		}, lines(next.RRset(name(t, "mail.hosting.test"), dns.TypeA)))
	}
}

func TestUpdatesThatCannotBe(t *testing.T) {
	z := parse(t, shapes)
	for _, c := range []struct {
		name string
		fn   func(*dnssec.Tx) error
		want string
	}{
		{"no SOA", func(tx *dnssec.Tx) error { tx.RemoveName(z.Origin()); return nil }, "is missing"},
		{"beside a CNAME", func(tx *dnssec.Tx) error { return tx.Add(rr(t, "www.hosting.test. 1 TXT x")) }, "beside a CNAME"},
		{"outside", func(tx *dnssec.Tx) error { return tx.Add(rr(t, "www.xhosting.test. 1 TXT x")) }, "out of the zone"},
		{"outside replaced", func(tx *dnssec.Tx) error { return tx.Replace(rr(t, "x.test. 1 TXT x")) }, "out of the zone"},
		{"outside removed", func(tx *dnssec.Tx) error { return tx.Remove(rr(t, "x.test. 1 TXT x")) }, "out of the zone"},
		{"not there", func(tx *dnssec.Tx) error { return tx.Remove(rr(t, "ns1.hosting.test. 1 A 192.0.2.77")) }, "does not exist"},
		{"own error", func(*dnssec.Tx) error { return errBroken }, "broken"},
	} {
		next, err := z.Update(c.fn)
		require.ErrorContains(t, err, c.want, c.name)
		require.Nil(t, next)
	}
	_, err := z.Update(func(tx *dnssec.Tx) error { return tx.Remove(rr(t, "q.hosting.test. 1 A 192.0.2.1")) })
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// Many random updates give the zone that a map of the same records gives, and
// differences that lead from each to the next.
func TestUpdatesAgainstAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	model := map[string]dns.RR{}
	put := func(r dns.RR) { model[r.String()] = r }
	put(rr(t, "m.test. 60 SOA a. b. 1 2 3 4 5"))
	z, err := dnssec.NewZone("m.test", slices.Collect(maps.Values(model)), dnssec.Options{})
	require.NoError(t, err)
	for range 60 {
		next, err := z.Update(func(tx *dnssec.Tx) error {
			for range rng.IntN(120) {
				if err := tx.Add(random(t, rng, put)); err != nil {
					return err
				}
			}
			for _, r := range slices.SortedFunc(maps.Values(model), func(a, b dns.RR) int { return strings.Compare(a.String(), b.String()) }) {
				if r.Header().Rrtype == dns.TypeA && rng.IntN(20) == 0 {
					delete(model, r.String())
					if err := tx.Remove(r); err != nil {
						return err
					}
				}
			}
			return nil
		})
		require.NoError(t, err)
		want, err := dnssec.NewZone("m.test", slices.Collect(maps.Values(model)), dnssec.Options{})
		require.NoError(t, err)
		require.Equal(t, text(want), text(next))
		require.Equal(t, len(model), next.Records())

		removed, added := dnssec.Diff(z, next)
		again, err := z.Update(func(tx *dnssec.Tx) error {
			if err := tx.Remove(removed...); err != nil {
				return err
			}
			return tx.Add(added...)
		})
		require.NoError(t, err)
		require.Equal(t, text(next), text(again))
		z = next
	}
	// All but a few go, and chunks come together.
	last, err := z.Update(func(tx *dnssec.Tx) error {
		for _, r := range model {
			if r.Header().Rrtype == dns.TypeA && rng.IntN(50) > 0 {
				delete(model, r.String())
				if err := tx.Remove(r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, len(model), last.Records())
}

func random(t *testing.T, rng *rand.Rand, put func(dns.RR)) dns.RR {
	r := rr(t, fmt.Sprintf("h%d.s%d.m.test. 60 A 192.0.2.%d", rng.IntN(300), rng.IntN(5), rng.IntN(3)))
	put(r)
	return r
}
