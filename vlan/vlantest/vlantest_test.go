package vlantest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

func TestConformance(t *testing.T) {
	ids := []vlan.VID{90, 91, 11, 12, 13}
	for name, faults := range map[string]vlantest.Faults{
		"plain": {}, "access ports": {Follow: true}, "strict": {Strict: true}, "strict access ports": {Strict: true, Follow: true},
	} {
		t.Run(name, func(t *testing.T) {
			vlantest.TestDriver(t, func(t *testing.T) vlantest.Subject {
				sw := vlantest.NewSwitch("1", "2", "3", "24")
				sw.Faults = faults
				return vlantest.Subject{Driver: sw, Ports: []string{"1", "2", "3", "24"}, VIDs: ids}
			})
		})
	}
	t.Run("batches", func(t *testing.T) {
		vlantest.TestDriver(t, func(t *testing.T) vlantest.Subject {
			sw := vlantest.NewSwitch("1", "2", "3", "24")
			return vlantest.Subject{Driver: vlantest.Batch{Switch: sw}, Ports: []string{"1", "2", "3", "24"}, VIDs: ids}
		})
	})
	t.Run("poor", func(t *testing.T) {
		vlantest.TestDriver(t, func(t *testing.T) vlantest.Subject {
			state := vlantest.NewSwitch("1", "2", "24").State()
			state.Can = 0
			for name, p := range state.Ports {
				p.Ingress = true // as switches do that have no such knob
				state.Ports[name] = p
			}
			return vlantest.Subject{Driver: vlantest.SwitchOf(state), Ports: []string{"1", "2", "24"}, VIDs: ids}
		})
	})
}

func TestFaults(t *testing.T) {
	create := vlan.Step{Op: vlan.CreateVLAN, VID: 11, Name: "pi1"}
	for _, c := range []struct {
		name   string
		faults vlantest.Faults
		fails  bool
		done   bool
	}{
		{"none", vlantest.Faults{}, false, true},
		{"refuse", vlantest.Faults{Step: map[int]vlantest.Fault{1: vlantest.Refuse}}, true, false},
		{"ignore", vlantest.Faults{Step: map[int]vlantest.Fault{1: vlantest.Ignore}}, false, false},
		{"late", vlantest.Faults{Step: map[int]vlantest.Fault{1: vlantest.Late}}, true, true},
		{"another step", vlantest.Faults{Step: map[int]vlantest.Fault{2: vlantest.Refuse}}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			sw := vlantest.NewSwitch("1")
			sw.Faults = c.faults
			err := sw.Do(t.Context(), create)
			require.Equal(t, c.fails, err != nil)
			if c.fails {
				require.ErrorIs(t, err, vlantest.ErrFault)
			}
			require.Equal(t, c.done, create.In(sw.State()))
		})
	}
}

func TestDeadAndUnreadable(t *testing.T) {
	sw := vlantest.NewSwitch("1")
	sw.Faults = vlantest.Faults{Dead: 2, Read: map[int]error{1: context.DeadlineExceeded}}
	_, err := sw.Read(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = sw.Read(t.Context())
	require.NoError(t, err)
	require.NoError(t, sw.Do(t.Context(), vlan.Step{Op: vlan.CreateVLAN, VID: 11}))
	require.ErrorIs(t, sw.Do(t.Context(), vlan.Step{Op: vlan.CreateVLAN, VID: 12}), vlantest.ErrFault)
	_, err = sw.Read(t.Context())
	require.ErrorIs(t, err, vlantest.ErrFault)
	require.ErrorIs(t, sw.Save(t.Context()), vlantest.ErrFault)
	reads, changes, saves := sw.Calls()
	require.Equal(t, []int{3, 2, 1}, []int{reads, changes, saves})
}

func TestSaved(t *testing.T) {
	sw := vlantest.NewSwitch("1")
	require.NoError(t, sw.Do(t.Context(), vlan.Step{Op: vlan.CreateVLAN, VID: 11, Name: "pi1"}))
	require.False(t, sw.Saved().Equal(sw.State()))
	require.NoError(t, sw.Save(t.Context()))
	require.True(t, sw.Saved().Equal(sw.State()))
	require.Len(t, sw.Done(), 1)
}
