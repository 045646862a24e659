package poe_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/stretchr/testify/require"
)

var errBoom = errors.New("boom")

// onOrJournaled is what must hold of a port after an action other than Off, come
// what may; and then Recover must have it on.
func (l *lab) onOrJournaled(t *testing.T) {
	t.Helper()
	wait(30 * time.Second) // whatever is on its way arrives
	pending := l.pending(t)
	if !l.status(t, "1").Admin {
		require.Len(t, pending, 1, "the port is off and nobody knows")
		require.Equal(t, "1", pending[0].Port)
		require.Equal(t, why.Who, pending[0].Who)
	}
	_, err := l.Recover(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	require.True(t, l.status(t, "1").Delivering())
	require.Empty(t, l.pending(t))
}

// cycleCalls is how many calls of the switch a cycle takes.
func cycleCalls(t *testing.T) int {
	var n int
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		_, err := l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
		n = len(l.sw.Calls())
	})
	require.Greater(t, n, 6)
	return n
}

// The context ends while a call is under way, for each call in turn.
func TestCancelAtEveryStep(t *testing.T) {
	for step := 1; step <= cycleCalls(t); step++ {
		for _, carriedOut := range []bool{false, true} {
			t.Run(fmt.Sprintf("step %d, carried out %v", step, carriedOut), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLab(1)
					ctx, cancel := context.WithCancel(t.Context())
					l.sw.SetFaults(poetest.SwitchFaults{Fail: func(c poetest.Call) error {
						if c.Number != step {
							return nil
						}
						cancel()
						if carriedOut && c.Op == "set" {
							return nil
						}
						return context.Canceled
					}})
					start := time.Now()
					res, err := l.Cycle(ctx, "1", why)
					require.ErrorIs(t, err, context.Canceled)
					require.Equal(t, len(l.pending(t)) > 0, res.Interrupted)
					cancelled := l.sw.Calls()[step-1].At
					require.Equal(t, cancelled.Sub(start), time.Since(start), "it returns at once")
					require.Len(t, l.sw.Calls(), step, "and asks for nothing more")
					l.onOrJournaled(t)
				})
			})
		}
	}
}

// An On that ends before its first order leaves the port off, as it was; after
// that it is for Recover.
func TestCancelOn(t *testing.T) {
	for step := 1; step <= 6; step++ {
		t.Run(fmt.Sprint("step ", step), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(1)
				l.sw.Edit("1", func(st *poe.PortStatus) { st.Admin = false })
				ctx, cancel := context.WithCancel(t.Context())
				l.sw.SetFaults(poetest.SwitchFaults{Fail: func(c poetest.Call) error {
					if c.Number == step {
						cancel()
						return context.Canceled
					}
					return nil
				}})
				res, err := l.On(ctx, "1", why)
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, step >= 3, res.Interrupted)
				_, err = l.Recover(t.Context())
				require.NoError(t, err)
				require.Equal(t, step >= 3, l.status(t, "1").Delivering())
				require.Empty(t, l.pending(t))
			})
		})
	}
}

// An Off whose context ends leaves nothing to do: whether the port is off is in
// the result as far as it is known.
func TestCancelOff(t *testing.T) {
	for step := 1; step <= 5; step++ {
		t.Run(fmt.Sprint("step ", step), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(1)
				ctx, cancel := context.WithCancel(t.Context())
				l.sw.SetFaults(poetest.SwitchFaults{Fail: func(c poetest.Call) error {
					if c.Number == step {
						cancel()
					}
					return nil
				}})
				res, err := l.Off(ctx, "1", why)
				require.ErrorIs(t, err, context.Canceled)
				require.False(t, res.Interrupted)
				require.Equal(t, poe.OutcomeFailed, l.audit.records[0].Outcome)
				require.Empty(t, l.pending(t))
				results, err := l.Recover(t.Context())
				require.NoError(t, err)
				require.Empty(t, results)
				require.Equal(t, step < 3, l.status(t, "1").Admin)
			})
		})
	}
}

// The context ends between calls, when the port is off for its time.
func TestCancelWhileDark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		res, err := l.Cycle(ctx, "1", why)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, res.Interrupted)
		require.Equal(t, poe.OutcomeInterrupted, l.audit.records[0].Outcome)
		require.False(t, l.status(t, "1").Admin)
		off := l.sw.Orders()[0].At

		results, err := l.Recover(t.Context())
		require.NoError(t, err)
		require.Len(t, results, 1)
		require.Equal(t, poe.ActionRecover, results[0].Action)
		require.Equal(t, why, results[0].Reason)
		// The time off counts from before, not anew.
		on := l.sw.Orders()[1].At
		require.InDelta(t, 5*time.Second, on.Sub(off), float64(2*poll))
		require.True(t, l.status(t, "1").Delivering())
	})
}

