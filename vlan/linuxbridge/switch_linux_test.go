package linuxbridge_test

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/linuxbridge"
	"github.com/mythic-beasts/hostkit/vlan/realtest"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

var guest = realtest.Guest{Modules: []string{"8021q", "bridge", "veth"}}

// ip runs commands of the ip program, or of bridge, one a line.
func run(t *testing.T, commands string) string {
	t.Helper()
	var all strings.Builder
	for line := range strings.Lines(commands) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		out, err := exec.Command(f[0], f[1:]...).CombinedOutput()
		require.NoError(t, err, "%s%s", line, out)
		all.Write(out)
	}
	return all.String()
}

func TestRealSteps(t *testing.T) {
	t.Parallel()
	guest.Inside(t, func(t *testing.T) {
		run(t, `
			ip link add br0 type bridge vlan_filtering 1
			ip link add swp1 type veth peer name pi1
			ip link add trunk type veth peer name fs
			ip link set swp1 master br0
			ip link set trunk master br0
		`)
		sw := &linuxbridge.Switch{Bridge: "br0"}
		want, err := sw.Read(t.Context())
		require.NoError(t, err)
		factory := vlan.PortState{PVID: 1, Untagged: vlan.VIDs{1}, Ingress: true}
		require.Len(t, want.Ports, 3)
		for _, name := range []string{"br0", "swp1", "trunk"} {
			require.True(t, factory.Equal(want.Ports[name]), "%s %+v", name, want.Ports[name])
		}
		for _, step := range []vlan.Step{
			{Op: vlan.CreateVLAN, VID: 11}, {Op: vlan.CreateVLAN, VID: 131}, {Op: vlan.CreateVLAN, VID: 4094},
			{Op: vlan.SetIngress, Port: "swp1", On: true},
			{Op: vlan.SetIsolated, Port: "swp1", On: true},
			{Op: vlan.Join, Port: "trunk", VID: 11},
			{Op: vlan.Join, Port: "swp1", VID: 11, Untagged: true},
			{Op: vlan.SetPVID, Port: "swp1", VID: 11},
			{Op: vlan.Leave, Port: "swp1", VID: 1},
			{Op: vlan.Leave, Port: "swp1", VID: 1},
			{Op: vlan.Join, Port: "swp1", VID: 131, Untagged: true},
			{Op: vlan.Join, Port: "swp1", VID: 131},
			{Op: vlan.SetPVID, Port: "trunk", VID: 4094},
			{Op: vlan.Leave, Port: "trunk", VID: 1},
			{Op: vlan.Leave, Port: "br0", VID: 1},
			{Op: vlan.SetPVID, Port: "trunk", VID: 11},
			{Op: vlan.Leave, Port: "trunk", VID: 11},
			{Op: vlan.Join, Port: "trunk", VID: 11},
			{Op: vlan.SetPVID, Port: "trunk", VID: 0},
			{Op: vlan.DeleteVLAN, VID: 4094},
		} {
			want, err = want.After(step)
			require.NoError(t, err, "%v", step)
			require.NoError(t, sw.Do(t.Context(), step))
			got, err := sw.Read(t.Context())
			require.NoError(t, err)
			for name, ps := range want.Ports {
				require.True(t, ps.Equal(got.Ports[name]), "%v: %s\nwant %+v\ngot  %+v", step, name, ps, got.Ports[name])
			}
		}
		// What the kernel's own program says of it.
		out := run(t, "bridge vlan show")
		require.Regexp(t, `swp1\s+11 PVID Egress Untagged\n\s+131\n`, out)
		require.Regexp(t, `trunk\s+11\n`, out)
		require.Contains(t, run(t, "bridge -d link show dev swp1"), "isolated on")
	})
}

func TestRealRefuses(t *testing.T) {
	t.Parallel()
	guest.Inside(t, func(t *testing.T) {
		run(t, `
			ip link add br0 type bridge vlan_filtering 1
			ip link add open type bridge
			ip link add swp1 type veth peer name pi1
			ip link set swp1 master br0
		`)
		_, err := (&linuxbridge.Switch{Bridge: "absent"}).Read(t.Context())
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = (&linuxbridge.Switch{Bridge: "open"}).Read(t.Context())
		require.ErrorIs(t, err, linuxbridge.ErrNotFiltering)
		_, err = (&linuxbridge.Switch{Bridge: "lo"}).Read(t.Context())
		require.ErrorContains(t, err, "no bridge")

		sw := &linuxbridge.Switch{Bridge: "br0"}
		for _, step := range []vlan.Step{
			{Op: vlan.SetIngress, Port: "swp1"}, {Op: vlan.SetFrames, Port: "swp1"}, {Op: vlan.SetEdge, Port: "swp1"},
			{Op: vlan.RenameVLAN, VID: 1, Name: "x"}, {Op: 99, Port: "swp1"},
		} {
			require.ErrorIs(t, sw.Do(t.Context(), step), vlan.ErrUnsupported, "%v", step)
		}
		// An interface that is there, and is no port of this bridge.
		require.ErrorIs(t, sw.Do(t.Context(), vlan.Step{Op: vlan.SetIsolated, Port: "pi1", On: true}), fs.ErrNotExist)
		require.ErrorIs(t, sw.Save(t.Context()), errors.ErrUnsupported)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, sw.Do(ctx, vlan.Step{Op: vlan.CreateVLAN, VID: 7}), context.Canceled)
	})
}

func TestRealConformance(t *testing.T) {
	t.Parallel()
	guest.Inside(t, func(t *testing.T) {
		ports := []string{"swp1", "swp2", "swp3", "trunk"}
		vlantest.TestDriver(t, func(t *testing.T) vlantest.Subject {
			run(t, "ip link add br0 type bridge vlan_filtering 1")
			t.Cleanup(func() { run(t, "ip link delete br0") })
			for _, port := range ports {
				run(t, "ip link add "+port+" type veth peer name "+port+"-peer\nip link set "+port+" master br0")
				t.Cleanup(func() { run(t, "ip link delete "+port) })
			}
			kept := func(context.Context, vlan.State) error { return nil }
			return vlantest.Subject{
				Driver: &linuxbridge.Switch{Bridge: "br0", Keep: kept}, Ports: ports, VIDs: []vlan.VID{4000, 131, 11, 12, 13},
			}
		})
	})
}

func TestRealKeep(t *testing.T) {
	t.Parallel()
	guest.Inside(t, func(t *testing.T) {
		run(t, "ip link add br0 type bridge vlan_filtering 1")
		full := errors.New("disk full")
		sw := &linuxbridge.Switch{Bridge: "br0", Keep: func(_ context.Context, st vlan.State) error {
			require.EqualValues(t, 1, st.Ports["br0"].PVID)
			return full
		}}
		require.ErrorIs(t, sw.Save(t.Context()), full)
	})
}
