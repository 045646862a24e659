package vlan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

// modes are the ports of a switch by name.
func modes(c vlan.SwitchConfig) map[string]vlan.PortMode {
	all := make(map[string]vlan.PortMode)
	for _, m := range c.Ports {
		all[m.Port] = m
	}
	return all
}

func TestSwitch(t *testing.T) {
	spec := small(2)
	spec.Management = 7
	spec.Shelves[0].Switches[0].Unused = []string{"23"}
	spec.Shelves[0].Switches[0].Uplink.Members = []string{"25", "26"}
	plan := build(t, spec, nil)
	c := config(t, plan, "sw1")
	require.Equal(t, []vlan.VLAN{
		{ID: 11, Name: "pi1", Role: vlan.PrivateVLAN}, {ID: 12, Name: "pi2", Role: vlan.PrivateVLAN},
		{ID: 131, Name: "public", Role: vlan.PublicVLAN}, {ID: 4093, Name: "native", Role: vlan.NativeVLAN},
		{ID: 7, Name: "management", Role: vlan.ManagementVLAN},
	}, c.VLANs)
	require.Equal(t, []vlan.PortMode{
		{Port: "1", Role: vlan.PiPort, Peer: "pi1", PortState: vlan.PortState{
			PVID: 11, Untagged: vlan.VIDs{11}, Tagged: vlan.VIDs{131}, Ingress: true, Isolated: true, Edge: true,
		}},
		{Port: "2", Role: vlan.PiPort, Peer: "pi2", PortState: vlan.PortState{
			PVID: 12, Untagged: vlan.VIDs{12}, Tagged: vlan.VIDs{131}, Ingress: true, Isolated: true, Edge: true,
		}},
		{Port: "24", Role: vlan.TrunkPort, Peer: "file server eth0", Members: []string{"25", "26"}, PortState: vlan.PortState{
			PVID: 4093, Tagged: vlan.VIDs{7, 11, 12, 131}, Ingress: true, Frames: vlan.TaggedFrames,
		}},
		{Port: "23", Role: vlan.UnusedPort, PortState: vlan.PortState{
			PVID: 4093, Ingress: true, Frames: vlan.UntaggedFrames, Isolated: true, Edge: true,
		}},
	}, c.Ports)
	_, err := plan.Switch("sw2")
	var wrong *vlan.SpecError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "sw2", wrong.Value)

	spec.Public = vlan.Public{}
	alone := modes(config(t, build(t, spec, nil), "sw1"))
	require.Equal(t, vlan.UntaggedFrames, alone["1"].Frames, "no tag is ever needed")
	require.Empty(t, alone["1"].Tagged)
	require.Equal(t, "7,11-12", alone["24"].Tagged.String())
}

// Trunks carry what is behind them, and the public VLAN leaves by the router where
// there is one.
func TestTrunksOfSeveralSwitches(t *testing.T) {
	spec := farm(2, 50)
	spec.Shelves[1].Switches[1].Router = "52"
	plan := build(t, spec, nil)
	first, second := modes(config(t, plan, "sw1a")), modes(config(t, plan, "sw1b"))
	require.Equal(t, "2-51,131", first["49"].Tagged.String())
	require.Equal(t, "50-51,131", first["50"].Tagged.String())
	require.Equal(t, "50-51,131", second["49"].Tagged.String())
	require.Equal(t, "sw1b", first["50"].Peer)
	require.Equal(t, "sw1a", second["49"].Peer)
	require.Equal(t, "file server eth1", first["49"].Peer)

	first, second = modes(config(t, plan, "sw2a")), modes(config(t, plan, "sw2b"))
	require.Equal(t, "52-101", first["49"].Tagged.String(), "the file server is not on the public network")
	require.Equal(t, "100-101,131", first["50"].Tagged.String())
	require.Equal(t, vlan.PortState{
		PVID: 131, Untagged: vlan.VIDs{131}, Ingress: true, Frames: vlan.UntaggedFrames, Edge: true,
	}, second["52"].PortState)
	spec.Shelves[1].Switches[1].RouterTagged = true
	require.Equal(t, vlan.PortState{
		PVID: 4093, Tagged: vlan.VIDs{131}, Ingress: true, Frames: vlan.TaggedFrames, Edge: true,
	}, modes(config(t, build(t, spec, nil), "sw2b"))["52"].PortState)
}
