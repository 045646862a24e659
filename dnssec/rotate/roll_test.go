package rotate_test

import (
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

func TestAbort(t *testing.T) {
	w := signed(t, policy())
	_, err := w.state.Abort()
	require.ErrorIs(t, err, rotate.ErrNothing)

	w.policy.ZSKLifetime = 10 * 24 * hour
	w.roll(t, rotate.Roll{Role: rotate.ZSK})
	for range 3 {
		require.NoError(t, w.step())
		w.apply(0)
		w.now++
	}
	w.state, err = w.state.Abort()
	require.NoError(t, err)
	for range 10 {
		require.NoError(t, w.step())
		w.apply(0)
		w.now++
	}
	require.Equal(t, "key0/KSK:OO-O key1/ZSK:O-O-", w.summary())

	w.now += 1000
	require.NoError(t, w.step())
	require.Empty(t, w.state.Pending, "held")
	require.Contains(t, w.status.Blockers[0].What, "resume")
	w.state = w.state.Resume()
	require.NoError(t, w.step())
	require.Len(t, w.state.Pending, 1)
}

func TestAbortTooLate(t *testing.T) {
	w := waitingForDS(t)
	before := w.summary()
	_, err := w.state.Abort()
	require.ErrorIs(t, err, rotate.ErrTooLate)
	require.ErrorContains(t, err, "DS of KSK 1000 (algorithm 13) is unretentive")
	require.Equal(t, before, w.summary())
}

func TestAbortWhileKeysAreGenerated(t *testing.T) {
	w := signed(t, policy())
	w.policy.Algorithm = 15
	require.NoError(t, w.step())
	require.Len(t, w.state.Pending, 2)
	f := w.facts()
	f.NewKeys = f.NewKeys[:1]
	step1(t, w, f)
	var err error
	w.state, err = w.state.Abort()
	require.NoError(t, err)
	next, actions, _, err := rotate.Step(w.state, w.policy, rotate.Facts{}, w.time())
	require.NoError(t, err)
	require.Contains(t, actions, rotate.DropKey{ID: f.NewKeys[0].ID})
	require.Len(t, next.Keys, 2)
}

func TestRollNeedsKey(t *testing.T) {
	_, err := rotate.State{}.Roll(rotate.Roll{Role: rotate.KSK})
	require.ErrorIs(t, err, rotate.ErrNothing)
}

func TestLifetimes(t *testing.T) {
	p := policy()
	p.ZSKLifetime = 30 * 24 * hour
	w := signed(t, p)
	due := w.state.Keys[1].Created.Add(p.ZSKLifetime)
	require.Equal(t, due, w.status.NextAt)
	w.now = int(due.Sub(epoch)/hour) - 1
	require.NoError(t, w.step())
	require.Empty(t, w.state.Pending)
	w.now++
	w.run(t)
	require.Equal(t, []string{"key0 KSK 13", "key2 ZSK 13"}, w.keysLeft())
}

// A policy that changes while keys are generated asks for others.
func TestPolicyChangesWhilePending(t *testing.T) {
	w := newWorld(policy(), ttls)
	require.NoError(t, w.step())
	w.policy.Algorithm = 15
	w.keys, w.algs = nil, nil
	w.run(t)
	require.Equal(t, []string{"key0 KSK 15", "key1 ZSK 15"}, w.keysLeft())
}

// Waits that began with longer intervals do not become shorter.
func TestPolicyDoesNotShortenWaits(t *testing.T) {
	w := signed(t, policy())
	w.roll(t, rotate.Roll{Role: rotate.ZSK})
	w.policy.PublishSafety = 100 * hour
	require.NoError(t, w.step())
	require.NoError(t, w.step())
	w.apply(0)
	require.NoError(t, w.step())
	until := w.state.Keys[2].DNSKEY.Until
	require.Equal(t, w.time().Add(103*hour), until)
	w.policy.PublishSafety = -1
	w.now += 50
	require.NoError(t, w.step())
	require.Equal(t, until, w.state.Keys[2].DNSKEY.Until)
	require.Equal(t, rotate.Rumoured, w.state.Keys[2].DNSKEY.State)
	w.policy.PublishSafety = 200 * hour
	require.NoError(t, w.step())
	require.Equal(t, until.Add(100*hour), w.state.Keys[2].DNSKEY.Until)
}

func TestEmergency(t *testing.T) {
	w := signed(t, policy())
	w.state.Held = true
	w.roll(t, rotate.Roll{Role: rotate.ZSK, Emergency: true})
	next, actions, _, err := rotate.Step(w.state, w.policy, w.facts(), w.time())
	require.NoError(t, err)
	require.True(t, next.Keys[1].Compromised)
	require.IsType(t, rotate.GenerateKey{}, actions[0])
	w.run2(t)
	require.Equal(t, []string{"key0 KSK 13", "key2 ZSK 13"}, w.keysLeft())
}

// run2 runs for long enough, for a world that keeps a blocker.
func (w *world) run2(t *testing.T) {
	t.Helper()
	for range 60 {
		require.NoError(t, w.step())
		for i := range w.orders {
			w.apply(i)
		}
		w.cache()
		require.Empty(t, w.bogus())
		w.now++
	}
}

func TestPolicyCheck(t *testing.T) {
	require.NoError(t, rotate.Policy{}.Check())
	require.NoError(t, rotate.Policy{Insecure: true}.Check())
	for want, p := range map[string]rotate.Policy{
		"algorithm 5":        {Algorithm: 5},
		"scheme 9":           {Scheme: 9},
		"method 9":           {KSKMethod: 9},
		"use DoubleKSK":      {Scheme: rotate.SingleKey, KSKMethod: rotate.DoubleDS},
		"standby KSKs":       {StandbyKSK: -1},
		"cannot be on":       {Scheme: rotate.SingleKey, StandbyKSK: 1},
		"KSKLifetime is 24h": {KSKLifetime: 24 * time.Hour},
		"ZSKLifetime is 24h": {ZSKLifetime: 24 * time.Hour},
		"DSTTL is -1s":       {DSTTL: -time.Second},
		"MaxZoneTTL is":      {MaxZoneTTL: 1 << 62},
	} {
		err := p.Check()
		require.ErrorIs(t, err, rotate.ErrPolicy, want)
		require.ErrorContains(t, err, want)
		_, _, _, err = rotate.Step(rotate.State{}, p, rotate.Facts{}, epoch)
		require.ErrorIs(t, err, rotate.ErrPolicy)
	}
}
