package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

// smallPlan is the plan of smallConfig.
func smallPlan(t *testing.T, change ...string) (*config, *vlan.Plan) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vlanctl.toml")
	text := "plan = \"" + filepath.Join(t.TempDir(), "state", "plan.json") + "\"\n" + strings.NewReplacer(change...).Replace(smallConfig)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	c, err := loadConfig(path)
	require.NoError(t, err)
	p, err := vlan.Build(c.spec, nil)
	require.NoError(t, err)
	return c, p
}

// What is written is what is read, and nothing is left beside it.
func TestPlanFile(t *testing.T) {
	c, p := smallPlan(t)
	none, old, err := readPlan(c.Plan)
	require.NoError(t, err)
	require.Nil(t, none)
	require.NoError(t, writePlan(c.Plan, p, old))
	again, old, err := readPlan(c.Plan)
	require.NoError(t, err)
	require.Equal(t, p, again)
	entries, err := os.ReadDir(filepath.Dir(c.Plan))
	require.NoError(t, err)
	require.Len(t, entries, 1)

	// Of two who plan at once the second loses, and no number is given twice.
	_, other := smallPlan(t, `"pi1"`, `"pi2"`)
	require.NoError(t, writePlan(c.Plan, other, old))
	require.ErrorContains(t, writePlan(c.Plan, p, old), "was changed meanwhile: run vlanctl plan again")
	require.ErrorContains(t, writePlan(c.Plan, p, nil), "was changed meanwhile")
	now, _, err := readPlan(c.Plan)
	require.NoError(t, err)
	require.Equal(t, other, now)
	entries, err = os.ReadDir(filepath.Dir(c.Plan))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestPlanFileRefused(t *testing.T) {
	c, p := smallPlan(t)
	require.NoError(t, writePlan(c.Plan, p, nil))
	good, err := os.ReadFile(c.Plan)
	require.NoError(t, err)
	for name, change := range map[string][2]string{
		"cut off":         {string(good[len(good)/2:]), ""},
		"another version": {`"version": 1`, `"version": 9`},
		"unknown field":   {`"version": 1`, `"version": 1, "colour": "red"`},
		"hostile name":    {`"pi1"`, `"pi1\nvlan 666"`},
		"another address": {"10.77.0.2", "10.77.0.3"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(good), change[0])
			require.NoError(t, os.WriteFile(c.Plan, []byte(strings.Replace(string(good), change[0], change[1], 1)), 0o600))
			_, err := c.current()
			require.ErrorContains(t, err, c.Plan)
		})
	}
}

// Each command but plan works from the plan of the configuration alone.
func TestPlanMustBeCurrent(t *testing.T) {
	c, p := smallPlan(t)
	_, err := c.current()
	require.ErrorContains(t, err, "there is no plan yet")
	require.NoError(t, writePlan(c.Plan, p, nil))
	now, err := c.current()
	require.NoError(t, err)
	require.Equal(t, p, now)
	for name, change := range map[string][2]string{
		"a Pi more":       {`[[shelf.pi]]`, "[[shelf.pi]]\nname = \"pi0\"\nport = \"2\"\n[[shelf.pi]]"},
		"another port":    {`port = "1"`, `port = "2"`},
		"a public VLAN":   {`[file_server]`, "[public]\nvlan = 131\nprefix = \"2001:db8::/64\"\n[file_server]"},
		"another network": {"10.77.0.0/24", "10.78.0.0/24"},
	} {
		t.Run(name, func(t *testing.T) {
			changed, _ := smallPlan(t, change[0], change[1])
			changed.Plan = c.Plan
			_, err := changed.current()
			require.Error(t, err)
		})
	}
}

func TestListChanges(t *testing.T) {
	_, before := smallPlan(t)
	_, after := smallPlan(t, `port = "1"`, `port = "2"`)
	list := func(before, after *vlan.Plan) string {
		var b strings.Builder
		require.NoError(t, listChanges(&b, before, after))
		return b.String()
	}
	require.Equal(t, "1 Pis on 1 switches\n", list(before, before))
	require.Equal(t, "+ pi1 sw1 port 1 VLAN 2 10.77.0.0/30 -\n1 Pis on 1 switches\n", list(nil, before))
	require.Equal(t, "- pi1 sw1 port 1 VLAN 2 10.77.0.0/30 -\n+ pi1 sw1 port 2 VLAN 2 10.77.0.0/30 -\n1 Pis on 1 switches\n", list(before, after))
	_, other := smallPlan(t, `"pi1"`, `"pi2"`)
	require.Equal(t, "+ pi2 sw1 port 1 VLAN 2 10.77.0.0/30 -\n- pi1 sw1 port 1 VLAN 2 10.77.0.0/30 -\n1 Pis on 1 switches\n", list(before, other))
}