// A call fails, once or for as long as the action runs, for each call in turn.
func TestFailAtEveryStep(t *testing.T) {
	calls := cycleCalls(t)
	for step := 1; step <= calls+2; step++ {
		for name, times := range map[string]int{"once": 1, "ten times": 10, "from then on": 1 << 30} {
			t.Run(fmt.Sprintf("step %d %s", step, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLab(1)
					l.sw.SetFaults(poetest.SwitchFaults{Fail: poetest.FailAt(step, times, errBoom)})
					_, err := l.Cycle(t.Context(), "1", why)
					if times > 10 && step <= calls {
						require.ErrorIs(t, err, errBoom)
					}
					l.onOrJournaled(t)
				})
			})
		}
	}
}

// Answers are lost, orders come late or twice, and the port is on all the same.
func TestOrdersGoAstray(t *testing.T) {
	tests := map[string]poetest.SwitchFaults{
		"answers lost":             {LoseAnswers: true},
		"late, within Settle":      {Late: 1500 * time.Millisecond},
		"late, after Settle":       {Late: 3 * time.Second},
		"very late":                {Late: 7 * time.Second},
		"copies, soon":             {Repeat: 500 * time.Millisecond},
		"copy of off while it ons": {Repeat: 5500 * time.Millisecond},
		"slow":                     {Latency: 900 * time.Millisecond},
		"slow and lost":            {Latency: 900 * time.Millisecond, LoseAnswers: true},
	}
	for name, faults := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(1)
				l.sw.SetFaults(faults)
				_, err := l.Cycle(t.Context(), "1", why)
				if faults.Late < 3*time.Second {
					require.NoError(t, err)
				}
				l.onOrJournaled(t)
			})
		})
	}
}

// A copy of an Off that arrives after the next On does not win.
func TestOnRightAfterOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.sw.SetFaults(poetest.SwitchFaults{Repeat: 1500 * time.Millisecond})
		_, err := l.Off(t.Context(), "1", why)
		require.NoError(t, err)
		l.sw.SetFaults(poetest.SwitchFaults{})
		res, err := l.On(t.Context(), "1", why)
		require.NoError(t, err)
		require.True(t, res.After.Delivering())
		wait(10 * time.Second)
		require.True(t, l.status(t, "1").Delivering())

		// Long after, On need not wait.
		_, err = l.Off(t.Context(), "1", why)
		require.NoError(t, err)
		wait(time.Minute)
		res, err = l.On(t.Context(), "1", why)
		require.NoError(t, err)
		require.Less(t, res.Took, 2*time.Second)
	})
}

// After an order whose answer was lost no opposite order goes out before the
// switch was heard again.
func TestNoOppositeOrderUnsettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		heard := true
		silent := 0
		l.sw.SetFaults(poetest.SwitchFaults{Fail: func(c poetest.Call) error {
			switch {
			case c.Op == "set" && !c.On:
				heard, silent = false, 6
				return poetest.ErrTimeout
			case c.Op == "set":
				require.True(t, heard, "an order went out though nobody knows what became of the opposite one")
			case silent > 0:
				silent--
				return poetest.ErrTimeout
			default:
				heard = true
			}
			return nil
		}})
		_, err := l.Cycle(t.Context(), "1", why)
		require.ErrorIs(t, err, poe.ErrNotApplied)
		l.onOrJournaled(t)
	})
}

// The switch goes silent for good while the port is off.
func TestSwitchDiesWhileOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		dead := false
		l.sw.SetFaults(poetest.SwitchFaults{Fail: func(c poetest.Call) error {
			dead = dead || c.Op == "set" && c.On
			if dead {
				return poetest.ErrTimeout
			}
			return nil
		}})
		res, err := l.Cycle(t.Context(), "1", why)
		require.ErrorIs(t, err, poetest.ErrTimeout)
		require.ErrorContains(t, err, "Recover")
		require.True(t, res.Interrupted)
		_, err = l.Recover(t.Context())
		require.ErrorIs(t, err, poetest.ErrTimeout)
		require.Len(t, l.pending(t), 1, "it stays in the journal until the switch answers")
		l.onOrJournaled(t)
	})
}

// A switch that goes silent at the first order gets no second one.
func TestSwitchDiesAtOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		dead := false
		l.sw.SetFaults(poetest.SwitchFaults{Fail: func(c poetest.Call) error {
			dead = dead || c.Op == "set"
			if dead {
				return poetest.ErrTimeout
			}
			return nil
		}})
		res, err := l.Cycle(t.Context(), "1", why)
		require.ErrorIs(t, err, poetest.ErrTimeout)
		require.True(t, res.Interrupted)
		require.Len(t, l.sw.Orders(), 1)
		l.onOrJournaled(t)
	})
}

// A cycle that was interrupted is cycled again, though the port is off.
func TestCycleAfterInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := l.Cycle(ctx, "1", why)
		require.Error(t, err)
		_, err = l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
		require.Empty(t, l.pending(t))
	})
}

// Off ends what was left undone: the port is to be off now.
func TestOffAfterInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := l.Cycle(ctx, "1", why)
		require.Error(t, err)
		_, err = l.Off(t.Context(), "1", why)
		require.NoError(t, err)
		require.Empty(t, l.pending(t))
		results, err := l.Recover(t.Context())
		require.NoError(t, err)
		require.Empty(t, results)
		require.False(t, l.status(t, "1").Admin)
	})
}

