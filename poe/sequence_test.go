package poe_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/stretchr/testify/require"
)

// darkLab has all its ports off.
func darkLab(t testing.TB, n int) (l *lab, ports []string) {
	l = newLab(n)
	for i := range n {
		ports = append(ports, strconv.Itoa(i+1))
		l.sw.Edit(ports[i], func(st *poe.PortStatus) { st.Admin = false })
	}
	t.Helper()
	return l, ports
}

// onTimes is when each order to switch on came, by port.
func (l *lab) onTimes() map[string]time.Time {
	at := make(map[string]time.Time)
	for _, c := range l.sw.Orders() {
		if _, again := at[c.Port]; c.On && !again {
			at[c.Port] = c.At
		}
	}
	return at
}

// A shelf of 96 is switched on within 1 % of its gaps, however slow the switch.
func TestSequenceKeepsItsGaps(t *testing.T) {
	for name, latency := range map[string]time.Duration{"fast switch": 0, "slow switch": 120 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, ports := darkLab(t, 96)
				l.sw.SetFaults(poetest.SwitchFaults{Latency: latency})
				results, err := l.Sequence(t.Context(), ports, poe.SequenceOptions{Gap: 2 * time.Second, Reason: why})
				require.NoError(t, err)
				require.Len(t, results, 96)
				at := l.onTimes()
				for i, port := range ports {
					require.Equal(t, port, results[i].Port)
					require.True(t, results[i].After.Delivering())
					require.Equal(t, why, results[i].Reason)
					if i > 0 {
						require.GreaterOrEqual(t, at[port].Sub(at[ports[i-1]]), 1980*time.Millisecond)
					}
				}
				took := at["96"].Sub(at["1"])
				require.InEpsilon(t, 95*2*time.Second, took, 0.01)
				t.Logf("95 gaps of 2 s took %v: %.3f %% over", took, 100*(took.Seconds()/190-1))
			})
		})
	}
}

func TestSequencePassesOverWhatIsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ports := darkLab(t, 4)
		for _, on := range []string{"1", "3"} {
			_, err := l.On(t.Context(), on, why)
			require.NoError(t, err)
		}
		start := time.Now()
		var ready atomic.Int32
		results, err := l.Sequence(t.Context(), ports, poe.SequenceOptions{
			Ready: func(context.Context, string) error { ready.Add(1); return nil },
		})
		require.NoError(t, err)
		require.False(t, results[0].Changed)
		require.False(t, results[2].Changed)
		at := l.onTimes()
		require.Zero(t, at["2"].Sub(start))
		require.Equal(t, 5*time.Second, at["4"].Sub(start))
		require.EqualValues(t, 2, ready.Load(), "what was on is not waited for")
	})
}

// No more than InFlight ports are on their way, and each waits for its device.
func TestSequenceInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ports := darkLab(t, 12)
		var flying, most atomic.Int32
		start := time.Now()
		results, err := l.Sequence(t.Context(), ports, poe.SequenceOptions{
			Gap: time.Second, InFlight: 3,
			Ready: func(ctx context.Context, port string) error {
				most.Store(max(most.Load(), flying.Add(1)))
				defer flying.Add(-1)
				wait(20*time.Second - time.Since(start)%(20*time.Second)) // all at once
				return ctx.Err()
			},
		})
		require.NoError(t, err)
		require.EqualValues(t, 3, most.Load())
		for _, res := range results {
			require.GreaterOrEqual(t, res.Took, 15*time.Second)
		}
		at := l.onTimes()
		require.Less(t, at["3"].Sub(at["1"]), 3*time.Second)
		require.GreaterOrEqual(t, at["4"].Sub(at["1"]), 20*time.Second)
		for i := 1; i < len(ports); i++ {
			require.GreaterOrEqual(t, at[ports[i]].Sub(at[ports[i-1]]), 990*time.Millisecond, "the gap holds after waits too")
		}
	})
}

