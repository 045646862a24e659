package manager_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

// stale lets ns2 of the parent go on with DS records of before, until fresh is called.
func (w *world) stale(old []rotate.DS) (fresh func()) {
	w.see = func(f *rotate.DSFacts) { f.Servers[1].DS = old }
	held := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) // longer than any cache
	key := ids(old)
	w.d[key] = held
	return func() {
		w.see = nil
		if until := w.d[key]; until.Equal(held) {
			w.d[key] = w.now.Add(dsTTL)
		}
	}
}

// A parent of which one name server lags for days: nothing goes that it still needs.
func TestHalfUpdatedParent(t *testing.T) {
	for _, tt := range procedures {
		if tt.begin == nil || strings.Contains(tt.name, "ZSK") && !strings.Contains(tt.name, "CSK") {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			p := policy()
			if tt.policy != nil {
				tt.policy(&p)
			}
			w := signed(t, p)
			old := slices.Clone(w.ds)
			fresh := w.stale(old)
			require.NoError(t, tt.begin(t, w))
			w.pass(72 * hour)
			require.NotEqual(t, old, w.ds, "the parent was asked")
			st := w.status()
			if tt.name != "standby" {
				require.NotEqual(t, tt.phase, st.Phase)
				require.Contains(t, st.String(), "waits for parent")
			}
			for _, d := range old {
				require.True(t, slices.ContainsFunc(st.Keys, func(k rotate.KeyStatus) bool {
					return slices.Contains(k.Digests, d) && (k.DNSKEY.State == rotate.Omnipresent || tt.name == "emergency with standby")
				}), "a key that a server of the parent names stays")
			}
			fresh()
			require.Len(t, w.until(tt.phase).Keys, tt.keys)
		})
	}
}

// A server of the parent that answers nonsense, or not at all, holds up a roll and nothing
// else.
func TestLyingParent(t *testing.T) {
	lie := rotate.DS{Tag: 4711, Algorithm: 13, DigestType: 2, Digest: strings.Repeat("ab", 32)}
	for name, see := range map[string]func(*rotate.DSFacts){
		"another DS": func(f *rotate.DSFacts) { f.Servers[1].DS = []rotate.DS{lie} },
		"no DS":      func(f *rotate.DSFacts) { f.Servers[1].DS = nil },
		"silent":     func(f *rotate.DSFacts) { f.Servers[1] = rotate.ServerDS{Name: "ns2"} },
		"nobody":     func(f *rotate.DSFacts) { f.Servers = nil },
		"other digest": func(f *rotate.DSFacts) {
			f.Servers[1].DS = slices.Clone(f.Servers[1].DS)
			for i := range f.Servers[1].DS {
				f.Servers[1].DS[i].Digest = lie.Digest
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := signed(t, policy())
			old := w.ds[0]
			require.NoError(t, w.m.Roll(t.Context(), origin, rotate.Roll{Role: rotate.KSK}))
			w.see = see
			answers := name != "silent" && name != "nobody" // without the DS of the old key
			w.pass(72 * hour)
			st := w.status()
			require.NotEqual(t, "signed", st.Phase)
			require.True(t, answers || slices.ContainsFunc(st.Keys, func(k rotate.KeyStatus) bool {
				return slices.Contains(k.Digests, old) && k.DNSKEY.State == rotate.Omnipresent && k.KRRSIG.State == rotate.Omnipresent
			}), "the old key stays as long as nobody can tell whether its DS is there: %v", st)
			require.NotContains(t, w.ds, lie, "it is nothing to ask for")
			before := len(w.published)
			require.NoError(t, w.m.SetZone(t.Context(), contents(t, 300, "")))
			require.Greater(t, len(w.published), before, "contents go on")
			w.see = nil
			w.until("signed")
			require.NotContains(t, w.ds, old)
		})
	}
}

// A parent that refuses what it is asked for is asked again, and told of once.
func TestParentRefuses(t *testing.T) {
	w := newWorld(t)
	w.refuse = errors.New("not now")
	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 1, "")))
	require.NoError(t, w.m.Enable(t.Context(), origin, policy()), "it is not asked for nothing")
	w.pass(48 * hour)
	require.ErrorIs(t, w.status().Problem, w.refuse)
	require.Greater(t, len(w.asked), 5)
	require.Len(t, slices.DeleteFunc(w.kinds(), func(k manager.Kind) bool { return k != manager.Failed }), 1)
	w.refuse = nil
	w.until("signed")
}
