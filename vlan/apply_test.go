package vlan_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// delivered is a switch as it comes, and what it must do: two Pis of it swap
// VLANs with a third, so that all kinds of steps are needed.
func delivered(t testing.TB) (*vlantest.Switch, vlan.SwitchConfig) {
	t.Helper()
	spec := small(4)
	first := build(t, spec, nil)
	pis := spec.Shelves[0].Pis
	pis[0].Port, pis[1].Port = "2", "1"
	spec.Shelves[0].Pis = pis[:3]
	c := config(t, build(t, spec, first), "sw1")
	state := vlantest.SwitchFor(c, "4", "7").State()
	for _, port := range []string{"1", "2", "4"} {
		state.Ports[port] = config(t, first, "sw1").State().Ports[port]
	}
	state.VLANs[11], state.VLANs[12], state.VLANs[14], state.VLANs[131] = "pi1", "old", "pi4", "public"
	state.VLANs[4093] = "native"
	return vlantest.SwitchOf(state), c
}

// ops are the kinds of steps.
func ops(steps []vlan.Step) map[vlan.Op]bool {
	kinds := map[vlan.Op]bool{}
	for _, s := range steps {
		kinds[s.Op] = true
	}
	return kinds
}

func TestApply(t *testing.T) {
	sw, c := delivered(t)
	report, err := vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{})
	require.NoError(t, err)
	require.Len(t, ops(report.Steps), 10, "every kind of step is there")
	require.Equal(t, len(report.Steps), report.Done)
	require.True(t, report.Saved)
	require.Empty(t, report.Undone)
	require.Empty(t, report.Unmanaged)
	require.True(t, report.After.Equal(sw.State()))
	require.True(t, sw.Saved().Equal(sw.State()))
	reads, changes, saves := sw.Calls()
	require.Equal(t, len(report.Steps), changes)
	require.Equal(t, 1, saves)
	stages := report.Steps[len(report.Steps)-1].Stage + 1
	require.Equal(t, stages+2, reads, "once before, after each stage, and at the end")

	again, err := vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{})
	require.NoError(t, err)
	require.Empty(t, again.Steps)
}

func TestApplyDryRun(t *testing.T) {
	sw, c := delivered(t)
	before := sw.State()
	report, err := vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{DryRun: true})
	require.NoError(t, err)
	require.NotEmpty(t, report.Steps)
	require.Zero(t, report.Done)
	require.True(t, sw.State().Equal(before))
	_, changes, saves := sw.Calls()
	require.Zero(t, changes+saves)
}

// Whatever goes wrong with whichever step, all is as it was, and nothing is saved.
func TestApplyFailsAtEachStep(t *testing.T) {
	sw, c := delivered(t)
	before := sw.State()
	steps, err := vlan.Diff(before, c)
	require.NoError(t, err)
	for _, batch := range []bool{false, true} {
		for fault, want := range map[vlantest.Fault]error{
			vlantest.Refuse: vlantest.ErrFault, vlantest.Late: vlantest.ErrFault, vlantest.Ignore: vlan.ErrNotApplied,
		} {
			for k := 1; k <= len(steps); k++ {
				sw := vlantest.SwitchOf(before)
				sw.Faults.Step = map[int]vlantest.Fault{k: fault}
				var d vlan.Driver = sw
				if batch {
					d = vlantest.Batch{Switch: sw}
				}
				report, err := vlan.Apply(t.Context(), d, c, vlan.ApplyOptions{EveryStep: k%2 == 0})
				name := fmt.Sprintf("fault %d at step %d, %v", fault, k, steps[k-1])
				require.ErrorIs(t, err, want, name)
				require.NotErrorIs(t, err, vlan.ErrRollback, name)
				require.ErrorContains(t, err, steps[k-1].String(), name)
				require.True(t, sw.State().Equal(before), name)
				require.False(t, report.Saved, name)
				require.True(t, sw.Saved().Equal(before), name)
				require.Less(t, report.Done, k, name)
			}
		}
	}
}

// A rollback is the steps in reverse, as far as they were done.
func TestRollbackIsInReverse(t *testing.T) {
	sw, c := delivered(t)
	sw.Faults.Step = map[int]vlantest.Fault{20: vlantest.Refuse}
	report, err := vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{})
	require.Error(t, err)
	require.Len(t, report.Undone, 19)
	now := report.Before
	for i, undo := range report.Undone {
		state := now
		for _, s := range report.Steps[:18-i] {
			state, err = state.After(s)
			require.NoError(t, err)
		}
		require.Equal(t, report.Steps[18-i].Undo(state), undo)
	}
}

// Where the switch cannot be read, or dies, that is said, and what can be undone is.
func TestApplyLosesTheSwitch(t *testing.T) {
	_, c := delivered(t)
	fresh, _ := delivered(t)
	before := fresh.State()
	lost := errors.New("no answer")
	for read := 1; read <= 12; read++ {
		sw := vlantest.SwitchOf(before)
		sw.Faults.Read = map[int]error{read: lost}
		_, err := vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{})
		require.ErrorIs(t, err, lost, "%d", read)
		require.NotErrorIs(t, err, vlan.ErrRollback, "%d", read)
		require.True(t, sw.State().Equal(before), "%d", read)
	}
	// Two lost reads in a row: undone blindly.
	sw := vlantest.SwitchOf(before)
	sw.Faults.Read = map[int]error{5: lost, 6: lost}
	_, err := vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{})
	require.ErrorIs(t, err, lost)
	require.NotErrorIs(t, err, vlan.ErrRollback)
	require.True(t, sw.State().Equal(before))

	sw = vlantest.SwitchOf(before)
	sw.Faults.Dead = 7
	report, err := vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{})
	require.ErrorIs(t, err, vlantest.ErrFault)
	require.ErrorIs(t, err, vlan.ErrRollback)
	require.False(t, report.Saved)
}

