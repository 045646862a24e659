package poe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/stretchr/testify/require"
)

func snapshot(ports ...poe.PortStatus) poe.Snapshot { return poe.Snapshot{Switch: "sw1", Ports: ports} }

func kinds(events []poe.Event) []poe.EventKind {
	var all []poe.EventKind
	for _, e := range events {
		all = append(all, e.Kind)
	}
	return all
}

func TestDeltas(t *testing.T) {
	port := func(d poe.Detection, c poe.Counters) poe.PortStatus {
		return poe.PortStatus{Name: "1", Admin: true, Detection: d, Counters: c}
	}
	const delivering, searching = poe.DetectionDelivering, poe.DetectionSearching
	old := poe.Counters{MPSAbsent: 1, InvalidSignature: 2, Denied: 3, Overload: 4, Short: 5}
	with := func(change func(*poe.Counters)) poe.Counters {
		c := old
		change(&c)
		return c
	}
	tests := []struct {
		name          string
		before, after poe.PortStatus
		want          []poe.EventKind
	}{
		{"nothing", port(delivering, old), port(delivering, old), nil},
		{"on", port(searching, old), port(delivering, old), []poe.EventKind{poe.EventPowerOn}},
		{"off", port(delivering, old), port(searching, with(func(c *poe.Counters) { c.MPSAbsent++ })), []poe.EventKind{poe.EventPowerOff}},
		{"gone and back", port(delivering, old), port(delivering, with(func(c *poe.Counters) { c.MPSAbsent++ })), []poe.EventKind{poe.EventPowerLost}},
		{"fault", port(delivering, old), port(poe.DetectionFault, old), []poe.EventKind{poe.EventPowerOff, poe.EventFault}},
		{"other fault", port(searching, old), port(poe.DetectionOtherFault, old), []poe.EventKind{poe.EventFault}},
		{"another fault", port(poe.DetectionFault, old), port(poe.DetectionOtherFault, old), nil},
		{"denied", port(searching, old), port(searching, with(func(c *poe.Counters) { c.Denied += 9 })), []poe.EventKind{poe.EventDenied}},
		{"overload", port(searching, old), port(searching, with(func(c *poe.Counters) { c.Overload++ })), []poe.EventKind{poe.EventOverload}},
		{"short", port(searching, old), port(searching, with(func(c *poe.Counters) { c.Short++ })), []poe.EventKind{poe.EventShort}},
		{"signature", port(searching, old), port(searching, with(func(c *poe.Counters) { c.InvalidSignature++ })), []poe.EventKind{poe.EventInvalidSignature}},
		{"restart", port(delivering, old), port(delivering, poe.Counters{}), nil},
		{"wrap", port(searching, poe.Counters{Denied: 1<<32 - 1}), port(searching, poe.Counters{Denied: 1}), []poe.EventKind{poe.EventDenied}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events := poe.Deltas(snapshot(tt.before), snapshot(tt.after), 0)
			require.Equal(t, tt.want, kinds(events))
			for _, e := range events {
				require.Equal(t, "sw1", e.Switch)
				require.Equal(t, "1", e.Port)
				require.Equal(t, tt.after, e.Status)
			}
			require.Empty(t, poe.Deltas(snapshot(), snapshot(tt.after), 0), "a port seen first is no news")
			require.Empty(t, poe.Deltas(snapshot(tt.before), snapshot(), 0))
		})
	}
}

func TestBudgetDeltas(t *testing.T) {
	used := func(mw int64, threshold int) poe.Budget {
		return poe.Budget{Group: 1, Nominal: poe.Power{Milliwatts: 100000}, Used: poe.Power{Milliwatts: mw}, Threshold: threshold}
	}
	faulty := used(10, 0)
	faulty.Faulty = true
	tests := []struct {
		name          string
		before, after []poe.Budget
		threshold     int
		want          []poe.EventKind
	}{
		{"seen first", nil, []poe.Budget{used(80000, 0)}, 0, nil},
		{"seen first, and high", nil, []poe.Budget{used(80001, 0)}, 0, []poe.EventKind{poe.EventBudgetHigh}},
		{"gets high", []poe.Budget{used(10, 0)}, []poe.Budget{used(90000, 0)}, 0, []poe.EventKind{poe.EventBudgetHigh}},
		{"stays high", []poe.Budget{used(90000, 0)}, []poe.Budget{used(91000, 0)}, 0, nil},
		{"gets normal", []poe.Budget{used(90000, 0)}, []poe.Budget{used(10, 0)}, 0, []poe.EventKind{poe.EventBudgetNormal}},
		{"the switch's threshold", []poe.Budget{used(10, 95)}, []poe.Budget{used(90000, 95)}, 50, nil},
		{"ours", []poe.Budget{used(10, 0)}, []poe.Budget{used(60000, 0)}, 50, []poe.EventKind{poe.EventBudgetHigh}},
		{"a threshold out of range", []poe.Budget{used(10, 0)}, []poe.Budget{used(60000, 100)}, 50, []poe.EventKind{poe.EventBudgetHigh}},
		{"faulty", []poe.Budget{used(10, 0)}, []poe.Budget{faulty}, 0, []poe.EventKind{poe.EventSupplyFault}},
		{"good again", []poe.Budget{faulty}, []poe.Budget{used(10, 0)}, 0, []poe.EventKind{poe.EventSupplyGood}},
		{"another supply", []poe.Budget{used(90000, 0)}, []poe.Budget{{Group: 2}}, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events := poe.Deltas(poe.Snapshot{Budgets: tt.before}, poe.Snapshot{Budgets: tt.after}, tt.threshold)
			require.Equal(t, tt.want, kinds(events))
		})
	}
}

