package rotate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

// ttls and policy agree: the policy knows the world as it is.
var ttls = worldTTLs{key: 2, negative: 3, zone: 2, ds: 2, zoneLag: 1, parentLag: 1}

func policy() rotate.Policy {
	return rotate.Policy{
		Algorithm: 13, DNSKEYTTL: 2 * hour, NegativeTTL: 3 * hour, MaxZoneTTL: 2 * hour, DSTTL: 2 * hour,
		ZonePropagation: hour, ParentPropagation: hour, PublishSafety: -1, RetireSafety: -1, SignInterval: 2 * hour,
	}
}

// run lets hours pass, in which all that is ordered happens at once, until nothing is
// waited for. It returns a line for each hour at which something moved.
func (w *world) run(t *testing.T) []string {
	t.Helper()
	var story []string
	rest := false
	for range 200 {
		before := w.summary()
		require.NoError(t, w.step())
		for i := range w.orders {
			w.apply(i)
		}
		w.cache()
		require.Empty(t, w.bogus())
		if after := w.summary(); after != before {
			story = append(story, after)
		}
		done := w.done() || w.state.Insecure && len(w.state.Keys) == 0
		if done && rest {
			return story
		}
		rest = done
		w.now++
	}
	t.Fatalf("does not end: %v", w.status)
	return nil
}

// summary is the state of each key in letters, DNSKEY KRRSIG ZRRSIG DS.
func (w *world) summary() string {
	var out strings.Builder
	for i := range w.state.Keys {
		k := &w.state.Keys[i]
		fmt.Fprintf(&out, "%s/%v:", k.ID, k.Role)
		for kind := rotate.DNSKEY; kind <= rotate.DSRecord; kind++ {
			out.WriteByte("-ROU"[k.Record(kind).State])
		}
		out.WriteByte(' ')
	}
	return strings.TrimSpace(out.String())
}

// signed is a world with a zone that was signed by the policy.
func signed(t *testing.T, p rotate.Policy) *world {
	t.Helper()
	w := newWorld(p, ttls)
	w.run(t)
	require.Equal(t, "signed", w.status.Phase)
	return w
}

func (w *world) roll(t *testing.T, r rotate.Roll) {
	t.Helper()
	var err error
	w.state, err = w.state.Roll(r)
	require.NoError(t, err)
}

// keysLeft are the keys by role and algorithm.
func (w *world) keysLeft() []string {
	var out []string
	for _, k := range w.state.Keys {
		out = append(out, fmt.Sprintf("%s %v %d", k.ID, k.Role, k.Algorithm))
	}
	slices.Sort(out)
	return out
}

func TestProcedures(t *testing.T) {
	csk := policy()
	csk.Scheme = rotate.SingleKey
	doubleDS := policy()
	doubleDS.KSKMethod = rotate.DoubleDS
	standby := policy()
	standby.StandbyKSK = 1
	for _, tt := range []struct {
		name   string
		policy rotate.Policy
		begin  func(*testing.T, *world)
		story  []string
		left   []string
	}{
		{
			"ZSK pre-publish", policy(), func(t *testing.T, w *world) { w.roll(t, rotate.Roll{Role: rotate.ZSK}) },
			[]string{
				"key0/KSK:OO-O key1/ZSK:O-O- key2/ZSK:R---",
				"key0/KSK:OO-O key1/ZSK:O-U- key2/ZSK:O-R-",
				"key0/KSK:OO-O key1/ZSK:U--- key2/ZSK:O-O-",
				"key0/KSK:OO-O key2/ZSK:O-O-",
			}, []string{"key0 KSK 13", "key2 ZSK 13"},
		},
		{
			"double-KSK", policy(), func(t *testing.T, w *world) { w.roll(t, rotate.Roll{Role: rotate.KSK}) },
			[]string{
				"key0/KSK:OO-O key1/ZSK:O-O- key2/KSK:RR--",
				"key0/KSK:OO-U key1/ZSK:O-O- key2/KSK:OO-R",
				"key0/KSK:UU-- key1/ZSK:O-O- key2/KSK:OO-O",
				"key1/ZSK:O-O- key2/KSK:OO-O",
			}, []string{"key1 ZSK 13", "key2 KSK 13"},
		},
		{
			"double-DS", doubleDS, func(t *testing.T, w *world) { w.roll(t, rotate.Roll{Role: rotate.KSK}) },
			[]string{
				"key0/KSK:OO-O key1/ZSK:O-O- key2/KSK:---R",
				"key0/KSK:UU-O key1/ZSK:O-O- key2/KSK:RR-O",
				"key0/KSK:---U key1/ZSK:O-O- key2/KSK:OO-O",
				"key1/ZSK:O-O- key2/KSK:OO-O",
			}, []string{"key1 ZSK 13", "key2 KSK 13"},
		},
		{
			"CSK", csk, func(t *testing.T, w *world) { w.roll(t, rotate.Roll{Role: rotate.CSK}) },
			[]string{
				"key0/CSK:OOOO key1/CSK:RR--",
				"key0/CSK:OOUU key1/CSK:OORR",
				"key0/CSK:UU-- key1/CSK:OOOO",
				"key1/CSK:OOOO",
			}, []string{"key1 CSK 13"},
		},
		{
			"algorithm", policy(), func(_ *testing.T, w *world) { w.policy.Algorithm = 15 },
			nil, []string{"key2 KSK 15", "key3 ZSK 15"},
		},
		{
			"algorithm of a CSK", csk, func(_ *testing.T, w *world) { w.policy.Algorithm = 15 },
			[]string{
				"key0/CSK:OOOO key1/CSK:--R-",
				"key0/CSK:OOOO key1/CSK:RRO-",
				"key0/CSK:OOOU key1/CSK:OOOR",
				"key0/CSK:UUO- key1/CSK:OOOO",
				"key0/CSK:--U- key1/CSK:OOOO",
				"key1/CSK:OOOO",
			}, []string{"key1 CSK 15"},
		},
		{
			"two keys to one", policy(), func(_ *testing.T, w *world) { w.policy.Scheme = rotate.SingleKey },
			nil, []string{"key2 CSK 13"},
		},
		{
			"one key to two", csk, func(_ *testing.T, w *world) { w.policy.Scheme = rotate.KSKZSK },
			[]string{
				"key0/CSK:OOOO key1/KSK:RR-- key2/ZSK:R---",
				"key0/CSK:OOUU key1/KSK:OO-R key2/ZSK:O-R-",
				"key0/CSK:UU-- key1/KSK:OO-O key2/ZSK:O-O-",
				"key1/KSK:OO-O key2/ZSK:O-O-",
			}, []string{"key1 KSK 13", "key2 ZSK 13"},
		},
		{
			"scheme and algorithm", csk, func(_ *testing.T, w *world) { w.policy.Scheme, w.policy.Algorithm = rotate.KSKZSK, 8 },
			nil, []string{"key1 KSK 8", "key2 ZSK 8"},
		},
		{
			"standby takes over", standby, func(t *testing.T, w *world) { w.roll(t, rotate.Roll{Role: rotate.KSK, Emergency: true}) },
			nil, []string{"key1 ZSK 13", "key2 KSK 13", "key3 KSK 13"},
		},
		{
			"go insecure", policy(), func(_ *testing.T, w *world) { w.policy.Insecure = true },
			nil, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := signed(t, tt.policy)
			tt.begin(t, w)
			story := w.run(t)
			for _, line := range story {
				t.Log(line)
			}
			require.Equal(t, tt.left, w.keysLeft())
			if tt.story != nil {
				require.Equal(t, tt.story, story)
			}
		})
	}
}
