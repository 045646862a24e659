package vlan_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

// host is a spec with a Pi of that name.
func host(name string) func(*vlan.Spec) {
	return func(s *vlan.Spec) { s.Shelves[0].Pis[0].Name = name }
}

func port(name string) func(*vlan.Spec) {
	return func(s *vlan.Spec) { s.Shelves[0].Pis[0].Port = name }
}

func TestBuildRefuses(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, c := range []struct {
		name  string
		spoil func(*vlan.Spec)
		field string
		value string
	}{
		{"no name", host(""), "Shelves[0].Pis[0].Name", ""},
		{"newline", host("pi\nno spanning-tree"), "Shelves[0].Pis[0].Name", "pi\nno spanning-tree"},
		{"shell", host("pi$(reboot)"), "Shelves[0].Pis[0].Name", "pi$(reboot)"},
		{"semicolon", host("pi;reboot"), "Shelves[0].Pis[0].Name", "pi;reboot"},
		{"space", host("pi init=/bin/sh"), "Shelves[0].Pis[0].Name", "pi init=/bin/sh"},
		{"path", host("../etc"), "Shelves[0].Pis[0].Name", "../etc"},
		{"comma", host("pi,rw"), "Shelves[0].Pis[0].Name", "pi,rw"},
		{"quote", host(`pi"`), "Shelves[0].Pis[0].Name", `pi"`},
		{"control", host("pi\x00"), "Shelves[0].Pis[0].Name", "pi\x00"},
		{"not ASCII", host("pí"), "Shelves[0].Pis[0].Name", "pí"},
		{"upper case", host("Pi"), "Shelves[0].Pis[0].Name", "Pi"},
		{"option", host("-pi"), "Shelves[0].Pis[0].Name", "-pi"},
		{"hyphen at the end", host("pi-"), "Shelves[0].Pis[0].Name", "pi-"},
		{"long", host(strings.Repeat("p", 33)), "Shelves[0].Pis[0].Name", strings.Repeat("p", 33)},
		{"keyword", host("all"), "Shelves[0].Pis[0].Name", "all"},
		{"role", host("public"), "Shelves[0].Pis[0].Name", "public"},
		{"number", host("vlan0012"), "Shelves[0].Pis[0].Name", "vlan0012"},
		{"port with a space", port("1 2"), "Shelves[0].Pis[0].Port", "1 2"},
		{"port with a newline", port("1\nvlan 1"), "Shelves[0].Pis[0].Port", "1\nvlan 1"},
		{"range of ports", port("1-24"), "Shelves[0].Pis[0].Port", "1-24"},
		{"list of ports", port("1,2"), "Shelves[0].Pis[0].Port", "1,2"},
		{"all ports", port("ALL"), "Shelves[0].Pis[0].Port", "ALL"},
		{"no port", port(""), "Shelves[0].Pis[0].Port", ""},
		{"switch", func(s *vlan.Spec) { s.Shelves[0].Pis[0].Switch = "sw2" }, "Shelves[0].Pis[0].Switch", "sw2"},
		{"slot", func(s *vlan.Spec) { s.Shelves[0].Pis[0].Slot = -1 }, "Shelves[0].Pis[0].Slot", "-1"},
		{"shelf's name", func(s *vlan.Spec) { s.Shelves[0].Name = "a b" }, "Shelves[0].Name", "a b"},
		{"switch's name", func(s *vlan.Spec) { s.Shelves[0].Switches[0].Name = "sw;1" }, "Shelves[0].Switches[0].Name", "sw;1"},
		{"no trunk", func(s *vlan.Spec) { s.Shelves[0].Switches[0].Uplink.Port = "" }, "Shelves[0].Switches[0].Uplink.Port", ""},
		{"trunk to nowhere", func(s *vlan.Spec) { s.Shelves[0].Switches[0].Uplink.To = "core" }, "Shelves[0].Switches[0].Uplink.To", "core"},
		{"trunk to itself", func(s *vlan.Spec) { s.Shelves[0].Switches[0].Uplink.To = "sw1" }, "Shelves[0].Switches[0].Uplink.To", "sw1"},
		{"router of nothing", func(s *vlan.Spec) { s.Public = vlan.Public{}; s.Shelves[0].Switches[0].Router = "23" }, "Shelves[0].Switches[0].Router", "23"},
		{"no network", func(s *vlan.Spec) { s.Private = netip.Prefix{} }, "Private", ""},
		{"IPv6", func(s *vlan.Spec) { s.Private = prefix("2001:db8::/64") }, "Private", "2001:db8::/64"},
		{"host bits", func(s *vlan.Spec) { s.Private = prefix("10.0.0.1/24") }, "Private", "10.0.0.1/24"},
		{"point to point", func(s *vlan.Spec) { s.Private = prefix("10.0.0.0/31") }, "Private", "10.0.0.0/31"},
		{"loopback", func(s *vlan.Spec) { s.Private = prefix("127.0.0.0/8") }, "Private", "127.0.0.0/8"},
		{"multicast", func(s *vlan.Spec) { s.Private = prefix("224.0.0.0/8") }, "Private", "224.0.0.0/8"},
		{"shelf's network", func(s *vlan.Spec) { s.Shelves[0].Private = prefix("10.65.0.0/24") }, "Shelves[0].Private", "10.65.0.0/24"},
		{"range", func(s *vlan.Spec) { s.VLANs = vlan.Range{First: 9, Last: 4095} }, "VLANs", "9-4095"},
		{"shelf's range", func(s *vlan.Spec) { s.Shelves[0].VLANs = vlan.Range{First: 9, Last: 2} }, "Shelves[0].VLANs", "9-2"},
		{"native", func(s *vlan.Spec) { s.Native = 4095 }, "Native", "4095"},
		{"reserved", func(s *vlan.Spec) { s.Reserved = vlan.VIDs{0} }, "Reserved[0]", "0"},
		{"public address only", func(s *vlan.Spec) { s.Public.VID = 0 }, "Public.VID", "0"},
		{"public IPv4", func(s *vlan.Spec) { s.Public.Prefix = prefix("192.0.2.0/24") }, "Public.Prefix", "192.0.2.0/24"},
		{"public too long", func(s *vlan.Spec) { s.Public.Prefix = prefix("2001:db8::/96") }, "Public.Prefix", "2001:db8::/96"},
		{"public link-local", func(s *vlan.Spec) { s.Public.Prefix = prefix("fe80::/64") }, "Public.Prefix", "fe80::/64"},
		{"base elsewhere", func(s *vlan.Spec) { s.Public.Base = netip.MustParseAddr("2001:db9::2") }, "Public.Base", "2001:db9::2"},
		{"base with a number", func(s *vlan.Spec) { s.Public.Base = netip.MustParseAddr("2001:db8:0:84:0:1::") }, "Public.Base", "2001:db8:0:84:0:1::"},
		{"gateway elsewhere", func(s *vlan.Spec) { s.Public.Gateway = netip.MustParseAddr("2001:db9::1") }, "Public.Gateway", "2001:db9::1"},
		{"numbering", func(s *vlan.Spec) { s.Public.Numbering = 7 }, "Public.Numbering", "7"},
		{"no interface", func(s *vlan.Spec) { s.FileServer.Iface = "" }, "FileServer.Iface", ""},
		{"interface", func(s *vlan.Spec) { s.FileServer.Iface = "eth0\n" }, "FileServer.Iface", "eth0\n"},
		{"long interface", func(s *vlan.Spec) { s.FileServer.Iface = "enx001122334455" }, "Shelves[0].Pis[0].VID", "enx001122334455.11"},
		{"export root", func(s *vlan.Spec) { s.FileServer.ExportRoot = "/export *(rw)" }, "FileServer.ExportRoot", "/export *(rw)"},
		{"export root above", func(s *vlan.Spec) { s.FileServer.ExportRoot = "/export/.." }, "FileServer.ExportRoot", "/export/.."},
		{"highest identifier", func(s *vlan.Spec) { s.Limits.MaxVID = 1024 }, "Limits.MaxVID of sw1", "1024"},
		{"pin's name", func(s *vlan.Spec) { s.Pinned = map[string]vlan.Pin{"a b": {}} }, `Pinned["a b"]`, "a b"},
		{"pin's identifier", func(s *vlan.Spec) { s.Pinned = map[string]vlan.Pin{"pi1": {VID: 5000}} }, `Pinned["pi1"].VID`, "5000"},
		{"pin's network", func(s *vlan.Spec) { s.Pinned = map[string]vlan.Pin{"pi1": {Net: prefix("10.64.0.0/29")}} }, `Pinned["pi1"].Net`, "10.64.0.0/29"},
		{"pin elsewhere", func(s *vlan.Spec) { s.Pinned = map[string]vlan.Pin{"pi1": {Net: prefix("10.65.0.0/30")}} }, `Pinned["pi1"].Net`, "10.65.0.0/30"},
		{"network in use", func(s *vlan.Spec) { s.InUse = []netip.Prefix{prefix("10.0.0.1/8")} }, "InUse[0]", "10.0.0.1/8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := small(2)
			c.spoil(&spec)
			_, err := vlan.Build(spec, nil)
			var wrong *vlan.SpecError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, c.field, wrong.Field)
			require.Equal(t, c.value, wrong.Value)
			require.NotContains(t, err.Error(), "\n", "values are quoted")
			require.NotContains(t, err.Error(), "\x00")
		})
	}
}

