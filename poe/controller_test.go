package poe_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/stretchr/testify/require"
)

const poll = 250 * time.Millisecond

func TestCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(4)
		res, err := l.Cycle(t.Context(), "3", why)
		require.NoError(t, err)

		require.True(t, res.Changed)
		require.True(t, res.Before.Delivering())
		require.True(t, res.After.Delivering())
		require.Equal(t, int64(2100), res.Before.Power.Milliwatts)
		require.GreaterOrEqual(t, res.OffFor, 5*time.Second)

		orders := l.sw.Orders()
		require.Len(t, orders, 2)
		require.False(t, orders[0].On)
		require.True(t, orders[1].On)
		// The port gives power for 100 ms more: the time off begins when it is
		// seen not to.
		dark := orders[1].At.Sub(orders[0].At)
		require.GreaterOrEqual(t, dark, 5*time.Second+100*time.Millisecond)
		require.Less(t, dark, 5*time.Second+100*time.Millisecond+2*poll)
		// Power comes after one second.
		require.Less(t, res.Took, 5*time.Second+1100*time.Millisecond+2*poll)
		require.Empty(t, l.pending(t))

		for _, other := range []string{"1", "2", "4"} {
			require.True(t, l.status(t, other).Delivering())
		}
	})
}

func TestOnAndOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(2)
		res, err := l.On(t.Context(), "1", why)
		require.NoError(t, err)
		require.False(t, res.Changed)

		res, err = l.Off(t.Context(), "1", why)
		require.NoError(t, err)
		require.True(t, res.Changed)
		require.True(t, res.After.Dark())

		res, err = l.Off(t.Context(), "1", why)
		require.NoError(t, err)
		require.False(t, res.Changed)

		res, err = l.On(t.Context(), "1", why)
		require.NoError(t, err)
		require.True(t, res.After.Delivering())
		require.Len(t, l.sw.Orders(), 2)
	})
}

// A switch may show a port that is off as searching.
func TestOffShownAsSearching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.sw.SetFaults(poetest.SwitchFaults{SearchingWhenOff: true})
		_, err := l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
	})
}

func TestOffIsVerified(t *testing.T) {
	for _, action := range []poe.Action{poe.ActionOff, poe.ActionCycle} {
		t.Run(string(action), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(1)
				l.sw.SetFaults(poetest.SwitchFaults{StuckOn: true})
				start := time.Now()
				_, err := l.do(t.Context(), action, "1")
				require.ErrorIs(t, err, poe.ErrStillOn)
				require.InDelta(t, 15*time.Second, time.Since(start), float64(2*time.Second))
				require.Empty(t, l.pending(t))
				st := l.status(t, "1")
				require.Equal(t, action == poe.ActionCycle, st.Admin, "a cycle that fails leaves the port on")
			})
		})
	}
}

func (l *lab) do(ctx context.Context, action poe.Action, port string) (poe.Result, error) {
	switch action {
	case poe.ActionOn:
		return l.On(ctx, port, why)
	case poe.ActionOff:
		return l.Off(ctx, port, why)
	case poe.ActionUnlock:
		return l.Unlock(ctx, port, why)
	}
	return l.Cycle(ctx, port, why)
}

func TestSwitchIgnoresOrders(t *testing.T) {
	for name, faults := range map[string]poetest.SwitchFaults{
		"the driver notices":         {Ignore: true},
		"the driver does not notice": {Lie: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(1)
				l.sw.SetFaults(faults)
				res, err := l.Cycle(t.Context(), "1", why)
				require.ErrorIs(t, err, poe.ErrNotApplied)
				require.False(t, res.Interrupted)
				require.LessOrEqual(t, len(l.sw.Orders()), 3, "some switches write flash at each order")
				require.Empty(t, l.pending(t))
				require.True(t, l.status(t, "1").Delivering())
			})
		})
	}
}

func TestReadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.sw.SetFaults(poetest.SwitchFaults{ReadOnly: true})
		res, err := l.Cycle(t.Context(), "1", why)
		require.ErrorIs(t, err, poe.ErrReadOnly)
		require.False(t, res.Changed)
		require.Len(t, l.sw.Orders(), 1)
		require.Empty(t, l.pending(t))

		l.sw.Edit("1", func(st *poe.PortStatus) { st.Admin = false })
		res, err = l.On(t.Context(), "1", why)
		require.ErrorIs(t, err, poe.ErrReadOnly)
		require.False(t, res.Interrupted, "trying again would not help")
		require.Empty(t, l.pending(t))
	})
}

func TestUnknownPort(t *testing.T) {
	l := newLab(1)
	for _, action := range []poe.Action{poe.ActionOn, poe.ActionOff, poe.ActionCycle, poe.ActionUnlock} {
		_, err := l.do(t.Context(), action, "Fa3/0/25")
		require.ErrorIs(t, err, poe.ErrUnknownPort)
		require.ErrorContains(t, err, `"Fa3/0/25"`)
	}
	_, err := (&poe.Controller{}).On(t.Context(), "1", why)
	require.ErrorContains(t, err, "Switch")
}