// A device that is not ready in its time is an error of its port only.
func TestSequenceReadyTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ports := darkLab(t, 3)
		results, err := l.Sequence(t.Context(), ports, poe.SequenceOptions{
			ReadyTimeout: 30 * time.Second,
			Ready: func(ctx context.Context, port string) error {
				if port == "2" {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			},
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, results[0].Err)
		require.ErrorContains(t, results[1].Err, `port "2" gives power, but its device is not ready`)
		require.InDelta(t, 31*time.Second, results[1].Took, float64(time.Second))
		require.NoError(t, results[2].Err)
		require.True(t, l.status(t, "2").Delivering())
	})
}

// Ports that fail do not stop those after them.
func TestSequenceGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ports := darkLab(t, 4)
		l.sw.Plug("2", poetest.Device{Short: true})
		ports = append([]string{"nowhere"}, ports...)
		var done []string
		results, err := l.Sequence(t.Context(), ports, poe.SequenceOptions{
			Done: func(res poe.Result) { done = append(done, res.Port) },
		})
		require.ErrorIs(t, err, poe.ErrUnknownPort)
		require.ErrorIs(t, results[0].Err, poe.ErrUnknownPort)
		noPower, ok := errors.AsType[*poe.NoPowerError](results[2].Err)
		require.True(t, ok)
		require.NotZero(t, noPower.Short)
		require.True(t, results[4].After.Delivering())
		require.Equal(t, []string{"nowhere", "1", "3", "4", "2"}, done, "as they come")
	})
}

// The supply is never asked for more than it has: ports wait until it is known
// what those before them really draw, and those that never fit are refused.
func TestSequenceBudget(t *testing.T) {
	tests := []struct {
		name    string
		options poe.SequenceOptions
		faults  poetest.SwitchFaults
		supply  int64
		most    int // ports that may start at once
		on      int // ports that are on at the end
	}{
		// Each needs 15.4 W until its class is known, and draws 2.1 W.
		{"what the supply has", poe.SequenceOptions{}, poetest.SwitchFaults{}, 32000, 2, 8},
		{"less", poe.SequenceOptions{Budget: 24000}, poetest.SwitchFaults{}, 32000, 1, 5},
		{"more than the supply has", poe.SequenceOptions{Budget: 99000}, poetest.SwitchFaults{}, 24000, 1, 5},
		{"no supply known", poe.SequenceOptions{Budget: 24000}, poetest.SwitchFaults{NoBudgets: true}, 0, 1, 5},
		{"not counted", poe.SequenceOptions{Budget: -1}, poetest.SwitchFaults{}, 100000, 10, 10},
		{"neither known nor bounded", poe.SequenceOptions{}, poetest.SwitchFaults{NoBudgets: true}, 0, 10, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, ports := darkLab(t, 10)
				l.sw.Budget, l.sw.PowerUp = tt.supply, 4*time.Second
				l.sw.SetFaults(tt.faults)
				tt.options.Gap, tt.options.InFlight = -1, -1
				start := time.Now()
				results, err := l.Sequence(t.Context(), ports, tt.options)
				on, atOnce := 0, 0
				for _, res := range results {
					if res.Err == nil {
						on++
						continue
					}
					require.ErrorIs(t, res.Err, poe.ErrBudget)
				}
				for _, at := range l.onTimes() {
					if at.Equal(start) {
						atOnce++
					}
				}
				require.Equal(t, tt.on, on, "%v", err)
				require.Equal(t, tt.most, atOnce)
			})
		})
	}
}

// A port that gives power counts with what its class may draw, though its device
// is not ready yet.
func TestSequenceBudgetWhileNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ports := darkLab(t, 5)
		l.sw.Budget = 32000
		_, err := l.Sequence(t.Context(), ports, poe.SequenceOptions{
			Gap: -1, Ready: func(context.Context, string) error { wait(time.Minute); return nil },
		})
		require.NoError(t, err)
		at := l.onTimes()
		require.Zero(t, at["2"].Sub(at["1"]), "2 × 15.4 W")
		require.InDelta(t, time.Second, at["3"].Sub(at["1"]), float64(time.Second), "2 × 7 W and 15.4 W")
		require.Greater(t, at["4"].Sub(at["1"]), time.Minute, "3 × 7 W and 15.4 W are too much")
	})
}