func TestBuildCollisions(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, c := range []struct {
		name               string
		spoil              func(*vlan.Spec)
		field, value, with string
	}{
		{"name", host("pi2"), "Shelves[0].Pis[1].Name", "pi2", "Shelves[0].Pis[0]"},
		{"port", port("2"), "Shelves[0].Pis[1].Port", "2", "pi1"},
		{"trunk's port", port("24"), "Shelves[0].Pis[0].Port", "24", "a trunk"},
		{"unused port", func(s *vlan.Spec) { s.Shelves[0].Switches[0].Unused = []string{"1"} }, "Shelves[0].Pis[0].Port", "1", "nothing"},
		{"aggregate", func(s *vlan.Spec) { s.Shelves[0].Switches[0].Uplink.Members = []string{"23", "1"} }, "Shelves[0].Pis[0].Port", "1", "the trunk 24"},
		{"router", func(s *vlan.Spec) { s.Shelves[0].Switches[0].Router = "1" }, "Shelves[0].Pis[0].Port", "1", "the router"},
		{"slot", func(s *vlan.Spec) { s.Shelves[0].Pis[0].Slot, s.Shelves[0].Pis[1].Slot = 4, 4 }, "Shelves[0].Pis[1].Slot", "4", "pi1"},
		{"private in use", func(s *vlan.Spec) { s.InUse = []netip.Prefix{prefix("10.64.0.128/25")} }, "Private", "10.64.0.0/24", "InUse[0], 10.64.0.128/25"},
		{"public in use", func(s *vlan.Spec) { s.InUse = []netip.Prefix{prefix("2001:db8::/32")} }, "Public.Prefix", "2001:db8:0:84::/64", "InUse[0]"},
		{"public is 1", func(s *vlan.Spec) { s.Public.VID = 1 }, "Public.VID", "1", "every port of a switch as it is delivered"},
		{"public is native", func(s *vlan.Spec) { s.Native = 131 }, "Public.VID", "131", "Native"},
		{"native is Cisco's", func(s *vlan.Spec) { s.Native = 1003 }, "Native", "1003", "FDDI and Token Ring on Cisco switches"},
		{"native is reserved", func(s *vlan.Spec) { s.Reserved = vlan.VIDs{4093} }, "Native", "4093", "Reserved"},
		{"management is public", func(s *vlan.Spec) { s.Management = 131 }, "Management", "131", "Public.VID"},
		{"pin is public", func(s *vlan.Spec) { s.Pinned = map[string]vlan.Pin{"pi1": {VID: 131}} }, `Pinned["pi1"].VID`, "131", "Public.VID"},
		{"pin is reserved", func(s *vlan.Spec) {
			s.Reserved, s.Pinned = vlan.VIDs{12}, map[string]vlan.Pin{"pi1": {VID: 12}}
		}, `Pinned["pi1"].VID`, "12", "Reserved"},
		{"pins", func(s *vlan.Spec) {
			s.Pinned = map[string]vlan.Pin{"pi1": {VID: 12}, "pi2": {VID: 12}}
		}, `Pinned["pi2"].VID`, "12", "pi1"},
		{"pinned networks", func(s *vlan.Spec) {
			n := prefix("10.64.0.8/30")
			s.Pinned = map[string]vlan.Pin{"pi1": {Net: n}, "pi2": {Net: n}}
		}, `Pinned["pi2"].Net`, "10.64.0.8/30", "pi1"},
		{"gateway", func(s *vlan.Spec) { s.Public.Gateway = netip.MustParseAddr("2001:db8:0:84:1000:12:0:2") }, "Public.Gateway", "2001:db8:0:84:1000:12:0:2", "pi2"},
		{"shelves' names", func(s *vlan.Spec) { s.Shelves = append(s.Shelves, vlan.Shelf{Name: "a"}) }, "Shelves[1].Name", "a", "another shelf"},
		{"switches' names", func(s *vlan.Spec) {
			s.Shelves = append(s.Shelves, vlan.Shelf{Name: "b", Switches: s.Shelves[0].Switches})
		}, "Shelves[1].Switches[0].Name", "sw1", "another switch"},
		{"shelves' ranges", func(s *vlan.Spec) {
			s.Shelves[0].VLANs = vlan.Range{First: 11, Last: 20}
			s.Shelves = append(s.Shelves, vlan.Shelf{Name: "b", VLANs: vlan.Range{First: 20, Last: 30}})
		}, "Shelves[1].VLANs", "20-30", "Shelves[0], 11-20"},
		{"shelves' networks", func(s *vlan.Spec) {
			s.Shelves[0].Private = prefix("10.64.0.0/25")
			s.Shelves = append(s.Shelves, vlan.Shelf{Name: "b", Private: prefix("10.64.0.64/26")})
		}, "Shelves[1].Private", "10.64.0.64/26", "Shelves[0], 10.64.0.0/25"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := small(2)
			c.spoil(&spec)
			_, err := vlan.Build(spec, nil)
			var taken *vlan.CollisionError
			require.ErrorAs(t, err, &taken)
			require.Equal(t, vlan.CollisionError{Field: c.field, Value: c.value, With: c.with}, *taken)
			require.Contains(t, err.Error(), c.value)
		})
	}
}

