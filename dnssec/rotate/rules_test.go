package rotate_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

// TestTry: no move that would leave a zone without a chain or signatures is made.
func TestTry(t *testing.T) {
	w := signed(t, policy())
	_, err := w.state.Try(rotate.Move{Key: "key0", Record: rotate.DSRecord, To: rotate.Unretentive})
	var refused *rotate.RuleError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, rotate.RuleDS, refused.Rule)
	for _, tt := range []struct {
		key    string
		record rotate.Kind
		rule   rotate.Rule
	}{
		{"key0", rotate.DNSKEY, rotate.RuleChain},
		{"key0", rotate.KRRSIG, rotate.RuleChain},
		{"key1", rotate.DNSKEY, rotate.RuleSignatures},
		{"key1", rotate.ZRRSIG, rotate.RuleSignatures},
	} {
		_, err := w.state.Try(rotate.Move{Key: tt.key, Record: tt.record, To: rotate.Unretentive})
		require.ErrorAs(t, err, &refused)
		require.Equal(t, tt.rule, refused.Rule)
		require.ErrorContains(t, err, tt.rule.String())
	}
	for _, m := range []rotate.Move{
		{Key: "key9", Record: rotate.DNSKEY, To: rotate.Hidden},
		{Key: "key0", Record: rotate.ZRRSIG, To: rotate.Rumoured},
		{Key: "key0", Record: rotate.DNSKEY, To: rotate.Hidden},
		{Key: "key0", Record: rotate.DNSKEY, To: rotate.Omnipresent},
	} {
		_, err := w.state.Try(m)
		require.ErrorAs(t, err, &refused)
		require.Zero(t, refused.Rule)
	}
	// What is broken is not made worse: nothing more is withdrawn.
	broken := w.state
	broken.Keys = append([]rotate.Key(nil), w.state.Keys...)
	broken.Keys[1].ZRRSIG.State = rotate.Rumoured
	require.False(t, broken.Rules()[rotate.RuleSignatures])
	_, err = broken.Try(rotate.Move{Key: "key1", Record: rotate.DNSKEY, To: rotate.Unretentive})
	require.ErrorAs(t, err, &refused)
	require.Equal(t, rotate.RuleSignatures, refused.Rule)
	_, err = broken.Try(rotate.Move{Key: "key1", Record: rotate.ZRRSIG, To: rotate.Omnipresent})
	require.NoError(t, err, "but mended")

	w.state.Insecure = true
	next, err := w.state.Try(rotate.Move{Key: "key0", Record: rotate.DSRecord, To: rotate.Unretentive})
	require.NoError(t, err)
	require.Equal(t, rotate.Unretentive, next.Keys[0].DS.State)
	require.Equal(t, rotate.Omnipresent, w.state.Keys[0].DS.State, "unchanged")
}

// TestRulesAreSound compares the rules with caches, for all states of two keys of an
// algorithm of which one replaces the other: where the rules hold and everything that
// is uncertain was swapped, no cache is bogus.
func TestRulesAreSound(t *testing.T) {
	states := []rotate.RecordState{rotate.Hidden, rotate.Rumoured, rotate.Omnipresent, rotate.Unretentive}
	held := 0
	for n := range 1 << 16 {
		s := rotate.State{Keys: []rotate.Key{
			{ID: "old", Role: rotate.CSK, Algorithm: 13, Tag: 1000},
			{ID: "new", Role: rotate.CSK, Algorithm: 13, Tag: 2000, Replaces: []string{"old"}},
		}}
		var at [2][4]rotate.RecordState
		for i := range 8 {
			at[i/4][i%4] = states[n>>(2*i)&3]
			s.Keys[i/4].Record(rotate.Kind(i % 4)).State = at[i/4][i%4]
		}
		rules := s.Rules()
		if !rules[rotate.RuleChain] || !rules[rotate.RuleSignatures] {
			continue
		}
		held++
		require.Empty(t, boguses(at), "%v", at)
	}
	require.Greater(t, held, 1000)
	t.Log(held, "states in which the rules hold")
}

// boguses returns contents of caches that are bogus, of all that are possible when what is
// swapped is so in one version: a cache that lacks the new one still has the old one.
func boguses(at [2][4]rotate.RecordState) (out [][3]int) {
	versions := func(kind rotate.Kind) (sets []int) {
		for set := range 4 {
			if possible(at, kind, set) {
				sets = append(sets, set)
			}
		}
		return sets
	}
	for _, ds := range versions(rotate.DSRecord) {
		for _, keys := range versions(rotate.DNSKEY) {
			for _, signers := range versions(rotate.KRRSIG) {
				for _, sigs := range versions(rotate.ZRRSIG) {
					if !together(at, keys, signers) {
						continue
					}
					if ds != 0 && (ds&keys&signers == 0 || keys&sigs == 0) {
						out = append(out, [3]int{ds, keys, sigs})
					}
				}
			}
		}
	}
	return out
}

// together tells whether a version of the DNSKEY RRset can have these keys and signers:
// a key that is being published or withdrawn signs the versions that it is in.
func together(at [2][4]rotate.RecordState, keys, signers int) bool {
	for i := range 2 {
		key, signature := at[i][rotate.DNSKEY], at[i][rotate.KRRSIG]
		uncertain := key == rotate.Rumoured || key == rotate.Unretentive
		if uncertain && signature != rotate.Hidden && keys>>i&1 != signers>>i&1 {
			return false
		}
	}
	return true
}

// possible tells whether a cache can have that set of the two keys' records.
func possible(at [2][4]rotate.RecordState, kind rotate.Kind, set int) bool {
	for i := range 2 {
		switch has := set>>i&1 == 1; at[i][kind] {
		case rotate.Hidden:
			if has {
				return false
			}
		case rotate.Omnipresent:
			if !has && !(kind == rotate.KRRSIG && at[i][rotate.DNSKEY] != rotate.Omnipresent) {
				return false
			}
		}
	}
	a, b := at[0][kind], at[1][kind]
	swapped := a == rotate.Rumoured && b == rotate.Unretentive || b == rotate.Rumoured && a == rotate.Unretentive
	return !swapped || set != 0
}

func TestNames(t *testing.T) {
	require.Equal(t, "CSK", rotate.CSK.String())
	require.Equal(t, "DS", rotate.DSRecord.String())
	require.Equal(t, "9", rotate.Role(9).String())
	require.Equal(t, "0", rotate.Use(0).String())
	_, err := rotate.Use(0).MarshalText()
	require.Error(t, err)
	var r rotate.Role
	require.Error(t, r.UnmarshalText(nil))
	require.Error(t, r.UnmarshalText([]byte("ksk")))
	require.NoError(t, r.UnmarshalText([]byte("KSK")))
	require.Equal(t, rotate.KSK, r)
}
