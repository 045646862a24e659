package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/render"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// whole is a farm of 4,032 Pis.
const whole = 42

// farm is shelves of 96 Pis, each with a switch of 98 ports, either with an
// interface of the file server for each or all behind one switch.
func farm(shelves int, core bool) vlan.Spec {
	spec := vlan.Spec{
		Private: netip.MustParsePrefix("10.64.0.0/16"),
		Public: vlan.Public{
			VID: 131, Prefix: netip.MustParsePrefix("2001:db8:0:84::/64"),
			Gateway: netip.MustParseAddr("2001:db8:0:84::1"),
		},
	}
	spec.FileServer.Iface = "eth0"
	if core {
		spec.Shelves = append(spec.Shelves, vlan.Shelf{
			Name: "core", Switches: []vlan.Switch{{Name: "core", Uplink: vlan.Uplink{Port: "xe-0"}, Router: "xe-1"}},
		})
	}
	for s := 1; s <= shelves; s++ {
		sw := vlan.Switch{Name: fmt.Sprintf("sw%d", s), Uplink: vlan.Uplink{Port: "xe-97"}}
		if core {
			sw.Uplink.To, sw.Uplink.ToPort = "core", fmt.Sprintf("ge-%d", s)
			sw.Unused = []string{"xe-98"}
		} else {
			sw.Uplink.Iface, sw.Router = fmt.Sprintf("eth%d", s), "xe-98"
		}
		shelf := vlan.Shelf{Name: fmt.Sprintf("shelf%d", s), Switches: []vlan.Switch{sw}}
		for n := 1; n <= 96; n++ {
			shelf.Pis = append(shelf.Pis, vlan.Host{Name: fmt.Sprintf("pi-%d-%d", s, n), Port: fmt.Sprintf("ge-%d", n)})
		}
		spec.Shelves = append(spec.Shelves, shelf)
	}
	return spec
}

func build(tb testing.TB, spec vlan.Spec, previous *vlan.Plan) *vlan.Plan {
	tb.Helper()
	plan, err := vlan.Build(spec, previous)
	require.NoError(tb, err)
	return plan
}

// read is what the switches are read to do: as planned, and with all 4,032 VLANs in
// the table of each, as switches have that learn VLANs from one another.
func read(plan *vlan.Plan) map[string]vlan.State {
	states := make(map[string]vlan.State)
	for _, c := range plan.Configs() {
		s := c.State()
		for _, pi := range plan.Pis {
			s.VLANs[pi.VID] = pi.Name
		}
		states[c.Name] = s
	}
	return states
}

func layouts(b *testing.B, fn func(b *testing.B, spec vlan.Spec)) {
	b.Run("an interface for each shelf", func(b *testing.B) { fn(b, farm(whole, false)) })
	b.Run("one switch before all", func(b *testing.B) { fn(b, farm(whole, true)) })
}

func BenchmarkBuild(b *testing.B) {
	layouts(b, func(b *testing.B, spec vlan.Spec) {
		processor(b, func() { build(b, spec, nil) })
	})
}

func BenchmarkBuildAgain(b *testing.B) {
	layouts(b, func(b *testing.B, spec vlan.Spec) {
		previous := build(b, spec, nil)
		processor(b, func() { build(b, spec, previous) })
	})
}

// rendered is the texts of some targets, by target, machine and path.
func rendered(tb testing.TB, plan *vlan.Plan, targets []string) map[string]string {
	tb.Helper()
	texts := make(map[string]string)
	for _, target := range targets {
		files, err := render.Text(target, plan, render.Options{})
		require.NoError(tb, err)
		for _, f := range files {
			texts[target+" "+f.For+" "+f.Path] = f.Text
		}
	}
	return texts
}

// farmTargets are all that one farm needs: one way to configure the file server,
// one to configure Pis, and one make of switches.
var farmTargets = []string{"ifupdown", "exports", "nftables", "sysctl", "pi-cmdline", "pi-ifupdown", "cisco-ios"}

// BenchmarkBuildAndRender is a plan and the texts for all machines in it.
func BenchmarkBuildAndRender(b *testing.B) {
	layouts(b, func(b *testing.B, spec vlan.Spec) {
		processor(b, func() { rendered(b, build(b, spec, nil), farmTargets) })
	})
}

// BenchmarkBuildAndRenderAll is a plan and the texts for every make of switch, and
// every way to configure the other machines.
func BenchmarkBuildAndRenderAll(b *testing.B) {
	layouts(b, func(b *testing.B, spec vlan.Spec) {
		processor(b, func() { rendered(b, build(b, spec, nil), render.Targets()) })
	})
}

func BenchmarkVerify(b *testing.B) {
	layouts(b, func(b *testing.B, spec vlan.Spec) {
		plan := build(b, spec, nil)
		states := read(plan)
		processor(b, func() { require.NoError(b, vlan.VerifyState(plan, states)) })
	})
}

func BenchmarkDiff(b *testing.B) {
	plan := build(b, farm(whole, false), nil)
	config, err := plan.Switch("sw1")
	require.NoError(b, err)
	have := vlantest.SwitchFor(config).State()
	processor(b, func() {
		_, err := vlan.Diff(have, config)
		require.NoError(b, err)
	})
}

func BenchmarkJSON(b *testing.B) {
	plan := build(b, farm(whole, false), nil)
	processor(b, func() {
		var text bytes.Buffer
		_, err := plan.WriteTo(&text)
		require.NoError(b, err)
		require.NoError(b, json.Unmarshal(text.Bytes(), new(vlan.Plan)))
	})
}

// TestOneMorePi plans again with one Pi more, and looks which lines of the plan and
// of all texts change: none of any other Pi, and of what is common to all only
// lists that have one more.
func TestOneMorePi(t *testing.T) {
	spec := farm(6, false)
	last := &spec.Shelves[3]
	extra := last.Pis[95]
	last.Pis = last.Pis[:95]
	before := build(t, spec, nil)
	last.Pis = append(slices.Clone(last.Pis[:40]), append([]vlan.Host{extra}, last.Pis[40:]...)...)
	after := build(t, spec, before)

	lines := func(p *vlan.Plan) []string {
		var text strings.Builder
		_, err := p.WriteTo(&text)
		require.NoError(t, err)
		return strings.Split(text.String(), "\n")
	}
	require.Empty(t, missing(lines(before), lines(after)))
	require.Len(t, lines(after), len(lines(before))+1)

	old, now := rendered(t, before, render.Targets()), rendered(t, after, render.Targets())
	others, byTarget := 0, map[string]int{}
	for name, text := range old {
		lost := missing(strings.Split(text, "\n"), strings.Split(now[name], "\n"))
		for _, line := range lost {
			for _, pi := range before.Pis {
				require.NotContains(t, strings.Fields(line), pi.Name, "%s", name)
			}
		}
		if len(lost) > 0 {
			others++
			require.Contains(t, name, "sw", "no text of the file server or of a Pi")
			require.LessOrEqual(t, len(lost), 3, name)
			byTarget[strings.Fields(name)[0]]++
		}
	}
	t.Logf("%d of %d texts have a list that changed: %v", others, len(old), byTarget)
}

// missing are lines of one text that another has not.
func missing(from, in []string) []string {
	have := make(map[string]int, len(in))
	for _, line := range in {
		have[line]++
	}
	var lost []string
	for _, line := range from {
		if have[line]--; have[line] < 0 {
			lost = append(lost, line)
		}
	}
	return lost
}