// A public VLAN cannot take the number of a Pi that has it: that would move it.
func TestPublicTakesNoPisVLAN(t *testing.T) {
	spec := small(2)
	plan := build(t, spec, nil)
	spec.Public.VID = 12
	_, err := vlan.Build(spec, plan)
	var taken *vlan.CollisionError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, vlan.CollisionError{Field: "Shelves[0].Pis[1].VID", Value: "12", With: "Public.VID"}, *taken)
	spec.Pinned = map[string]vlan.Pin{"pi2": {VID: 13}}
	require.EqualValues(t, 13, byName(t, build(t, spec, plan), "pi2").VID)
}

func TestCapacity(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*vlan.Spec)
		want  vlan.CapacityError
	}{
		{"identifiers", func(s *vlan.Spec) { s.VLANs = vlan.Range{First: 1000, Last: 1008} }, vlan.CapacityError{Field: "VLANs", Need: 10, Have: 5}},
		{"networks", func(s *vlan.Spec) { s.Private = netip.MustParsePrefix("10.64.0.0/27") }, vlan.CapacityError{Field: "Private", Need: 10, Have: 8}},
		{"VLANs of a switch", func(s *vlan.Spec) { s.Limits.VLANs = 12 }, vlan.CapacityError{Field: "Limits.VLANs", Where: "sw1", Need: 13, Have: 12}},
		{"spanning trees", func(s *vlan.Spec) { s.Shelves[0].Switches[0].Limits.Instances = 8 }, vlan.CapacityError{Field: "Limits.Instances", Where: "sw1", Need: 13, Have: 8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := small(10)
			c.spoil(&spec)
			_, err := vlan.Build(spec, nil)
			var full *vlan.CapacityError
			require.ErrorAs(t, err, &full)
			require.Equal(t, c.want, *full)
		})
	}
	spec := farm(43, 96)
	_, err := vlan.Build(spec, nil)
	var full *vlan.CapacityError
	require.ErrorAs(t, err, &full)
	require.Equal(t, vlan.CapacityError{Field: "VLANs", Need: 43 * 96, Have: 4086}, *full)
}

func TestTrunksInACircle(t *testing.T) {
	spec := farm(1, 2)
	spec.Shelves[0].Switches[0].Uplink = vlan.Uplink{Port: "51", To: "sw1b", ToPort: "51"}
	_, err := vlan.Build(spec, nil)
	var wrong *vlan.SpecError
	require.ErrorAs(t, err, &wrong)
	require.Contains(t, wrong.Why, "never gets to the file server")
}
