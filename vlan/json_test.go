package vlan_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

func TestPlanJSON(t *testing.T) {
	spec := farm(2, 96)
	spec.Management = 99
	spec.Shelves[0].Switches[0].Uplink.Members = []string{"49", "48x"}
	spec.Shelves[0].Switches[0].Uplink.Port = "Trk1"
	spec.Shelves[1].Switches[1].Unused = []string{"51", "52"}
	spec.Shelves[1].Switches[0].Router = "52"
	plan := build(t, spec, nil)
	spec.Shelves[0].Pis = spec.Shelves[0].Pis[1:]
	for _, p := range []*vlan.Plan{plan, build(t, spec, plan), build(t, small(0), nil)} {
		short, err := json.Marshal(p)
		require.NoError(t, err)
		var long bytes.Buffer
		n, err := p.WriteTo(&long)
		require.NoError(t, err)
		require.EqualValues(t, long.Len(), n)
		for _, text := range [][]byte{short, long.Bytes()} {
			back := new(vlan.Plan)
			require.NoError(t, json.Unmarshal(text, back))
			require.Equal(t, p, back)
		}
	}
}

// A Pi that is added adds a line, and changes none.
func TestPlanLines(t *testing.T) {
	lines := func(p *vlan.Plan) []string {
		var out strings.Builder
		_, err := p.WriteTo(&out)
		require.NoError(t, err)
		return strings.Split(out.String(), "\n")
	}
	spec := farm(2, 95)
	before := build(t, spec, nil)
	spec.Shelves[0].Pis = append(spec.Shelves[0].Pis, vlan.Host{Name: "new", Switch: "sw1b", Port: "48"})
	old, now := lines(before), lines(build(t, spec, before))
	require.Len(t, now, len(old)+1)
	added := slices.IndexFunc(now, func(line string) bool { return strings.Contains(line, `"new"`) })
	require.Equal(t, old, slices.Delete(now, added, added+1))
}

func TestPlanJSONRefuses(t *testing.T) {
	plan := build(t, small(3), nil)
	spec := small(3)
	spec.Shelves[0].Pis = spec.Shelves[0].Pis[1:]
	coded, err := json.Marshal(build(t, spec, plan))
	require.NoError(t, err)
	good := string(coded)
	for name, change := range map[string][2]string{
		"version":             {`"version":1`, `"version":2`},
		"no version":          {`"version":1,`, ``},
		"unknown field":       {`"native":`, `"nativ":`},
		"another's VLAN":      {`"vid":13,`, `"vid":12,`},
		"another's network":   {`10.64.0.8/30`, `10.64.0.4/30`},
		"address":             {`"10.64.0.10"`, `"10.64.0.9"`},
		"network's size":      {`10.64.0.8/30`, `10.64.0.8/29`},
		"public address":      {`1000:13:0:2`, `1000:12:0:2`},
		"name":                {`"name":"pi3"`, `"name":"pi3;reboot"`},
		"port":                {`"port":"3"`, `"port":"2"`},
		"switch":              {`"switch":"sw1"`, `"switch":"sw9"`},
		"interface":           {`"iface":"eth0","export_root"`, `"iface":"eth0/","export_root"`},
		"slot":                {`"slot":3`, `"slot":0`},
		"native":              {`"native":4093`, `"native":12`},
		"retired is used":     {`"name":"pi1","vid":11`, `"name":"pi1","vid":12`},
		"retired is nothing":  {`"name":"pi1","vid":11`, `"name":"pi1","vid":5000`},
		"retired network":     {`"net":"10.64.0.0/30"`, `"net":"10.64.0.0/28"`},
		"retired name":        {`"retired":[{"name":"pi1"`, `"retired":[{"name":"pi 1"`},
		"something after it":  {`]}`, `]}{}`},
		"number out of range": {`"vid":13,`, `"vid":70000,`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, good, change[0])
			bad := strings.Replace(good, change[0], change[1], 1)
			before := *plan
			require.Error(t, json.Unmarshal([]byte(bad), plan))
			require.Equal(t, before, *plan, "what was there is untouched")
		})
	}
}

func TestBuildChecksThePlanBefore(t *testing.T) {
	plan := build(t, small(3), nil)
	plan.Pis[1].VID = plan.Pis[0].VID
	_, err := vlan.Build(small(3), plan)
	require.ErrorContains(t, err, "previous plan")
}

func FuzzPlanJSON(f *testing.F) {
	plan, err := vlan.Build(small(2), nil)
	require.NoError(f, err)
	good, err := json.Marshal(plan)
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := new(vlan.Plan)
		if json.Unmarshal(data, p) != nil {
			return
		}
		again, err := json.Marshal(p)
		require.NoError(t, err)
		back := new(vlan.Plan)
		require.NoError(t, json.Unmarshal(again, back))
		require.Equal(t, p, back)
	})
}