// Recover leaves a port that was to be off as it is.
func TestRecoverLeavesOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		_, err := l.Off(t.Context(), "1", why)
		require.NoError(t, err)
		l.putIntent(t, `{"port":"1","action":"off","on":false,"started":"2000-01-01T00:00:00Z"}`)
		results, err := l.Recover(t.Context())
		require.NoError(t, err)
		require.Len(t, results, 1)
		require.False(t, l.status(t, "1").Admin)
		require.Empty(t, l.pending(t))
	})
}

func (l *lab) putIntent(t *testing.T, text string) {
	t.Helper()
	_, err := l.Journal.Put(t.Context(), "intent/sw1/1", []byte(text), -1)
	require.NoError(t, err)
}

// A damaged entry is reported, stops switching of that port, and hides no other.
func TestDamagedIntent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(2)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := l.Cycle(ctx, "2", why)
		require.Error(t, err)
		l.putIntent(t, "{")
		results, err := l.Recover(t.Context())
		require.ErrorContains(t, err, `"intent/sw1/1" is damaged`)
		require.Len(t, results, 1)
		require.True(t, l.status(t, "2").Delivering())
		_, err = l.Cycle(t.Context(), "1", why)
		require.ErrorContains(t, err, "damaged")
	})
}

// What a living process is at, Recover leaves to it.
func TestRecoverLeavesTheLiving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		done := make(chan error)
		go func() {
			_, err := l.Cycle(t.Context(), "1", why)
			done <- err
		}()
		wait(time.Second)
		require.Len(t, l.pending(t), 1)
		results, err := l.Recover(t.Context())
		require.NoError(t, err)
		require.Empty(t, results)
		require.NoError(t, <-done)
		require.Len(t, l.sw.Orders(), 2)
	})
}

// Recover itself may be interrupted, and then has it to do again.
func TestRecoverInterrupted(t *testing.T) {
	for name, faults := range map[string]poetest.SwitchFaults{
		"the context ends":              {},
		"the switch dies":               {Fail: poetest.FailAt(3, 1<<30, poetest.ErrTimeout)},
		"orders are refused since then": {ReadOnly: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(1)
				l.sw.Edit("1", func(st *poe.PortStatus) { st.Admin = false })
				l.putIntent(t, `{"port":"1","action":"cycle","on":true,"who":"ops","started":"1999-12-31T23:59:59Z"}`)
				l.sw.SetFaults(faults)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if faults.Fail == nil && !faults.ReadOnly {
					time.AfterFunc(3*time.Second, cancel)
				}
				results, err := l.Recover(ctx)
				require.Error(t, err)
				require.Len(t, results, 1)
				require.True(t, results[0].Interrupted)
				l.onOrJournaled(t)
			})
		})
	}
}

// The process was killed with an "off" on its way, which arrives after the next
// has begun.
func TestRecoverBeforeOffArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.sw.SetFaults(poetest.SwitchFaults{Late: 1500 * time.Millisecond})
		require.Error(t, l.sw.SetAdmin(t.Context(), "1", false))
		l.sw.SetFaults(poetest.SwitchFaults{})
		l.putIntent(t, `{"port":"1","action":"cycle","on":true,"who":"ops","started":"2000-01-01T00:00:00Z"}`)
		_, err := l.Recover(t.Context())
		require.NoError(t, err)
		l.onOrJournaled(t)
		require.Len(t, l.audit.records, 1, "it was finished the first time")
	})
}

// A clock that was set back does not keep a port dark.
func TestRecoverWithIntentFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.sw.Edit("1", func(st *poe.PortStatus) { st.Admin = false })
		l.putIntent(t, `{"port":"1","action":"cycle","on":true,"started":"2040-01-01T00:00:00Z","dark":"2040-01-01T00:00:00Z"}`)
		start := time.Now()
		_, err := l.Recover(t.Context())
		require.NoError(t, err)
		require.Less(t, time.Since(start), 10*time.Second)
	})
}

// Whatever goes wrong in whatever mixture, the port ends on or in the journal.
func TestAnythingGoesWrong(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 4))
				upTo := func(most time.Duration) time.Duration {
					return time.Duration(rnd.IntN(2)) * time.Duration(rnd.Int64N(int64(most)))
				}
				l := newLab(1)
				l.Policy.MaxCycles = -1
				loss := rnd.Float64() / 2
				for range 3 {
					l.sw.SetFaults(poetest.SwitchFaults{
						Latency: upTo(time.Second), Late: upTo(1900 * time.Millisecond), Repeat: upTo(1900 * time.Millisecond),
						LoseAnswers: rnd.IntN(3) == 0, StuckOn: rnd.IntN(9) == 0, DeadPorts: rnd.IntN(9) == 0,
						Fail: func(poetest.Call) error {
							if rnd.Float64() < loss {
								return poetest.ErrTimeout
							}
							return nil
						},
					})
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond+time.Duration(rnd.Int64N(int64(20*time.Second))))
					_, _ = l.Cycle(ctx, "1", why)
					cancel()
				}
				l.onOrJournaled(t)
			})
		})
	}
}