func TestNoPowerIsClassified(t *testing.T) {
	tests := []struct {
		name   string
		device poetest.Device
		budget int64
		check  func(*testing.T, *poe.NoPowerError)
		text   string
	}{
		{"denied", poetest.Device{Class: 3, Milliwatts: 6000}, 5000,
			func(t *testing.T, e *poe.NoPowerError) {
				require.NotZero(t, e.Denied)
				require.ErrorIs(t, e, poe.ErrBudget)
			}, "power denied"},
		{"overload", poetest.Device{Overload: true}, 0,
			func(t *testing.T, e *poe.NoPowerError) { require.NotZero(t, e.Overload) }, "overload"},
		{"short", poetest.Device{Short: true}, 0,
			func(t *testing.T, e *poe.NoPowerError) { require.NotZero(t, e.Short) }, "short circuit"},
		{"no signature", poetest.Device{InvalidSignature: true}, 0,
			func(t *testing.T, e *poe.NoPowerError) { require.NotZero(t, e.InvalidSignature) }, "invalid signature"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(1)
				l.sw.Budget = tt.budget
				// Counts from long ago explain nothing.
				l.sw.Edit("1", func(st *poe.PortStatus) {
					st.Counters = poe.Counters{Denied: 9, Overload: 9, Short: 9, InvalidSignature: 9}
				})
				_, err := l.Off(t.Context(), "1", why)
				require.NoError(t, err)
				l.sw.Plug("1", tt.device)
				_, err = l.On(t.Context(), "1", why)
				noPower, ok := errors.AsType[*poe.NoPowerError](err)
				require.True(t, ok, err)
				tt.check(t, noPower)
				require.ErrorContains(t, err, tt.text)
				require.Equal(t, 1, count(noPower), "only one cause: %v", err)
				require.GreaterOrEqual(t, noPower.Waited, 15*time.Second)
				require.Empty(t, l.pending(t))
				require.Equal(t, poe.OutcomeNoPower, l.audit.records[1].Outcome)
			})
		})
	}
}

func count(e *poe.NoPowerError) int {
	n := 0
	for _, c := range []uint32{e.Denied, e.Overload, e.Short, e.InvalidSignature} {
		if c > 0 {
			n++
		}
	}
	return n
}

func TestNothingPluggedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.sw.Unplug("1")
		_, err := l.Cycle(t.Context(), "1", why)
		noPower, ok := errors.AsType[*poe.NoPowerError](err)
		require.True(t, ok, err)
		require.Zero(t, count(noPower))
		require.ErrorContains(t, err, "plugged in")
		require.NotErrorIs(t, err, poe.ErrBudget)
	})
}

func TestCycleWhenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		_, err := l.Off(t.Context(), "1", why)
		require.NoError(t, err)

		_, err = l.Cycle(t.Context(), "1", why)
		require.ErrorIs(t, err, poe.ErrOff)
		require.False(t, l.status(t, "1").Admin)

		l.Policy.WhenOff = poe.WhenOffTurnOn
		res, err := l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
		require.True(t, res.After.Delivering())
		require.Len(t, l.sw.Orders(), 2, "one off, one on")
	})
}

func TestProtected(t *testing.T) {
	for _, name := range []string{"24", "1.24", "UPLINK"} {
		t.Run(name, func(t *testing.T) {
			l := newLab(24)
			l.sw.Edit("24", func(st *poe.PortStatus) { st.Alias = "uplink" })
			l.Policy.Protected = []string{name}
			for _, action := range []poe.Action{poe.ActionOff, poe.ActionCycle} {
				_, err := l.do(t.Context(), action, "24")
				require.ErrorIs(t, err, poe.ErrProtected)
			}
			require.Empty(t, l.sw.Orders())
			require.Equal(t, poe.OutcomeRefused, l.audit.records[0].Outcome)
			_, err := l.On(t.Context(), "24", why)
			require.NoError(t, err, "switching on harms nobody")
		})
	}
}

func TestGuard(t *testing.T) {
	l := newLab(2)
	l.Policy.Guard = func(_ context.Context, st poe.PortStatus) error {
		return fmt.Errorf("%w: a bridge is behind %s", poe.ErrProtected, st.Name)
	}
	_, err := l.Cycle(t.Context(), "2", why)
	require.ErrorIs(t, err, poe.ErrProtected)
	require.ErrorContains(t, err, "a bridge is behind 2")
	require.Empty(t, l.sw.Orders())
}

// A journal that cannot be written keeps the port on.
func TestNoJournalNoOrder(t *testing.T) {
	l := newLab(1)
	l.Journal = &brokenStore{Store: l.Journal}
	for _, action := range []poe.Action{poe.ActionOff, poe.ActionCycle} {
		_, err := l.do(t.Context(), action, "1")
		require.ErrorIs(t, err, errBroken)
	}
	require.Empty(t, l.sw.Orders())
}

var errBroken = errors.New("disk full")

// brokenStore takes so many intents only.
type brokenStore struct {
	poe.Store
	takes int
}

func (s *brokenStore) Put(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
	if key == "intent/sw1/1" && val != nil {
		if s.takes == 0 {
			return 0, errBroken
		}
		s.takes--
	}
	return s.Store.Put(ctx, key, val, ifRev)
}

// A journal that breaks while the port is off has it switched on at once.
func TestJournalBreaksWhileOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.Journal = &brokenStore{Store: l.Journal, takes: 1}
		res, err := l.Cycle(t.Context(), "1", why)
		require.ErrorIs(t, err, errBroken)
		require.False(t, res.Interrupted)
		require.True(t, l.status(t, "1").Delivering())
		require.Empty(t, l.pending(t))
	})
}

// Times that make no sense are those by default.
func TestPolicyOfNegativeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.Policy = poe.Policy{MinOff: -1, OffDeadline: -1, OnDeadline: -1, Poll: -1, Settle: -1, LockWait: -1, Window: -1}
		res, err := l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
		require.Less(t, res.OffFor, time.Second, "MinOff may be none")
	})
}
