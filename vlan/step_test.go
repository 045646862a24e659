package vlan_test

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

func TestStepsDoAndUndo(t *testing.T) {
	state := vlan.State{
		VLANs: map[vlan.VID]string{1: "default", 11: "pi1"},
		Ports: map[string]vlan.PortState{"1": {PVID: 1, Untagged: vlan.VIDs{1}, Tagged: vlan.VIDs{11}}},
		Can:   vlan.CanIngress | vlan.CanFrames | vlan.CanIsolate | vlan.CanEdge | vlan.CanName,
	}
	for _, c := range []struct {
		step vlan.Step
		text string
	}{
		{vlan.Step{Op: vlan.CreateVLAN, VID: 12, Name: "pi2"}, `create VLAN 12 "pi2"`},
		{vlan.Step{Op: vlan.RenameVLAN, VID: 11, Name: "pi2"}, `name VLAN 11 "pi2"`},
		{vlan.Step{Op: vlan.Join, Port: "1", VID: 11, Untagged: true}, "port 1: join VLAN 11 untagged"},
		{vlan.Step{Op: vlan.Join, Port: "1", VID: 1}, "port 1: join VLAN 1 tagged"},
		{vlan.Step{Op: vlan.Leave, Port: "1", VID: 11}, "port 1: leave VLAN 11"},
		{vlan.Step{Op: vlan.Leave, Port: "1", VID: 1}, "port 1: leave VLAN 1"},
		{vlan.Step{Op: vlan.SetPVID, Port: "1", VID: 11}, "port 1: PVID 11"},
		{vlan.Step{Op: vlan.SetPVID, Port: "1"}, "port 1: PVID 0"},
		{vlan.Step{Op: vlan.SetIngress, Port: "1", On: true}, "port 1: ingress filtering true"},
		{vlan.Step{Op: vlan.SetFrames, Port: "1", Frames: vlan.TaggedFrames}, "port 1: accept tagged frames"},
		{vlan.Step{Op: vlan.SetIsolated, Port: "1", On: true}, "port 1: isolated true"},
		{vlan.Step{Op: vlan.SetEdge, Port: "1", On: true}, "port 1: edge true"},
	} {
		require.Equal(t, c.text, c.step.String())
		require.False(t, c.step.In(state), c.text)
		before := state.Clone()
		next, err := state.After(c.step)
		require.NoError(t, err)
		require.True(t, c.step.In(next), c.text)
		require.True(t, before.Equal(state), "%s changed the state before", c.text)
		again, err := next.After(c.step)
		require.NoError(t, err)
		require.True(t, again.Equal(next), c.text)
		back, err := next.After(c.step.Undo(state))
		require.NoError(t, err)
		require.True(t, back.Equal(state), c.text)
	}
	gone := vlan.Step{Op: vlan.DeleteVLAN, VID: 12}
	full, err := state.After(vlan.Step{Op: vlan.CreateVLAN, VID: 12, Name: "pi2"})
	require.NoError(t, err)
	require.Equal(t, vlan.Step{Op: vlan.CreateVLAN, VID: 12, Name: "pi2"}, gone.Undo(full))
	require.Equal(t, "delete VLAN 12", gone.String())
}

func TestStepsThatCannotBe(t *testing.T) {
	state := vlan.State{
		VLANs: map[vlan.VID]string{1: "default", 11: "pi1"},
		Ports: map[string]vlan.PortState{"1": {PVID: 1, Untagged: vlan.VIDs{1}}},
	}
	for _, step := range []vlan.Step{
		{Op: vlan.Join, Port: "2", VID: 11}, {Op: vlan.Join, Port: "1", VID: 12}, {Op: vlan.SetPVID, Port: "1", VID: 12},
		{Op: vlan.RenameVLAN, VID: 12, Name: "pi2"},
	} {
		_, err := state.After(step)
		require.ErrorIs(t, err, fs.ErrNotExist, "%v", step)
	}
	for _, step := range []vlan.Step{
		{}, {Op: 99, Port: "1", VID: 11}, {Op: 99, VID: 11}, {Op: vlan.DeleteVLAN, VID: 1}, {Op: vlan.CreateVLAN, VID: 4095},
	} {
		_, err := state.After(step)
		require.Error(t, err, "%v", step)
		require.False(t, step.Op == 99 && step.In(state))
	}
	require.Equal(t, "unknown step 99", vlan.Step{Op: 99}.String())
}
