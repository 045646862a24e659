package poe_test

import (
	"encoding/json"
	"testing"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/stretchr/testify/require"
)

func TestCountersSince(t *testing.T) {
	const most = 1<<32 - 1
	tests := []struct {
		name                string
		before, after, want poe.Counters
	}{
		{"nothing", poe.Counters{Denied: 7}, poe.Counters{Denied: 7}, poe.Counters{}},
		{"each", poe.Counters{1, 2, 3, 4, 5}, poe.Counters{2, 4, 6, 8, 10}, poe.Counters{1, 2, 3, 4, 5}},
		{"past 2³²", poe.Counters{Denied: most, Short: 5}, poe.Counters{Denied: 2, Short: 6}, poe.Counters{Denied: 3, Short: 1}},
		{"exactly to 0", poe.Counters{Denied: most}, poe.Counters{}, poe.Counters{Denied: 1}},
		{"the switch began anew", poe.Counters{Denied: 100}, poe.Counters{Denied: 3}, poe.Counters{Denied: 3}},
		{"and one counter grew over it", poe.Counters{MPSAbsent: 100, Short: 1}, poe.Counters{MPSAbsent: 2, Short: 4}, poe.Counters{MPSAbsent: 2, Short: 4}},
		{"a large leap is no reset", poe.Counters{Denied: 1}, poe.Counters{Denied: 1 << 30}, poe.Counters{Denied: 1<<30 - 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, tt.after.Since(tt.before))
		})
	}
}

func TestNamesRoundTrip(t *testing.T) {
	type named struct {
		D poe.Detection
		P poe.Priority
		K poe.PowerKind
		E poe.EventKind
	}
	for i := range uint8(4) {
		want := named{poe.Detection(i + 3), poe.Priority(i), poe.PowerKind(i), poe.EventKind(i*4 + 1)}
		text, err := json.Marshal(want)
		require.NoError(t, err)
		var got named
		require.NoError(t, json.Unmarshal(text, &got))
		require.Equal(t, want, got, string(text))
	}
	text, err := json.Marshal(named{D: poe.DetectionDelivering, P: poe.PriorityLow, K: poe.PowerMeasured, E: poe.EventBack})
	require.NoError(t, err)
	require.JSONEq(t, `{"D":"delivering","P":"low","K":"measured","E":"back"}`, string(text))
	require.ErrorContains(t, json.Unmarshal([]byte(`{"D":"glowing"}`), new(named)), `"glowing"`)
	require.Equal(t, "detection(77)", poe.Detection(77).String(), "switches may answer anything")
	require.Equal(t, "event(99)", poe.EventKind(99).String())
}

func TestPortStatusJSON(t *testing.T) {
	st := poe.PortStatus{
		Name: "Fa3/0/25", Index: "3.29", IfIndex: 11025, Alias: "pi17", Admin: true, Detection: poe.DetectionDelivering, Class: 2,
		Priority: poe.PriorityLow, Power: poe.Power{Milliwatts: 2100, Kind: poe.PowerAllocated}, Counters: poe.Counters{Denied: 1},
	}
	text, err := json.Marshal(st)
	require.NoError(t, err)
	var back poe.PortStatus
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, st, back)
	require.Contains(t, string(text), `"power":{"mw":2100,"kind":"allocated"}`)
}

func TestPower(t *testing.T) {
	require.Equal(t, "2.1 W", poe.Power{Milliwatts: 2100, Kind: poe.PowerMeasured}.String())
	require.Equal(t, "15.4 W allocated", poe.Power{Milliwatts: 15400, Kind: poe.PowerAllocated}.String())
	require.Equal(t, "unknown", poe.Power{}.String())
	for class, mw := range map[int]int64{-1: 15400, 0: 15400, 1: 4000, 2: 7000, 3: 15400, 4: 30000, 8: 90000, 9: 15400} {
		require.Equal(t, poe.Power{Milliwatts: mw, Kind: poe.PowerClassMax}, poe.ClassMax(class), "class %d", class)
	}
}

func TestDark(t *testing.T) {
	for d, dark := range map[poe.Detection]bool{
		poe.DetectionDisabled: true, poe.DetectionSearching: true, poe.DetectionFault: true, poe.DetectionOtherFault: true,
		poe.DetectionDelivering: false, poe.DetectionTest: false,
	} {
		require.Equal(t, dark, poe.PortStatus{Detection: d}.Dark(), d)
		require.False(t, poe.PortStatus{Admin: true, Detection: d}.Dark(), d)
		require.Equal(t, d == poe.DetectionDelivering, poe.PortStatus{Admin: true, Detection: d}.Delivering(), d)
	}
}
