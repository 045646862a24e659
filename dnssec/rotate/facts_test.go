package rotate_test

import (
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

// waitingForDS is a world in the middle of a double-KSK roll, whose parent does nothing.
func waitingForDS(t *testing.T) *world {
	t.Helper()
	w := signed(t, policy())
	w.roll(t, rotate.Roll{Role: rotate.KSK})
	for w.state.Keys[len(w.state.Keys)-1].DS.State != rotate.Rumoured {
		require.NoError(t, w.step())
		for i := range 1 + rrsets {
			w.apply(i)
		}
		w.now++
	}
	return w
}

// step1 is a step with facts of the test's own.
func step1(t *testing.T, w *world, f rotate.Facts) rotate.Status {
	t.Helper()
	next, _, status, err := rotate.Step(w.state, w.policy, f, w.time())
	require.NoError(t, err)
	w.state = next
	return status
}

func TestNoTimerConfirmsDS(t *testing.T) {
	w := waitingForDS(t)
	for range 1000 {
		w.now += 24
		require.NoError(t, w.step())
	}
	require.Equal(t, "key0/KSK:OO-U key1/ZSK:O-O- key2/KSK:OO-R", w.summary())
	require.Zero(t, w.status.NextAt)
}

func TestParentAnswers(t *testing.T) {
	old := func(w *world) []rotate.DS { return w.keys[0].Digests }
	fresh := func(w *world) []rotate.DS { return w.keys[2].Digests }
	both := func(w *world) []rotate.DS { return append(old(w), fresh(w)...) }
	for _, tt := range []struct {
		name string
		a, b func(*world) []rotate.DS // nil: no answer
		want string
	}{
		{"both have the new one", fresh, fresh, "key1/ZSK:O-O- key2/KSK:OO-O"},
		{"both have both", both, both, "key0/KSK:OO-U key1/ZSK:O-O- key2/KSK:OO-O"},
		{"one is old", fresh, old, "key0/KSK:OO-U key1/ZSK:O-O- key2/KSK:OO-R"},
		{"one is silent", fresh, nil, "key0/KSK:OO-U key1/ZSK:O-O- key2/KSK:OO-R"},
		{"both are silent", nil, nil, "key0/KSK:OO-U key1/ZSK:O-O- key2/KSK:OO-R"},
		{"none has any", func(*world) []rotate.DS { return []rotate.DS{} }, func(*world) []rotate.DS { return []rotate.DS{} }, "key1/ZSK:O-O- key2/KSK:OO-R"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := waitingForDS(t)
			for range 20 {
				f := w.facts()
				f.DS.Servers = nil
				for _, answer := range []func(*world) []rotate.DS{tt.a, tt.b} {
					server := rotate.ServerDS{Name: "ns"}
					if answer != nil {
						server.Answered, server.DS = true, answer(w)
					}
					f.DS.Servers = append(f.DS.Servers, server)
				}
				f.Zone.Keys = asOrdered(w)
				step1(t, w, f)
				w.now++
			}
			require.Equal(t, tt.want, w.summary())
		})
	}
}

// asOrdered are facts of a zone in which all is as the state has it.
func asOrdered(w *world) map[string]rotate.KeyFacts {
	ordered := func(r rotate.Record) rotate.Presence {
		return everywhere(r.State == rotate.Rumoured || r.State == rotate.Omnipresent)
	}
	out := map[string]rotate.KeyFacts{}
	for _, k := range w.state.Keys {
		out[k.ID] = rotate.KeyFacts{DNSKEY: ordered(k.DNSKEY), KRRSIG: ordered(k.KRRSIG), ZRRSIG: ordered(k.ZRRSIG)}
	}
	return out
}

// A DS that the parent shows and then does not has to be waited for anew.
func TestParentTakesBack(t *testing.T) {
	w := waitingForDS(t)
	w.apply(1 + rrsets)
	w.apply(2 + rrsets)
	require.NoError(t, w.step())
	fresh := w.state.Keys[2].DS
	require.Equal(t, w.time(), fresh.Seen)
	require.Equal(t, w.time().Add(3*hour), fresh.Until)
	w.now++
	before := w.wantDS
	w.ds[0] = 1
	require.NoError(t, w.step())
	require.Zero(t, w.state.Keys[2].DS.Seen)
	w.ds[0] = before
	w.now += 10
	require.NoError(t, w.step())
	require.Equal(t, w.time().Add(3*hour), w.state.Keys[2].DS.Until)
}

// A DS that vanishes is told of, and nothing is stripped.
func TestDSVanishes(t *testing.T) {
	w := signed(t, policy())
	w.ds = [servers]keySet{}
	for range 50 {
		require.NoError(t, w.step())
		w.now++
	}
	require.Equal(t, "key0/KSK:OO-R key1/ZSK:O-O-", w.summary())
	require.Equal(t, w.keys[0].Digests, w.status.DSAdd)
	require.Equal(t, w.keySetOf("key0", "key1"), w.dnskey.keys)
}

