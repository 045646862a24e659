package ovs_test

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/ovs"
	"github.com/mythic-beasts/hostkit/vlan/realtest"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
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
		{Op: vlan.SetIsolated, Port: "br0", On: true}, {Op: vlan.SetIsolated, Port: "br0"},
		{Op: vlan.CreateVLAN, VID: 4094, Name: "native"}, {Op: vlan.CreateVLAN, VID: 12, Name: "old"},
		{Op: vlan.SetIsolated, Port: "swp1", On: true},
		{Op: vlan.Join, Port: "swp1", VID: 11, Untagged: true},
		{Op: vlan.SetPVID, Port: "swp1", VID: 11},
		{Op: vlan.Leave, Port: "swp1", VID: 1},
		{Op: vlan.Join, Port: "trunk", VID: 12},
		{Op: vlan.SetPVID, Port: "trunk", VID: 4094},
		{Op: vlan.Leave, Port: "trunk", VID: 1},
		{Op: vlan.Leave, Port: "trunk", VID: 4094},
		{Op: vlan.SetFrames, Port: "trunk", Frames: vlan.TaggedFrames},
		{Op: vlan.SetIngress, Port: "trunk", On: true},
		{Op: vlan.SetEdge, Port: "swp1", On: true},
		{Op: vlan.Leave, Port: "trunk", VID: 12},
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
	require.ErrorIs(t, sw.Do(t.Context(), vlan.Step{Op: vlan.SetIngress, Port: "trunk"}), vlan.ErrUnsupported)
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

// The database decides about all that the suite asks, so that nobody waits for
// the datapath.
func TestRealConformance(t *testing.T) {
	t.Parallel()
	vlantest.TestDriver(t, func(t *testing.T) vlantest.Subject {
		ports := []string{"swp1", "swp2", "trunk"}
		sw, real := start(t, ports...)
		for _, port := range append(ports, "br0") {
			real.Control("set", "port", port, "tag=1") // as other switches come
		}
		sw.Run = func(ctx context.Context, args []string) ([]byte, error) {
			out, err := exec.CommandContext(ctx, sw.Program, append([]string{"--no-wait"}, args...)...).Output()
			return out, errors.Join(err, ctx.Err())
		}
		return vlantest.Subject{Driver: sw, Ports: ports, VIDs: []vlan.VID{4000, 131, 11, 12, 13}}
	})
}

// A port that nobody has configured is in all VLANs. It stays in those that are
// none of ours, does not get into ours, and is again what it was after a rollback.
func TestRealFactoryPorts(t *testing.T) {
	t.Parallel()
	sw, real := start(t, "swp1", "other")
	column := func(port string) string {
		return strings.Join(strings.Fields(real.Control("--format=csv", "--no-headings", "--columns=tag,vlan_mode,trunks", "list", "Port", port)), "")
	}
	factory := column("swp1")
	before, err := sw.Read(t.Context())
	require.NoError(t, err)
	steps := []vlan.Step{
		{Op: vlan.CreateVLAN, VID: 11, Name: "pi1"},
		{Op: vlan.Join, Port: "swp1", VID: 11, Untagged: true},
		{Op: vlan.SetPVID, Port: "swp1", VID: 11},
		{Op: vlan.Leave, Port: "swp1", VID: 1},
	}
	for _, together := range []bool{false, true} {
		require.Contains(t, real.Control("get", "Port", "other", "trunks"), "[]")
		if together {
			require.NoError(t, sw.DoAll(t.Context(), steps))
		} else {
			for _, step := range steps {
				require.NoError(t, sw.Do(t.Context(), step))
			}
		}
		require.Equal(t, "11\n", real.Control("get", "Port", "swp1", "tag"))
		require.Equal(t, "access\n", real.Control("get", "Port", "swp1", "vlan_mode"))
		trunks := real.Control("get", "Port", "other", "trunks")
		require.Contains(t, trunks, "[0, 1, 2, ")
		require.Contains(t, trunks, " 10, 12, ", "in all but the new one")
		now, err := sw.Read(t.Context())
		require.NoError(t, err)
		require.False(t, now.Ports["other"].Member(11) || now.Ports["br0"].Member(11))
		for _, step := range slices.Backward(steps) {
			require.NoError(t, sw.Do(t.Context(), step.Undo(before)))
		}
		again, err := sw.Read(t.Context())
		require.NoError(t, err)
		require.True(t, before.Equal(again))
		require.Contains(t, column("swp1"), "[0,1,2,3,", "in all VLANs but the one that was ours for a while")
		for _, port := range []string{"swp1", "other", "br0"} {
			real.Control("clear", "Port", port, "trunks")
		}
		require.Equal(t, factory, column("swp1"))
	}
}
