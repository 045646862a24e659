package vlan_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

func TestBuildNumbers(t *testing.T) {
	plan := build(t, small(3), nil)
	require.Equal(t, vlan.Pi{
		Name: "pi2", Shelf: "a", Slot: 2, Switch: "sw1", Port: "2", VID: 12, Iface: "eth0",
		Net:       netip.MustParsePrefix("10.64.0.4/30"),
		Server:    netip.MustParseAddr("10.64.0.5"),
		Addr:      netip.MustParseAddr("10.64.0.6"),
		Broadcast: netip.MustParseAddr("10.64.0.7"),
		Public:    netip.MustParsePrefix("2001:db8:0:84:1000:12::2/64"),
	}, plan.Pis[1])
	require.Equal(t, "eth0.12", plan.Pis[1].ServerIface())
	require.Equal(t, "/export/pi2", plan.FileServer.Export(plan.Pis[1]))
	require.EqualValues(t, 4093, plan.Native)
}

func TestBuildWholeFarm(t *testing.T) {
	plan := build(t, farm(42, 96), nil)
	require.Len(t, plan.Pis, 4032)
	vids, nets, public := map[vlan.VID]bool{}, map[netip.Prefix]bool{}, map[netip.Addr]bool{}
	for _, pi := range plan.Pis {
		vids[pi.VID], nets[pi.Net], public[pi.Public.Addr()] = true, true, true
		require.LessOrEqual(t, len(pi.ServerIface()), 15)
	}
	require.Len(t, vids, 4032)
	require.Len(t, nets, 4032)
	require.Len(t, public, 4032)
	for _, never := range []vlan.VID{1, 131, 1002, 1003, 1004, 1005, 4093} {
		require.False(t, vids[never], "%d", never)
	}
}

// The seed's addresses: number 16 is ":16:" for people and ":10:" for machines.
func TestPublicNumbering(t *testing.T) {
	for _, c := range []struct {
		numbering vlan.Numbering
		want      string
	}{{vlan.Decimal, "2a00:1098:0:84:1000:16::2/64"}, {vlan.Hex, "2a00:1098:0:84:1000:10::2/64"}} {
		spec := small(6)
		spec.Public = vlan.Public{VID: 131, Prefix: netip.MustParsePrefix("2a00:1098:0:84::/64"), Numbering: c.numbering}
		require.Equal(t, netip.MustParsePrefix(c.want), byName(t, build(t, spec, nil), "pi6").Public)
	}
	spec := small(1)
	spec.Public.Base = netip.MustParseAddr("2001:db8:0:84:beef::7")
	require.Equal(t, "2001:db8:0:84:beef:11:0:7/64", build(t, spec, nil).Pis[0].Public.String())
	spec.Public = vlan.Public{}
	require.False(t, build(t, spec, nil).Pis[0].Public.IsValid())
}

// Nobody moves, whoever comes and goes, and plans that went through JSON do the
// same.
func TestBuildIsStable(t *testing.T) {
	spec := small(5)
	first := build(t, spec, nil)
	require.Equal(t, first, build(t, spec, nil), "a function of its arguments")
	require.Equal(t, first, build(t, spec, first))

	spec.Shelves[0].Pis = slices.Delete(spec.Shelves[0].Pis, 1, 2)
	second := build(t, spec, first)
	require.Len(t, second.Pis, 4)
	for _, pi := range second.Pis {
		require.Equal(t, byName(t, first, pi.Name), pi)
	}
	require.Equal(t, []vlan.Retired{{Name: "pi2", VID: 12, Net: netip.MustParsePrefix("10.64.0.4/30")}}, second.Retired)

	// A new one at the front gets new numbers, not those of the one that is gone.
	spec.Shelves[0].Pis = append([]vlan.Host{{Name: "pi0", Port: "2"}}, spec.Shelves[0].Pis...)
	third := build(t, spec, second)
	for _, pi := range second.Pis {
		require.Equal(t, pi, byName(t, third, pi.Name))
	}
	require.EqualValues(t, 16, byName(t, third, "pi0").VID)

	// Who returns, even to another port, has what it had.
	spec.Shelves[0].Pis = append(spec.Shelves[0].Pis, vlan.Host{Name: "pi2", Port: "9"})
	fourth := build(t, spec, third)
	require.EqualValues(t, 12, byName(t, fourth, "pi2").VID)
	require.Equal(t, byName(t, first, "pi2").Net, byName(t, fourth, "pi2").Net)
	require.Empty(t, fourth.Retired)
}

// Numbers of those who are gone are given away only when there are no others, the
// longest unused first.
func TestTombstonesBeforeReuse(t *testing.T) {
	spec := small(4)
	spec.VLANs = vlan.Range{First: 11, Last: 15}
	plan := build(t, spec, nil)
	hosts := spec.Shelves[0].Pis
	spec.Shelves[0].Pis = append(slices.Clone(hosts[:2]), hosts[3]) // pi3 goes
	plan = build(t, spec, plan)
	spec.Shelves[0].Pis = []vlan.Host{hosts[1], hosts[3]} // then pi1
	plan = build(t, spec, plan)
	for i, want := range []vlan.VID{15, 13, 11} {
		name := fmt.Sprintf("new%d", i)
		spec.Shelves[0].Pis = append(spec.Shelves[0].Pis, vlan.Host{Name: name, Port: fmt.Sprint(10 + i)})
		plan = build(t, spec, plan)
		require.Equal(t, want, byName(t, plan, name).VID)
	}
	require.Len(t, plan.Retired, 2, "their /30s are still theirs")
	spec.Shelves[0].Pis = append(spec.Shelves[0].Pis, vlan.Host{Name: "more", Port: "20"})
	_, err := vlan.Build(spec, plan)
	var full *vlan.CapacityError
	require.ErrorAs(t, err, &full)
	require.Equal(t, vlan.CapacityError{Field: "VLANs", Need: 6, Have: 5}, *full)
}