// Which supply a port has is told by its index.
func TestSequenceBudgetOfAStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ports := darkLab(t, 4)
		l.sw.Edit("1", func(st *poe.PortStatus) { st.Index = "3.1" })
		l.sw.Edit("2", func(st *poe.PortStatus) { st.Index = "30.2" })
		l.sw.Edit("3", func(st *poe.PortStatus) { st.Index = "4.3" })
		l.Switch = stack{l.sw}
		results, err := l.Sequence(t.Context(), ports[:3], poe.SequenceOptions{})
		require.ErrorIs(t, err, poe.ErrBudget)
		require.NoError(t, results[0].Err)
		require.ErrorContains(t, results[1].Err, `"30.2"`)
		require.ErrorContains(t, results[2].Err, "10000 mW")
	})
}

// stack has a full supply 3 and a small one 4.
type stack struct{ poe.Switch }

func (stack) Budgets(context.Context) ([]poe.Budget, error) {
	watts := func(mw int64) poe.Power { return poe.Power{Milliwatts: mw, Kind: poe.PowerMeasured} }
	return []poe.Budget{{Group: 3, Nominal: watts(370000)}, {Group: 4, Nominal: watts(10000)}}, nil
}

func TestSequenceCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ports := darkLab(t, 10)
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		start := time.Now()
		results, err := l.Sequence(ctx, ports, poe.SequenceOptions{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 12*time.Second, time.Since(start))
		for i, res := range results {
			require.Equal(t, i > 2, res.Err != nil, "%d: %v", i, res.Err)
			require.Equal(t, ports[i], res.Port)
		}
		require.Len(t, l.sw.Orders(), 3)
		require.Len(t, l.audit.records, 3, "ports that were not begun are not in the audit")
	})
}

// What cannot be read or makes no sense ends it before anything is switched.
func TestSequenceErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ports := darkLab(t, 2)
		_, err := l.Sequence(t.Context(), []string{"1", "2", "1"}, poe.SequenceOptions{})
		require.ErrorContains(t, err, `"1" is in the list twice`)
		l.sw.SetFaults(poetest.SwitchFaults{Fail: poetest.FailAt(1, 1, errBoom)})
		_, err = l.Sequence(t.Context(), ports, poe.SequenceOptions{})
		require.ErrorIs(t, err, errBoom)
		_, err = (&poe.Controller{}).Sequence(t.Context(), ports, poe.SequenceOptions{})
		require.ErrorContains(t, err, "Switch")
		require.Empty(t, l.sw.Orders())

		// The budget cannot be read: nothing is switched on by guess.
		l.sw.SetFaults(poetest.SwitchFaults{Fail: func(c poetest.Call) error {
			if c.Op == "budgets" {
				return errBoom
			}
			return nil
		}})
		_, err = l.Sequence(t.Context(), ports, poe.SequenceOptions{})
		require.ErrorIs(t, err, errBoom)
		require.Empty(t, l.sw.Orders())
	})
}

// Two sequences would double the pace.
func TestOneSequenceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ports := darkLab(t, 4)
		var first sync.WaitGroup
		first.Go(func() {
			_, err := l.Sequence(t.Context(), ports, poe.SequenceOptions{})
			require.NoError(t, err)
		})
		wait(time.Second)
		other := &poe.Controller{Name: "sw1", Switch: l.sw, Journal: l.Journal}
		_, err := other.Sequence(t.Context(), ports, poe.SequenceOptions{})
		require.ErrorIs(t, err, poe.ErrBusy)
		first.Wait()
		_, err = other.Sequence(t.Context(), ports, poe.SequenceOptions{})
		require.NoError(t, err)
	})
}
