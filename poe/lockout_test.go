package poe_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/stretchr/testify/require"
)

func TestLockout(t *testing.T) {
	tests := []struct {
		name   string
		policy poe.Policy
		allow  int           // in a row
		again  time.Duration // after the first
	}{
		{"by default", poe.Policy{}, 6, time.Hour},
		{"fewer", poe.Policy{MaxCycles: 2, Window: 10 * time.Minute}, 2, 10 * time.Minute},
		{"for longer", poe.Policy{MaxCycles: 1, Window: time.Minute, Lockout: 30 * time.Minute}, 1, 30 * time.Minute},
		{"not at all", poe.Policy{MaxCycles: -1}, 50, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(2)
				l.Policy = tt.policy
				start := time.Now()
				for range tt.allow {
					_, err := l.Cycle(t.Context(), "1", why)
					require.NoError(t, err)
				}
				if tt.again == 0 {
					return
				}
				orders := len(l.sw.Orders())
				for _, action := range []poe.Action{poe.ActionCycle, poe.ActionOff} {
					_, err := l.do(t.Context(), action, "1")
					require.ErrorIs(t, err, poe.ErrLockedOut)
					lockout, ok := errors.AsType[*poe.LockoutError](err)
					require.True(t, ok)
					require.Equal(t, tt.allow, lockout.Count)
					require.InDelta(t, tt.again, lockout.Until.Sub(start), float64(30*time.Second))
					require.ErrorContains(t, err, lockout.Until.Format(time.RFC3339))
				}
				require.Len(t, l.sw.Orders(), orders, "nothing was ordered")
				require.True(t, l.status(t, "1").Delivering())
				_, err := l.Cycle(t.Context(), "2", why)
				require.NoError(t, err, "other ports are not concerned")

				wait(tt.again + time.Second)
				_, err = l.Cycle(t.Context(), "1", why)
				require.NoError(t, err)
			})
		})
	}
}

// Off and on by hand counts like a cycle, and On is never refused.
func TestLockoutCountsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.Policy.MaxCycles = 2
		for range 2 {
			_, err := l.Off(t.Context(), "1", why)
			require.NoError(t, err)
			_, err = l.On(t.Context(), "1", why)
			require.NoError(t, err)
		}
		_, err := l.Off(t.Context(), "1", why)
		require.ErrorIs(t, err, poe.ErrLockedOut)
		require.Equal(t, poe.OutcomeRefused, l.audit.records[4].Outcome)
	})
}

func TestUnlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.Policy.MaxCycles = 1
		_, err := l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
		// Another process knows of it too.
		other := &poe.Controller{Name: l.Name, Switch: l.sw, Journal: l.Journal, Policy: l.Policy}
		_, err = other.Cycle(t.Context(), "1", why)
		require.ErrorIs(t, err, poe.ErrLockedOut)

		res, err := other.Unlock(t.Context(), "1", why)
		require.NoError(t, err)
		require.Equal(t, poe.ActionUnlock, res.Action)
		_, err = l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
	})
}

// What is known of a port cannot be read: it is not switched off.
func TestDamagedHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		_, err := l.Journal.Put(t.Context(), "history/sw1/1", []byte("{"), 0)
		require.NoError(t, err)
		_, err = l.Cycle(t.Context(), "1", why)
		require.ErrorContains(t, err, "how often it was switched off")
		require.Empty(t, l.sw.Orders())
		_, err = l.Unlock(t.Context(), "1", why)
		require.NoError(t, err)
		_, err = l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
	})
}

// A clock that was set back does not lock a port out for years.
func TestHistoryFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.Policy.MaxCycles = 1
		_, err := l.Journal.Put(t.Context(), "history/sw1/1", []byte(`{"offs":["2040-01-01T00:00:00Z"]}`), 0)
		require.NoError(t, err)
		_, err = l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
	})
}
