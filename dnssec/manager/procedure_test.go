package manager_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

// procedures are all that can be done with the keys of a zone.
var procedures = []struct {
	name   string
	policy func(*manager.Policy)
	begin  func(*testing.T, *world) error
	phase  string
	keys   int
}{
	{name: "first signing", phase: "signed", keys: 2},
	{name: "ZSK", begin: roll(rotate.Roll{Role: rotate.ZSK}), phase: "signed", keys: 2},
	{name: "KSK, double-KSK", begin: roll(rotate.Roll{Role: rotate.KSK}), phase: "signed", keys: 2},
	{name: "KSK, double-DS", policy: func(p *manager.Policy) { p.KSKMethod = rotate.DoubleDS },
		begin: roll(rotate.Roll{Role: rotate.KSK}), phase: "signed", keys: 2},
	{name: "CSK", policy: csk, begin: roll(rotate.Roll{Role: rotate.CSK}), phase: "signed", keys: 1},
	{name: "KSK and ZSK to CSK", begin: change(csk), phase: "signed", keys: 1},
	{name: "algorithm", begin: change(func(p *manager.Policy) { p.Algorithm = 15 }), phase: "signed", keys: 2},
	{name: "standby", begin: change(func(p *manager.Policy) { p.StandbyKSK = 1 }), phase: "signed", keys: 3},
	{name: "emergency with standby", policy: func(p *manager.Policy) { p.StandbyKSK = 1 },
		begin: roll(rotate.Roll{Role: rotate.KSK, Emergency: true}), phase: "signed", keys: 3},
	{name: "emergency ZSK", begin: roll(rotate.Roll{Role: rotate.ZSK, Emergency: true}), phase: "signed", keys: 2},
	{name: "go insecure", begin: func(t *testing.T, w *world) error { return w.m.Disable(t.Context(), origin) }, phase: "unsigned"},
}

func csk(p *manager.Policy) { p.Scheme = rotate.SingleKey }

func roll(r rotate.Roll) func(*testing.T, *world) error {
	return func(t *testing.T, w *world) error { return w.m.Roll(t.Context(), origin, r) }
}

func change(fn func(*manager.Policy)) func(*testing.T, *world) error {
	return func(t *testing.T, w *world) error {
		p := policy()
		fn(&p)
		return w.m.Enable(t.Context(), origin, p)
	}
}

func TestProcedures(t *testing.T) {
	for _, tt := range procedures {
		t.Run(tt.name, func(t *testing.T) {
			p := policy()
			if tt.policy != nil {
				tt.policy(&p)
			}
			w := signed(t, p)
			if tt.begin != nil {
				require.NoError(t, tt.begin(t, w))
			}
			st := w.until(tt.phase)
			require.Len(t, st.Keys, tt.keys)
			require.Len(t, w.keys, tt.keys, "keys that nobody needs are removed")
			require.Empty(t, st.Changes)
			if tt.keys > 0 {
				require.NotEmpty(t, w.ds)
			} else {
				require.Empty(t, w.ds)
			}
		})
	}
}
