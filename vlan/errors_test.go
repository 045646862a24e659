package vlan_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

func TestErrorsSayWhatAndWhere(t *testing.T) {
	for want, err := range map[string]error{
		`vlan: Private "10.0.0.1/8" is not a network`:                    &vlan.SpecError{Field: "Private", Value: "10.0.0.1/8", Why: "is not a network"},
		`vlan: Native "131" is that of Public.VID`:                       &vlan.CollisionError{Field: "Native", Value: "131", With: "Public.VID"},
		`vlan: VLANs has room for 5, and 6 are needed`:                   &vlan.CapacityError{Field: "VLANs", Need: 6, Have: 5},
		`vlan: Limits.VLANs of "sw1" has room for 64, and 99 are needed`: &vlan.CapacityError{Field: "Limits.VLANs", Where: "sw1", Need: 99, Have: 64},
		`vlan: sw1 port 3: PVID is "1" and must be "11"`:                 &vlan.StateError{Switch: "sw1", Port: "3", Field: "PVID", Have: "1", Want: "11"},
		`vlan: frames from pi1 (sw1 port 3) reach sw1 port 9 in VLAN 11: here; there`: &vlan.LeakError{
			A: vlan.Place{Switch: "sw1", Port: "3", Pi: "pi1"}, B: vlan.Place{Switch: "sw1", Port: "9"},
			VID: 11, Path: []string{"here", "there"},
		},
		`vlan: frames from the file server's eth0 reach pi1 (the file server's eth0.11) in VLAN 11: `: &vlan.LeakError{
			A: vlan.Place{Port: "eth0"}, B: vlan.Place{Port: "eth0.11", Pi: "pi1"}, VID: 11,
		},
	} {
		require.EqualError(t, err, want)
	}
}

// A switch with everything wrong makes an error of readable length.
func TestManyLeaks(t *testing.T) {
	plan := build(t, farm(1, 48), nil)
	all := states(plan)
	for n := 1; n <= 48; n++ {
		spoil(all, "sw1a", []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}[n%9], func(p *vlan.PortState) {
			p.PVID, p.Untagged, p.Tagged, p.Ingress = 1, vlan.VIDs{1}, plan.Configs()[0].Private, false
		})
	}
	err := vlan.VerifyState(plan, all)
	leaks := map[string]bool{}
	for _, e := range joined(err) {
		var leak *vlan.LeakError
		if errors.As(e, &leak) {
			require.False(t, leaks[leak.A.String()+leak.B.String()+string(rune(leak.VID))], "each once: %v", leak)
			leaks[leak.A.String()+leak.B.String()+string(rune(leak.VID))] = true
		}
	}
	require.NotEmpty(t, leaks)
	require.LessOrEqual(t, len(joined(err)), 202)
	require.Less(t, strings.Count(err.Error(), "\n"), 202)
}

// A spec can be a file.
func TestSpecAsJSON(t *testing.T) {
	spec := small(2)
	spec.Reserved = vlan.NewVIDs(20, 21, 22, 40)
	spec.Public.Numbering = vlan.Hex
	text, err := json.Marshal(spec)
	require.NoError(t, err)
	require.Contains(t, string(text), `"Reserved":"20-22,40"`)
	require.Contains(t, string(text), `"VLANs":"11-99"`)
	require.Contains(t, string(text), `"numbering":"hex"`)
	var back vlan.Spec
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, build(t, spec, nil), build(t, back, nil))
	for _, bad := range []string{
		strings.Replace(string(text), "hex", "octal", 1), strings.Replace(string(text), "20-22", "22-20", 1),
		strings.Replace(string(text), "11-99", "0-99", 1),
	} {
		require.Error(t, json.Unmarshal([]byte(bad), new(vlan.Spec)))
	}
}

func TestStatesAreCopied(t *testing.T) {
	plan := build(t, small(2), nil)
	one := config(t, plan, "sw1").State()
	other := one.Clone()
	require.True(t, one.Equal(other))
	other.Ports["24"].Tagged[0] = 99
	require.False(t, one.Equal(other))
	require.Equal(t, "11-12,131", one.Ports["24"].Tagged.String())
	other = one.Clone()
	other.VLANs[300] = "office"
	require.False(t, one.Equal(other))
	require.NotContains(t, one.VLANs, vlan.VID(300))
	other = one.Clone()
	other.Can = 0
	require.False(t, one.Equal(other))
	empty := vlan.State{}.Clone()
	empty.Ports["1"], empty.VLANs[1] = vlan.PortState{}, "default"
	require.True(t, vlan.PortState{Tagged: vlan.VIDs{}}.Equal(vlan.PortState{}))
	require.Equal(t, `PVID 12, untagged "12", tagged "131", ingress true, all frames, isolated true, edge true`, one.Ports["2"].String())
}