// fleet is switches with a poller that writes down what it tells.
func fleet(n int) (*poe.Poller, []*poetest.Switch, *[]string) {
	var told []string
	p, switches := &poe.Poller{}, make([]*poetest.Switch, n)
	for i := range switches {
		switches[i] = poetest.New(8)
		p.Targets = append(p.Targets, poe.Target{Name: fmt.Sprintf("sw%d", i+1), Switch: switches[i]})
	}
	p.OnEvent = func(e poe.Event) { told = append(told, fmt.Sprint(e.Switch, " ", e.Port, " ", e.Kind)) }
	return p, switches, &told
}

// pass lets time pass in a bubble, and all that is due then be done.
func pass(d time.Duration) {
	wait(d)
	synctest.Wait()
}

func TestPollerTellsWhatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, switches, told := fleet(3)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		pass(40 * time.Second)
		require.Empty(t, *told)

		require.NoError(t, switches[1].SetAdmin(ctx, "5", false))
		switches[2].Plug("1", poetest.Device{Overload: true})
		pass(30 * time.Second)
		require.ElementsMatch(t, []string{"sw2 5 power-off", "sw3 1 power-off", "sw3 1 fault", "sw3 1 overload"}, *told)

		*told = nil
		require.NoError(t, switches[1].SetAdmin(ctx, "5", true))
		switches[2].Unplug("1")
		pass(30 * time.Second)
		require.ElementsMatch(t, []string{"sw2 5 power-on", "sw3 1 overload"}, *told)

		*told = nil
		switches[0].Restart()
		pass(30 * time.Second)
		require.Empty(t, *told, "counters that begin anew are no events")

		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestPollerBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, switches, told := fleet(1)
		var log bytes.Buffer
		p.Log = slog.New(slog.NewTextHandler(&log, nil))
		var looks []time.Duration
		start := time.Now()
		p.OnSnapshot = func(s poe.Snapshot) {
			require.Equal(t, s.Err != nil, s.Ports == nil)
			looks = append(looks, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		pass(time.Second)
		switches[0].SetFaults(poetest.SwitchFaults{Fail: func(poetest.Call) error { return errBoom }})
		pass(30 * time.Second)
		require.Empty(t, *told, "one lost look is no news")
		pass(30 * time.Second)
		require.Equal(t, []string{"sw1  unreachable"}, *told)
		pass(20 * time.Minute)
		switches[0].SetFaults(poetest.SwitchFaults{})
		require.NoError(t, switches[0].SetAdmin(ctx, "8", false))
		pass(5 * time.Minute)
		require.Equal(t, []string{"sw1  unreachable", "sw1  back", "sw1 8 power-off"}, *told)
		cancel()
		<-done

		s := time.Second
		require.Equal(t, []time.Duration{0, 30 * s, 60 * s, 120 * s, 240 * s, 480 * s, 780 * s, 1080 * s, 1380 * s, 1410 * s}, looks[:10])
		require.Contains(t, log.String(), "unreachable")
		require.Contains(t, log.String(), "boom")
	})
}

// A switch that hangs holds up nobody but those that wait for its place.
func TestPollerHangingSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, switches, _ := fleet(5)
		switches[2].SetFaults(poetest.SwitchFaults{Hang: true})
		p.Concurrency, p.Timeout = 2, 3*time.Second
		start := time.Now()
		seen := p.Poll(t.Context())
		require.Equal(t, 3*time.Second, time.Since(start))
		for i, s := range seen {
			require.Equal(t, p.Targets[i].Name, s.Switch)
			if i == 2 {
				require.ErrorIs(t, s.Err, context.DeadlineExceeded)
				require.ErrorContains(t, s.Err, `"sw3"`)
				continue
			}
			require.NoError(t, s.Err)
			require.Len(t, s.Ports, 8)
			require.Len(t, s.Budgets, 1)
		}
	})
}

func TestPollerConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looking, most atomic.Int32
		p := &poe.Poller{Concurrency: 7}
		for i := range 100 {
			p.Targets = append(p.Targets, poe.Target{Name: fmt.Sprint(i), Switch: busySwitch{poetest.New(1), &looking, &most}})
		}
		start := time.Now()
		for _, s := range p.Poll(t.Context()) {
			require.NoError(t, s.Err)
		}
		require.EqualValues(t, 7, most.Load())
		require.Equal(t, 15*time.Second, time.Since(start), "⌈100 ⁄ 7⌉ rounds")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		for _, s := range p.Poll(ctx) {
			require.Error(t, s.Err)
		}
	})
}

// busySwitch takes a second and counts who looks.
type busySwitch struct {
	*poetest.Switch
	looking, most *atomic.Int32
}

func (s busySwitch) Ports(ctx context.Context) ([]poe.PortStatus, error) {
	s.most.Store(max(s.most.Load(), s.looking.Add(1)))
	defer s.looking.Add(-1)
	select {
	case <-time.After(time.Second):
		return s.Switch.Ports(ctx)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A switch that has no supplies to tell of is not unreachable, one that cannot
// tell its ports is.
func TestPollerUnsupported(t *testing.T) {
	sw := poetest.New(2)
	p := &poe.Poller{Targets: []poe.Target{{Name: "a", Switch: sw}}}
	sw.SetFaults(poetest.SwitchFaults{NoBudgets: true})
	require.NoError(t, p.Poll(t.Context())[0].Err)
	sw.SetFaults(poetest.SwitchFaults{Fail: func(poetest.Call) error { return fmt.Errorf("ports: %w", errors.ErrUnsupported) }})
	require.ErrorIs(t, p.Poll(t.Context())[0].Err, errors.ErrUnsupported)
}
