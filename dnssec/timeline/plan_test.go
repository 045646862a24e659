package timeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/dnssec/timeline"
)

// signed is a zone that has been signed for long, as the plan of one has it.
func signed(t *testing.T, p rotate.Policy) (rotate.State, time.Time) {
	t.Helper()
	state, now := rotate.State{}, epoch
	digest := rotate.DS{Tag: 1000, Algorithm: 13, DigestType: 2, Digest: strings.Repeat("ab", 32)}
	var facts rotate.Facts
	for range 30 {
		next, actions, status, err := rotate.Step(state, p, facts, now)
		require.NoError(t, err)
		state = next
		facts.NewKeys = nil
		for _, action := range actions {
			switch a := action.(type) {
			case rotate.GenerateKey:
				k := rotate.NewKey{Request: a.Request, ID: "zsk", Tag: 2000}
				if a.Role != rotate.ZSK {
					k = rotate.NewKey{Request: a.Request, ID: "ksk", Tag: 1000, Digests: []rotate.DS{digest}}
				}
				facts.NewKeys = append(facts.NewKeys, k)
			case rotate.SetDS:
				facts.DS = &rotate.DSFacts{Servers: []rotate.ServerDS{{Name: "a", Answered: true, DS: a.Want}}}
			}
		}
		facts.Zone = &rotate.ZoneFacts{CDS: []rotate.DS{digest}, Keys: map[string]rotate.KeyFacts{
			"ksk": {DNSKEY: rotate.Everywhere, KRRSIG: rotate.Everywhere}, "zsk": {DNSKEY: rotate.Everywhere, ZRRSIG: rotate.Everywhere},
		}}
		now = now.Add(time.Hour)
		if status.NextAt.After(now) {
			now = status.NextAt
		}
		if status.Phase == "signed" {
			return state, now
		}
	}
	t.Fatal("the zone does not get signed")
	return state, now
}

// Rolls that the policy has come in the plan, each procedure in its order.
func TestPlanHasRolls(t *testing.T) {
	p := rotate.Policy{ZSKLifetime: 30 * 24 * time.Hour}
	state, now := signed(t, p)
	before := state
	changes, err := timeline.Plan(state, p, now, timeline.Assume{For: 40 * 24 * time.Hour, ParentDelay: time.Hour})
	require.NoError(t, err)
	require.Equal(t, before, state, "the state is the caller's")
	var got []string
	for _, c := range changes {
		require.NotEqual(t, "ksk", c.Key, "no roll of it is due")
		require.False(t, c.At.Before(now))
		got = append(got, strings.Join([]string{c.Key, c.Record, c.State.String()}, " "))
	}
	require.Equal(t, "planned-1 DNSKEY rumoured", got[0], "pre-published")
	require.ElementsMatch(t, []string{"planned-1 DNSKEY omnipresent", "zsk ZRRSIG unretentive", "planned-1 ZRRSIG rumoured"}, got[1:4], "swapped")
	require.Equal(t, changes[1].At, changes[3].At)
	require.ElementsMatch(t, []string{"zsk ZRRSIG hidden", "zsk DNSKEY unretentive", "planned-1 ZRRSIG omnipresent", "zsk DNSKEY hidden"}, got[4:8])
}

// The parent's time passes before the old key goes.
func TestPlanWaitsForTheParent(t *testing.T) {
	state, now := signed(t, rotate.Policy{})
	state, err := state.Roll(rotate.Roll{Role: rotate.KSK})
	require.NoError(t, err)
	times := map[time.Duration]time.Time{}
	for _, delay := range []time.Duration{0, 10 * 24 * time.Hour} {
		changes, err := timeline.Plan(state, rotate.Policy{}, now, timeline.Assume{ParentDelay: delay})
		require.NoError(t, err)
		last := changes[len(changes)-1]
		require.Equal(t, "ksk hidden", last.Key+" "+last.State.String())
		times[delay] = last.At
	}
	require.Equal(t, 10*24*time.Hour, times[10*24*time.Hour].Sub(times[0]))
}

func TestPlanOfGoingInsecure(t *testing.T) {
	p := rotate.Policy{}
	state, now := signed(t, p)
	p.Insecure = true
	changes, err := timeline.Plan(state, p, now, timeline.Assume{})
	require.NoError(t, err)
	require.Equal(t, "DS", changes[0].Record, "the parent's first")
	gone := map[string]bool{}
	for _, c := range changes {
		if c.State == rotate.Hidden {
			gone[c.Key+c.Record] = true
		}
	}
	require.Len(t, gone, 5, "all of KSK and ZSK")
}

func TestPlanOfWhatCannotBe(t *testing.T) {
	_, err := timeline.Plan(rotate.State{}, rotate.Policy{Algorithm: 5}, epoch, timeline.Assume{})
	require.ErrorIs(t, err, rotate.ErrPolicy)
}