// A rollback that fails says what is left.
func TestRollbackFails(t *testing.T) {
	sw, c := delivered(t)
	sw.Faults.Step = map[int]vlantest.Fault{10: vlantest.Refuse}
	for n := 11; n < 40; n++ {
		sw.Faults.Step[n] = vlantest.Ignore
	}
	_, err := vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{})
	require.ErrorIs(t, err, vlan.ErrRollback)
	require.ErrorIs(t, err, vlantest.ErrFault)
	require.ErrorContains(t, err, "port 24 is PVID 1")
}

// One undo that fails at first is tried again.
func TestRollbackTriesAgain(t *testing.T) {
	sw, c := delivered(t)
	before := sw.State()
	sw.Faults.Step = map[int]vlantest.Fault{10: vlantest.Refuse, 11: vlantest.Refuse, 13: vlantest.Ignore}
	_, err := vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{})
	require.ErrorIs(t, err, vlantest.ErrFault)
	require.NotErrorIs(t, err, vlan.ErrRollback)
	require.True(t, sw.State().Equal(before))
}

// A context that ends at any step leaves the switch as it was.
func TestApplyIsCancelled(t *testing.T) {
	sw, c := delivered(t)
	before := sw.State()
	steps, err := vlan.Diff(before, c)
	require.NoError(t, err)
	for k := 1; k <= len(steps); k++ {
		sw := vlantest.SwitchOf(before)
		ctx, cancel := context.WithCancel(t.Context())
		sw.Faults.Before = func(n int, _ vlan.Step) {
			if n == k {
				cancel()
			}
		}
		_, err := vlan.Apply(ctx, sw, c, vlan.ApplyOptions{})
		require.ErrorIs(t, err, context.Canceled, "%d", k)
		require.NotErrorIs(t, err, vlan.ErrRollback, "%d", k)
		require.True(t, sw.State().Equal(before), "%d", k)
	}
}

// stuck is a switch that stops answering in the middle, whereupon somebody gives
// up.
type stuck struct {
	vlan.Driver
	after  int
	giveUp func()
}

func (s *stuck) Do(ctx context.Context, step vlan.Step) error {
	if s.after--; s.after < 0 {
		s.giveUp()
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Driver.Do(ctx, step)
}

func TestRollbackEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw, c := delivered(t)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := vlan.Apply(ctx, &stuck{sw, 5, cancel}, c, vlan.ApplyOptions{})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, vlan.ErrRollback)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestApplyNotSaved(t *testing.T) {
	sw, c := delivered(t)
	sw.Faults.Save = fs.ErrPermission
	report, err := vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{})
	require.ErrorIs(t, err, vlan.ErrNotSaved)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.False(t, report.Saved)
	require.Empty(t, report.Undone, "it is done and proved")
	left, err := vlan.Diff(sw.State(), c)
	require.NoError(t, err)
	require.Empty(t, left)

	sw, c = delivered(t)
	_, err = vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{NoSave: true})
	require.NoError(t, err)
	require.False(t, sw.Saved().Equal(sw.State()))
}

// Switches that move ports by themselves end right all the same, and go back all
// the way when something fails.
func TestApplyToASwitchThatMovesPorts(t *testing.T) {
	for k := range 30 {
		sw, c := delivered(t)
		before := sw.State()
		sw.Faults.Follow, sw.Faults.Strict = true, true
		sw.Faults.Step = map[int]vlantest.Fault{k: vlantest.Late}
		_, err := vlan.Apply(t.Context(), sw, c, vlan.ApplyOptions{})
		require.NotErrorIs(t, err, vlan.ErrRollback, "%d", k)
		if err != nil {
			require.ErrorIs(t, err, vlantest.ErrFault)
			require.True(t, sw.State().Equal(before), "%d", k)
		}
	}
}

// Somebody who changes a port in the meantime is found out before it is saved.
func TestApplyComparesEverything(t *testing.T) {
	sw, c := delivered(t)
	meddled := false
	inner := &meddler{Switch: sw, c: c, done: &meddled}
	_, err := vlan.Apply(t.Context(), inner, c, vlan.ApplyOptions{})
	require.NoError(t, err)
	require.True(t, meddled)
	left, err := vlan.Diff(sw.State(), c)
	require.NoError(t, err)
	require.Empty(t, left, "it was put right")

	// One who does it again and again is not kept up with.
	always := &meddler{Switch: sw, c: c}
	sw.Set("3", vlan.PortState{PVID: 1, Untagged: vlan.VIDs{1}})
	_, err = vlan.Apply(t.Context(), always, c, vlan.ApplyOptions{})
	require.ErrorIs(t, err, vlan.ErrNotApplied)
	require.ErrorContains(t, err, "port 1: ")
	_, _, saves := sw.Calls()
	require.Equal(t, 1, saves)
}

// meddler changes port 1 when the last step is done: once, or always.
type meddler struct {
	*vlantest.Switch
	c    vlan.SwitchConfig
	done *bool
}

func (m *meddler) Read(ctx context.Context) (vlan.State, error) {
	state := m.State()
	if left, err := vlan.Diff(state, m.c); err == nil && len(left) == 0 && (m.done == nil || !*m.done) {
		m.Set("1", vlan.PortState{PVID: 1, Untagged: vlan.VIDs{1}})
		if m.done != nil {
			*m.done = true
		}
	}
	return m.Switch.Read(ctx)
}

func TestApplyToTheWrongSwitch(t *testing.T) {
	_, c := delivered(t)
	_, err := vlan.Apply(t.Context(), vlantest.NewSwitch("1", "2"), c, vlan.ApplyOptions{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "sw1")
}
