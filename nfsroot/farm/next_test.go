package farm_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot/farm"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func gens(confirmed ...bool) []farm.Generation {
	var all []farm.Generation
	for i, c := range confirmed {
		g := farm.Generation{ID: i + 1}
		if c {
			g.Confirmed = noon.Add(-time.Hour)
		}
		all = append(all, g)
	}
	return all
}

func TestNext(t *testing.T) {
	minute := farm.Policy{BootTimeout: time.Minute}
	power := farm.Policy{BootTimeout: time.Minute, PowerCycle: true}
	rebuilt := farm.State{Current: 2, Pending: true, Swapped: noon, InUse: []int{1, 2}, Generations: gens(true, false)}
	cycled := rebuilt
	cycled.Cycled, cycled.Cycles = noon.Add(5*time.Second), 1
	back := farm.State{Current: 1, Pending: true, Swapped: noon, InUse: []int{1, 2}, Generations: gens(true, false)}
	back.Generations[1].Failed = true
	fresh := farm.State{Current: 1, Pending: true, Swapped: noon, InUse: []int{1}, Generations: gens(false)}
	unproved := farm.State{Current: 2, Pending: true, Swapped: noon, InUse: []int{1, 2}, Generations: gens(false, false)}
	settled := farm.State{Current: 3, InUse: []int{3}, Generations: gens(true, true, true)}

	for _, tt := range []struct {
		name    string
		policy  farm.Policy
		state   farm.State
		after   time.Duration // since the swap
		actions []farm.Action
		wake    time.Duration // since the swap; 0: after a change
	}{
		{"nothing is pending", minute, farm.State{Current: 1, InUse: []int{1}, Generations: gens(true)}, time.Hour, nil, 0},
		{"a new Pi has all the time it wants", power, fresh, time.Hour, nil, 0},
		{"no timeout", farm.Policy{}, rebuilt, 24 * time.Hour, nil, 0},
		{"it waits for the boot", minute, rebuilt, 59 * time.Second, nil, time.Minute},
		{"the boot does not come", minute, rebuilt, time.Minute, []farm.Action{farm.Rollback}, 0},
		{"the power was not cycled yet", power, rebuilt, 0, []farm.Action{farm.Cycle}, 0},
		{"it waits from the power cycle on", power, cycled, time.Minute, nil, 65 * time.Second},
		{"no boot after the power cycle", power, cycled, 65 * time.Second, []farm.Action{farm.Rollback}, 0},
		{"a second power cycle", farm.Policy{BootTimeout: time.Minute, PowerCycle: true, Cycles: 2}, cycled, 65 * time.Second, []farm.Action{farm.Cycle}, 0},
		{"there is nothing to return to", minute, unproved, time.Hour, nil, 0},
		{"no rollback of a rollback", minute, back, time.Hour, nil, 0},
		{"but its power is cycled", power, back, 0, []farm.Action{farm.Cycle}, 0},
		{"old ones go", minute, settled, 0, []farm.Action{farm.Collect}, 0},
		{"old ones are kept", farm.Policy{Keep: 2}, settled, 0, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			actions, wake := farm.Next(tt.policy, tt.state, noon.Add(tt.after))
			require.Equal(t, tt.actions, actions)
			if tt.wake == 0 {
				require.Zero(t, wake)
			} else {
				require.Equal(t, noon.Add(tt.wake), wake)
			}
		})
	}
	require.Equal(t, "cycle rollback collect none", farm.Cycle.String()+" "+farm.Rollback.String()+" "+farm.Collect.String()+" "+farm.Action(0).String())
}

func TestCollectable(t *testing.T) {
	failed := farm.State{Current: 1, InUse: []int{1}, Generations: gens(true, false)}
	failed.Generations[1].Failed = true
	replaced := farm.State{Current: 3, InUse: []int{3}, Generations: gens(true, false, true)}
	replaced.Generations[1].Failed = true
	for _, tt := range []struct {
		name  string
		keep  int
		state farm.State
		want  []int
	}{
		{"the newest is not confirmed", -1, farm.State{Current: 2, InUse: []int{1, 2}, Generations: gens(true, false)}, nil},
		{"nor is any", -1, farm.State{Current: 3, InUse: []int{3}, Generations: gens(false, false, false)}, nil},
		{"one is kept by default", 0, farm.State{Current: 4, InUse: []int{4}, Generations: gens(true, true, true, true)}, []int{1, 2}},
		{"none is kept", -1, farm.State{Current: 4, InUse: []int{4}, Generations: gens(true, true, true, true)}, []int{1, 2, 3}},
		{"the Pi may be running one", -1, farm.State{Current: 4, InUse: []int{2, 4}, Generations: gens(true, true, true, true)}, []int{1, 3}},
		{"one is about to be served", -1, farm.State{Current: 4, InUse: []int{4}, Swap: &farm.Swap{To: 3, Rollback: true}, Generations: gens(true, true, true, true)}, []int{1, 2}},
		{"a failed one stays until a later one is good", -1, failed, nil},
		{"a failed one is not worth keeping", 1, replaced, []int{2}},
		{"unconfirmed ones neither", 1, farm.State{Current: 3, InUse: []int{3}, Generations: gens(true, false, true)}, []int{2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := farm.Collectable(farm.Policy{Keep: tt.keep}, tt.state)
			slices.Sort(got)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"pi1", "a", "0", "rack-3-pi-12"} {
		require.NoError(t, farm.CheckName(name))
	}
	long := "a123456789012345678901234567890123456789012345678901234567890123"
	for _, name := range []string{"", ".", "..", "../pi1", "pi1/root", "PI1", "-pi", "pi-", "pi 1", "pi,1", "pi.1", "pi\n", long} {
		require.ErrorIs(t, farm.CheckName(name), farm.ErrName, "%q", name)
	}
	require.NoError(t, farm.CheckName(long[1:]))
}