func TestTombstonesOfNetworks(t *testing.T) {
	spec := small(4)
	spec.Private = netip.MustParsePrefix("10.64.0.0/28")
	plan := build(t, spec, nil)
	spec.Shelves[0].Pis[0].Name = "other"
	plan = build(t, spec, plan)
	require.Equal(t, "10.64.0.0/30", byName(t, plan, "other").Net.String())
	require.EqualValues(t, 15, byName(t, plan, "other").VID)
	require.Equal(t, []vlan.Retired{{Name: "pi1", VID: 11}}, plan.Retired)
	spec.Shelves[0].Pis = append(spec.Shelves[0].Pis, vlan.Host{Name: "pi1", Port: "20"})
	_, err := vlan.Build(spec, plan)
	var full *vlan.CapacityError
	require.ErrorAs(t, err, &full)
	require.Equal(t, vlan.CapacityError{Field: "Private", Need: 5, Have: 4}, *full)
}

func TestPinned(t *testing.T) {
	spec := small(3)
	plan := build(t, spec, nil)
	spec.Pinned = map[string]vlan.Pin{
		"pi2":   {VID: 50},
		"later": {VID: 14, Net: netip.MustParsePrefix("10.64.0.12/30")},
	}
	plan = build(t, spec, plan)
	require.EqualValues(t, 50, byName(t, plan, "pi2").VID)
	require.Equal(t, "10.64.0.4/30", byName(t, plan, "pi2").Net.String(), "what is not pinned stays")
	require.Equal(t, []vlan.Retired{{Name: "pi2", VID: 12}}, plan.Retired)
	spec.Shelves[0].Pis = append(spec.Shelves[0].Pis, vlan.Host{Name: "pi4", Port: "4"}, vlan.Host{Name: "later", Port: "5"})
	plan = build(t, spec, plan)
	require.EqualValues(t, 15, byName(t, plan, "pi4").VID)
	require.EqualValues(t, 14, byName(t, plan, "later").VID)

	spec.Pinned["pi1"] = vlan.Pin{VID: 13}
	_, err := vlan.Build(spec, plan)
	var taken *vlan.CollisionError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, "pi1", taken.With, "pi3 had it")
}

func TestShelvesOwnRanges(t *testing.T) {
	spec := farm(2, 3)
	spec.Shelves[0].VLANs = vlan.Range{First: 2, Last: 9}
	spec.Shelves[1].Private = netip.MustParsePrefix("10.64.9.0/24")
	plan := build(t, spec, nil)
	require.EqualValues(t, 2, byName(t, plan, "pi-1-1").VID)
	require.EqualValues(t, 10, byName(t, plan, "pi-2-1").VID)
	require.Equal(t, "10.64.9.0/30", byName(t, plan, "pi-2-1").Net.String())

	spec.Shelves[0].VLANs.Last = 3
	_, err := vlan.Build(spec, nil)
	var full *vlan.CapacityError
	require.ErrorAs(t, err, &full)
	require.Equal(t, vlan.CapacityError{Field: "VLANs", Where: "shelf1", Need: 3, Have: 2}, *full)
	var wrong *vlan.SpecError
	_, err = vlan.Build(spec, plan)
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "Shelves[0].Pis[2]", wrong.Field, "that would move one")
}

func TestSlots(t *testing.T) {
	spec := small(4)
	spec.Shelves[0].Pis[0].Slot = 3
	plan := build(t, spec, nil)
	var slots []int
	for _, pi := range plan.Pis {
		slots = append(slots, pi.Slot)
	}
	require.Equal(t, []int{3, 1, 2, 4}, slots)
	spec.Shelves[0].Pis = spec.Shelves[0].Pis[2:]
	plan = build(t, spec, plan)
	require.Equal(t, 2, byName(t, plan, "pi3").Slot)
	spec.Shelves = append(spec.Shelves, vlan.Shelf{Name: "b", Pis: []vlan.Host{{Name: "pi4", Port: "4", Switch: "sw1"}}})
	spec.Shelves[0].Pis = spec.Shelves[0].Pis[:1]
	plan = build(t, spec, plan)
	require.Equal(t, 1, byName(t, plan, "pi4").Slot, "another shelf has slots of its own")
	require.EqualValues(t, 14, byName(t, plan, "pi4").VID)
}

// Who returns after having had two sets of numbers has the last ones.
func TestReturningHasTheLastNumbers(t *testing.T) {
	spec := small(2)
	plan := build(t, spec, nil)
	spec.Pinned = map[string]vlan.Pin{"pi2": {VID: 50, Net: netip.MustParsePrefix("10.64.0.128/30")}}
	plan = build(t, spec, plan)
	spec.Pinned = nil
	gone := spec
	gone.Shelves = []vlan.Shelf{spec.Shelves[0]}
	gone.Shelves[0].Pis = spec.Shelves[0].Pis[:1]
	away := build(t, gone, plan)
	require.Len(t, away.Retired, 2)
	require.EqualValues(t, 50, byName(t, build(t, spec, away), "pi2").VID)
}
