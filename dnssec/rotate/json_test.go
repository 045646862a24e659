package rotate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

func TestRoundTrip(t *testing.T) {
	w := waitingForDS(t)
	w.policy.ZSKLifetime = 100 * 24 * hour
	w.roll(t, rotate.Roll{Role: rotate.ZSK})
	require.NoError(t, w.step())
	for _, s := range []rotate.State{{}, w.state} {
		text, err := json.Marshal(s)
		require.NoError(t, err)
		require.Contains(t, string(text), `"version":1`)
		var back rotate.State
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, s, back)
	}
}

// A program that starts anew goes on where another ended.
func TestStateSurvivesRestart(t *testing.T) {
	w := signed(t, policy())
	w.policy.Algorithm = 15
	for range 60 {
		require.NoError(t, w.step())
		for i := range w.orders {
			w.apply(i)
		}
		w.cache()
		require.Empty(t, w.bogus())
		text, err := json.Marshal(w.state)
		require.NoError(t, err)
		w.state = rotate.State{}
		require.NoError(t, json.Unmarshal(text, &w.state))
		w.now++
	}
	require.Equal(t, []string{"key2 KSK 15", "key3 ZSK 15"}, w.keysLeft())
}

func TestDamagedState(t *testing.T) {
	w := waitingForDS(t)
	text, err := json.Marshal(w.state)
	require.NoError(t, err)
	good := string(text)
	require.NoError(t, json.Unmarshal(text, new(rotate.State)))
	for name, change := range map[string][2]string{
		"version":       {`"version":1`, `"version":2`},
		"no version":    {`"version":1,`, ``},
		"unknown field": {`"version":1`, `"version":1,"more":1`},
		"role":          {`"role":"KSK"`, `"role":"DSK"`},
		"no role":       {`"role":"KSK",`, ``},
		"state":         {`"state":"omnipresent"`, `"state":"everywhere"`},
		"use":           {`"use":"active"`, `"use":""`},
		"same ID":       {`"id":"key1"`, `"id":"key0"`},
		"no ID":         {`"id":"key1"`, `"id":""`},
		"same tag":      {`"tag":2000`, `"tag":1128`},
		"digest":        {`"digest":"01`, `"digest":"0g`},
		"record":        {`"id":"key1","role":"ZSK"`, `"id":"key1","role":"KSK"`},
		"until":         {`"until":`, `"seen":`},
		"TTL":           {`"ttl":`, `"ttl":-`},
		"list":          {`{`, `[{`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if name == "until" {
			bad = strings.Replace(good, `"zrrsig":{"state":"hidden"}`, `"zrrsig":{"state":"hidden","until":"2026-01-01T00:00:00Z"}`, 1)
		}
		require.NotEqual(t, good, bad, name)
		var s rotate.State
		require.Error(t, json.Unmarshal([]byte(bad), &s), name)
		require.Equal(t, rotate.State{}, s, name)
	}
	require.ErrorIs(t, new(rotate.State).UnmarshalJSON([]byte(`{"version":7}`)), rotate.ErrState)
	require.ErrorIs(t, new(rotate.State).UnmarshalJSON([]byte(`{"version":1}{}`)), rotate.ErrState)
}

// A state that a program damaged is not worked with either.
func TestStepRefusesDamagedState(t *testing.T) {
	w := signed(t, policy())
	w.state.Keys[1].Tag = w.state.Keys[0].Tag
	_, actions, _, err := rotate.Step(w.state, w.policy, w.facts(), w.time())
	require.ErrorIs(t, err, rotate.ErrState)
	require.Empty(t, actions)
}

// FuzzState: what is read is written again the same, and steps on it do not panic.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"requests":2,"pending":[{"number":2,"role":"ZSK","algorithm":13,"use":"active"}],"rolls":["CSK"],"ttls":{"zone":[{"ttl":1,"last":"2026-01-01T00:00:00Z"}]}}`))
	f.Add([]byte(`{"version":1,"insecure":true,"keys":[{"id":"a","role":"KSK","algorithm":13,"tag":1,"digests":[{"tag":1,"algorithm":13,"digest_type":2,"digest":"` +
		strings.Repeat("00", 32) + `"}],"created":"2026-01-01T00:00:00Z","use":"active","replaces":["b"],"dnskey":{"state":"rumoured","since":"2026-01-01T00:00:00Z"},"krrsig":{"state":"omnipresent"},"zrrsig":{"state":"hidden"},"ds":{"state":"unretentive"}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s rotate.State
		if json.Unmarshal(text, &s) != nil {
			require.Equal(t, rotate.State{}, s)
			return
		}
		written, err := json.Marshal(s)
		require.NoError(t, err)
		var back rotate.State
		require.NoError(t, json.Unmarshal(written, &back))
		again, err := json.Marshal(back)
		require.NoError(t, err)
		require.Equal(t, string(written), string(again))
		for _, p := range []rotate.Policy{{}, {Insecure: true}, {Scheme: rotate.SingleKey, Algorithm: 15}} {
			next, _, _, err := rotate.Step(s, p, rotate.Facts{}, s.Last)
			if err != nil {
				continue
			}
			_, err = json.Marshal(next)
			require.NoError(t, err)
			_, _ = next.Abort()
		}
	})
}
