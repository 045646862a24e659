package poetest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/stretchr/testify/require"
)

func TestMemoryConforms(t *testing.T) {
	for name, faults := range map[string]poetest.SwitchFaults{
		"good":               {},
		"read-only":          {ReadOnly: true},
		"no budgets":         {NoBudgets: true},
		"searching when off": {SearchingWhenOff: true},
	} {
		t.Run(name, func(t *testing.T) {
			poetest.TestSwitch(t, func(*testing.T) poetest.Bench {
				sw := poetest.New(8)
				sw.PowerUp, sw.PowerDown = 30*time.Millisecond, 10*time.Millisecond
				sw.Unplug("2")
				sw.SetFaults(faults)
				return poetest.Bench{Switch: sw, Port: "3", ReadOnly: faults.ReadOnly}
			})
		})
	}
}

func TestPowerFollowsOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := poetest.New(2)
		look := func() poe.PortStatus {
			st, err := sw.Port(t.Context(), "1")
			require.NoError(t, err)
			return st
		}
		require.NoError(t, sw.SetAdmin(t.Context(), "1", false))
		require.Equal(t, poe.DetectionDelivering, look().Detection, "it takes its time")
		<-time.After(100 * time.Millisecond)
		require.Equal(t, poe.DetectionDisabled, look().Detection)
		require.Equal(t, -1, look().Class)

		require.NoError(t, sw.SetAdmin(t.Context(), "1", true))
		require.Equal(t, poe.DetectionSearching, look().Detection)
		<-time.After(time.Second)
		require.Equal(t, poe.DetectionDelivering, look().Detection)
		require.Equal(t, poe.Power{Milliwatts: 2100, Kind: poe.PowerMeasured}, look().Power)

		sw.Unplug("1")
		require.Equal(t, poe.DetectionSearching, look().Detection)
		require.EqualValues(t, 1, look().Counters.MPSAbsent)
		sw.Plug("1", poetest.Device{Class: 4})
		<-time.After(time.Second)
		require.EqualValues(t, 15000, look().Power.Milliwatts, "half of what its class may")
		sw.Restart()
		require.Zero(t, look().Counters)
		require.False(t, look().Delivering())
	})
}

// Beyond the budget power is denied again and again, until there is some.
func TestSupplyDenies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := poetest.New(3)
		sw.Budget = 5000
		require.NoError(t, sw.SetAdmin(t.Context(), "3", false))
		<-time.After(time.Second)
		require.NoError(t, sw.SetAdmin(t.Context(), "3", true))
		<-time.After(10500 * time.Millisecond)
		st, err := sw.Port(t.Context(), "3")
		require.NoError(t, err)
		require.Equal(t, poe.DetectionSearching, st.Detection)
		require.EqualValues(t, 10, st.Counters.Denied)

		require.NoError(t, sw.SetAdmin(t.Context(), "1", false))
		<-time.After(2 * time.Second)
		st, err = sw.Port(t.Context(), "3")
		require.NoError(t, err)
		require.True(t, st.Delivering())
		budgets, err := sw.Budgets(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 4200, budgets[0].Used.Milliwatts)
	})
}

func TestSwitchFaults(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name   string
		faults poetest.SwitchFaults
		err    error         // of an order to switch off
		off    time.Duration // after which Admin is false; negative means never
	}{
		{"good", poetest.SwitchFaults{}, nil, 0},
		{"fails", poetest.SwitchFaults{Fail: poetest.FailAt(1, 1, boom)}, boom, -1},
		{"fails later", poetest.SwitchFaults{Fail: poetest.FailAt(4, 1, boom)}, nil, 0},
		{"read-only", poetest.SwitchFaults{ReadOnly: true}, poe.ErrReadOnly, -1},
		{"ignores", poetest.SwitchFaults{Ignore: true}, poe.ErrNotApplied, -1},
		{"lies", poetest.SwitchFaults{Lie: true}, nil, -1},
		{"loses answers", poetest.SwitchFaults{LoseAnswers: true}, poetest.ErrTimeout, 0},
		{"late", poetest.SwitchFaults{Late: time.Minute}, poetest.ErrTimeout, time.Minute},
		{"hangs", poetest.SwitchFaults{Hang: true}, context.DeadlineExceeded, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sw := poetest.New(1)
				sw.SetFaults(tt.faults)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				require.ErrorIs(t, sw.SetAdmin(ctx, "1", false), tt.err)
				sw.SetFaults(poetest.SwitchFaults{})
				if tt.off > 0 {
					require.True(t, admin(t, sw))
					<-time.After(tt.off)
				}
				require.Equal(t, tt.off < 0, admin(t, sw))
				require.Len(t, sw.Orders(), 1)
			})
		})
	}
}

func admin(t *testing.T, sw *poetest.Switch) bool {
	t.Helper()
	st, err := sw.Port(t.Context(), "1")
	require.NoError(t, err)
	return st.Admin
}

// A copy of an order that the network held back is carried out a second time.
func TestRepeatedOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := poetest.New(1)
		sw.SetFaults(poetest.SwitchFaults{Repeat: 3 * time.Second})
		require.NoError(t, sw.SetAdmin(t.Context(), "1", false))
		sw.SetFaults(poetest.SwitchFaults{})
		require.NoError(t, sw.SetAdmin(t.Context(), "1", true))
		<-time.After(2 * time.Second)
		require.True(t, admin(t, sw))
		<-time.After(time.Second)
		require.False(t, admin(t, sw))
	})
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := poetest.New(1)
		sw.SetFaults(poetest.SwitchFaults{Latency: time.Second})
		start := time.Now()
		_, err := sw.Ports(t.Context())
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err = sw.Budgets(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
