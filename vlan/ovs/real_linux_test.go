package ovs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/ovs"
	"github.com/mythic-beasts/hostkit/vlan/realtest"
)

// start is a bridge with ports that nobody has configured.
func start(t *testing.T, ports ...string) (*ovs.Switch, *realtest.OpenVSwitch) {
	t.Helper()
	ns := netnstest.New(t)
	real := realtest.StartOpenVSwitch(t, ns, "br0")
	for _, port := range ports {
		ns.IP("link", "add", port, "type", "veth", "peer", "name", port+"-peer")
		real.Control("add-port", "br0", port)
	}
	return &ovs.Switch{Bridge: "br0", Database: real.Database, Program: peer.Look(t, "ovs-vsctl")}, real
}

// Each step by itself, and all in one, lead to what the steps say, and what they
// say is what another Switch reads.
func TestRealSteps(t *testing.T) {
	t.Parallel()
	sw, real := start(t, "swp1", "trunk")
	steps := []vlan.Step{
		{Op: vlan.CreateVLAN, VID: 11, Name: "pi1"}, {Op: vlan.CreateVLAN, VID: 131, Name: "public"},
		{Op: vlan.CreateVLAN, VID: 4094, Name: "native"}, {Op: vlan.CreateVLAN, VID: 12, Name: "old"},
		{Op: vlan.SetIsolated, Port: "swp1", On: true},
		{Op: vlan.Join, Port: "swp1", VID: 11, Untagged: true},
		{Op: vlan.SetPVID, Port: "swp1", VID: 11},
		{Op: vlan.Leave, Port: "swp1", VID: 1},
		{Op: vlan.Leave, Port: "swp1", VID: 12},
		{Op: vlan.SetPVID, Port: "trunk", VID: 4094},
		{Op: vlan.Leave, Port: "trunk", VID: 1},
		{Op: vlan.Leave, Port: "trunk", VID: 4094},
		{Op: vlan.SetFrames, Port: "trunk", Frames: vlan.TaggedFrames},
		{Op: vlan.SetIngress, Port: "trunk", On: true},
		{Op: vlan.SetEdge, Port: "swp1", On: true},
		{Op: vlan.Leave, Port: "trunk", VID: 12},
		{Op: vlan.Leave, Port: "br0", VID: 12},
		{Op: vlan.RenameVLAN, VID: 11, Name: "pi1 renamed"},
		{Op: vlan.DeleteVLAN, VID: 12},
	}
	want, err := sw.Read(t.Context())
	require.NoError(t, err)
	for _, step := range steps {
		want, err = want.After(step)
		require.NoError(t, err)
		require.NoError(t, sw.Do(t.Context(), step))
		got, err := sw.Read(t.Context())
		require.NoError(t, err)
		require.True(t, want.Equal(got), "%v:\nwant %+v\ngot  %+v", step, want.VLANs, got.VLANs)
	}
	again, err := (&ovs.Switch{Bridge: "br0", Database: real.Database, Program: sw.Program}).Read(t.Context())
	require.NoError(t, err)
	require.True(t, want.Equal(again))

	other, _ := start(t, "swp1", "trunk")
	require.NoError(t, other.DoAll(t.Context(), steps))
	once, err := other.Read(t.Context())
	require.NoError(t, err)
	require.True(t, want.Equal(once))

	real.Control("set", "port", "swp1", "tag=99")
	changed, err := sw.Read(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 99, changed.Ports["swp1"].PVID, "what somebody did by hand is seen")
}

func TestRealGone(t *testing.T) {
	t.Parallel()
	sw, _ := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sw.Read(ctx)
	require.ErrorIs(t, err, context.Canceled)

	sw.Database, sw.Timeout = "unix:"+t.TempDir()+"/nobody.sock", time.Second
	_, err = sw.Read(t.Context())
	require.ErrorContains(t, err, "nobody.sock")
	var exit interface{ ExitCode() int }
	require.True(t, errors.As(err, &exit))
}
