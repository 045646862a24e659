package ovs_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/ovs"
)

// written is what the driver writes for steps on a port with these columns.
func written(t *testing.T, out string, steps ...vlan.Step) string {
	t.Helper()
	var write string
	sw := &ovs.Switch{Bridge: "br0", Run: func(_ context.Context, args []string) ([]byte, error) {
		write = strings.Join(args, " ")
		return []byte(out), nil
	}}
	require.NoError(t, sw.DoAll(t.Context(), steps))
	return write
}

func TestWidePorts(t *testing.T) {
	asMade := tables(none, none, none, `["map",[]]`)
	create := vlan.Step{Op: vlan.CreateVLAN, VID: 12, Name: "pi2"}
	for _, c := range []struct {
		name, out   string
		steps       []vlan.Step
		has, hasNot []string
	}{
		{"stays out of a new VLAN", asMade, []vlan.Step{create},
			[]string{"set Port p1 tag=[] trunks=[0-11,13-4095] vlan_mode=[]"}, []string{"hostkit-mode", "hostkit-was"}},
		{"leaves one VLAN", asMade, []vlan.Step{{Op: vlan.Leave, Port: "swp1", VID: 11}},
			[]string{"trunks=[0-10,12-4095]"}, []string{"hostkit-was"}},
		{"is isolated in all VLANs", asMade, []vlan.Step{{Op: vlan.SetIsolated, Port: "swp1", On: true}},
			[]string{"trunks=[] vlan_mode=[] protected=true"}, []string{"hostkit-was"}},
		{"gets a VLAN of its own", asMade, []vlan.Step{create, {Op: vlan.Join, Port: "swp1", VID: 12, Untagged: true}, {Op: vlan.SetPVID, Port: "swp1", VID: 12}},
			[]string{"tag=12 trunks=[11,4094] vlan_mode=native-untagged", `hostkit-was="tag=-1 mode=- trunks=0-11,13-4095"`}, nil},
		{"gets its columns back", tables("11", none, `"access"`, `["map",[["hostkit-mode","pvid=11 untagged=11 tagged=- frames=0 isolated=false edge=false"],["hostkit-was","tag=-1 mode=- trunks=0-4095"]]]`),
			[]vlan.Step{
				{Op: vlan.Join, Port: "swp1", VID: 11}, {Op: vlan.CreateVLAN, VID: 1, Name: "default"}, {Op: vlan.Join, Port: "swp1", VID: 1, Untagged: true},
				{Op: vlan.Join, Port: "swp1", VID: 4094}, {Op: vlan.SetPVID, Port: "swp1", VID: 1},
			},
			[]string{"tag=[] trunks=[0-4095] vlan_mode=[]", "remove Port p1 external_ids hostkit-mode hostkit-was"}, []string{"vlan_mode=native"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			write := written(t, c.out, c.steps...)
			for _, text := range c.has {
				require.Contains(t, write, text)
			}
			for _, text := range c.hasNot {
				require.NotContains(t, write, text)
			}
		})
	}
}

// Anybody may have written the notes.
func TestForeignNotes(t *testing.T) {
	for _, was := range []string{
		"", "rubbish", "tag=-7 mode=- trunks=-", "tag=5000 mode=- trunks=-", "tag=1 mode=dot1q-tunnel trunks=-",
		"tag=1 mode=trunk trunks=5-4", "tag=1 mode=trunk trunks=1,1", "tag=1 mode=trunk trunks=1-99999", "tag=1 mode=trunk trunks=x", "tag=1 mode=trunk trunks=1-x",
	} {
		out := tables("11", none, `"access"`, `["map",[["hostkit-mode","pvid=11 untagged=11 tagged=- frames=0 isolated=false edge=false"],["hostkit-was","`+was+`"]]]`)
		write := written(t, out, vlan.Step{Op: vlan.SetIsolated, Port: "swp1", On: true})
		require.Contains(t, write, "set Port p1 tag=11 trunks=[] vlan_mode=access protected=true", was)
	}
}

// Whatever the driver was doing, a context that has ended stops it.
func TestCancelled(t *testing.T) {
	calls := 0
	ctx, cancel := context.WithCancel(t.Context())
	sw := &ovs.Switch{Bridge: "br0", Run: func(ctx context.Context, _ []string) ([]byte, error) {
		if calls++; calls == 2 {
			cancel()
		}
		return []byte(tables(none, none, none, `["map",[]]`)), ctx.Err()
	}}
	err := sw.Do(ctx, vlan.Step{Op: vlan.CreateVLAN, VID: 12, Name: "pi2"})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, sw.Save(ctx), context.Canceled)
}

// A port in no VLAN is a trunk of nothing, and reaches no other such port.
func TestNowhere(t *testing.T) {
	write := written(t, tables("11", none, `"access"`, `["map",[]]`),
		vlan.Step{Op: vlan.Leave, Port: "swp1", VID: 11}, vlan.Step{Op: vlan.SetPVID, Port: "swp1", VID: 4094})
	require.Contains(t, write, "tag=[] trunks=[4095] vlan_mode=trunk protected=true")
}