func (w *world) keySetOf(ids ...string) keySet { return w.set(ids) }

// A DS of nobody's is told of, and going insecure waits for it to go.
func TestForeignDS(t *testing.T) {
	w := signed(t, policy())
	w.policy.Insecure = true
	foreign := rotate.DS{Tag: 7, Algorithm: 13, DigestType: 2, Digest: "00"}
	for range 30 {
		f := w.facts()
		for i := range f.DS.Servers {
			f.DS.Servers[i].DS = []rotate.DS{foreign}
		}
		status := step1(t, w, f)
		require.Contains(t, status.DSRemove, foreign)
		w.now++
	}
	require.Equal(t, "key0/KSK:OO-- key1/ZSK:O-O-", w.summary())
	w.ds, w.wantDS = [servers]keySet{}, 0
	w.run(t)
	require.Empty(t, w.state.Keys)
}

func TestTagCollisions(t *testing.T) {
	for _, tt := range []struct {
		a, b uint16
		want bool
	}{
		{1, 1, true},
		{1, 2, false},
		{1000, 1128, true},
		{1128, 1000, true},
		{1000, 1129, true}, // the carry of the sum
		{1000, 1127, false},
		{65500, 92, true}, // over the end
		{0, 65408, true},
	} {
		require.Equal(t, tt.want, rotate.Collides(tt.a, tt.b), "%d %d", tt.a, tt.b)
	}

	w := signed(t, policy())
	w.roll(t, rotate.Roll{Role: rotate.ZSK})
	require.NoError(t, w.step())
	request := w.state.Pending[0].Number
	for _, tag := range []uint16{1000, 2000, 1128, 872, 2129} {
		next, actions, _, err := rotate.Step(w.state, w.policy, rotate.Facts{NewKeys: []rotate.NewKey{{Request: request, ID: "new", Tag: tag}}}, w.time())
		require.NoError(t, err)
		require.Len(t, next.Keys, 2)
		require.IsType(t, rotate.RejectKey{}, actions[0])
		require.Contains(t, actions[0].(rotate.RejectKey).Why, "collides")
		require.Contains(t, actions, rotate.GenerateKey{Request: request, Role: rotate.ZSK, Algorithm: 13})
	}
}

func TestNewKeysThatCannotBeUsed(t *testing.T) {
	w := newWorld(policy(), ttls)
	require.NoError(t, w.step())
	good := w.keys[0]
	for name, spoil := range map[string]func(*rotate.NewKey){
		"no DS":             func(k *rotate.NewKey) { k.Digests = nil },
		"another tag":       func(k *rotate.NewKey) { k.Digests[0].Tag++ },
		"another algorithm": func(k *rotate.NewKey) { k.Digests[0].Algorithm = 8 },
		"SHA-1":             func(k *rotate.NewKey) { k.Digests[0].DigestType = 1 },
		"short":             func(k *rotate.NewKey) { k.Digests[0].Digest = "00" },
		"upper case":        func(k *rotate.NewKey) { k.Digests[0].Digest = "AA" + k.Digests[0].Digest[2:] },
		"no ID":             func(k *rotate.NewKey) { k.ID = "" },
		"not asked for":     func(k *rotate.NewKey) { k.Request = 99 },
		"for a ZSK":         func(k *rotate.NewKey) { k.Request = 2 },
	} {
		key := good
		key.Digests = []rotate.DS{good.Digests[0]}
		spoil(&key)
		next, actions, _, err := rotate.Step(w.state, w.policy, rotate.Facts{NewKeys: []rotate.NewKey{key}}, w.time())
		require.NoError(t, err, name)
		require.IsType(t, rotate.RejectKey{}, actions[0], name)
		require.Nil(t, next.Pending[0].Key, name)
	}
}

func TestClock(t *testing.T) {
	w := signed(t, policy())
	before := w.state
	_, actions, _, err := rotate.Step(w.state, w.policy, w.facts(), w.time().Add(-365*24*time.Hour))
	require.ErrorIs(t, err, rotate.ErrClock)
	require.ErrorContains(t, err, "set it right")
	require.Empty(t, actions)
	require.Equal(t, before, w.state)
}

func TestStepIsPure(t *testing.T) {
	w := waitingForDS(t)
	before, err := w.state.MarshalJSON()
	require.NoError(t, err)
	one, actions1, status1, err := rotate.Step(w.state, w.policy, w.facts(), w.time())
	require.NoError(t, err)
	two, actions2, status2, err := rotate.Step(w.state, w.policy, w.facts(), w.time())
	require.NoError(t, err)
	require.Equal(t, one, two)
	require.Equal(t, actions1, actions2)
	require.Equal(t, status1, status2)
	after, err := w.state.MarshalJSON()
	require.NoError(t, err)
	require.JSONEq(t, string(before), string(after))
}
