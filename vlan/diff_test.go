package vlan_test

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

func config(t testing.TB, p *vlan.Plan, name string) vlan.SwitchConfig {
	t.Helper()
	c, err := p.Switch(name)
	require.NoError(t, err)
	return c
}

// after does steps to a state.
func after(t testing.TB, s vlan.State, steps []vlan.Step) vlan.State {
	t.Helper()
	for _, step := range steps {
		var err error
		s, err = s.After(step)
		require.NoError(t, err)
		require.True(t, step.In(s), "%v", step)
	}
	return s
}

// The order of a switch as it is delivered.
func TestDiffOrder(t *testing.T) {
	plan := build(t, small(1), nil)
	c := config(t, plan, "sw1")
	steps, err := vlan.Diff(vlantest.SwitchFor(c).State(), c)
	require.NoError(t, err)
	var lines []string
	for _, s := range steps {
		lines = append(lines, fmt.Sprintf("%d %v", s.Stage, s))
	}
	require.Equal(t, []string{
		`0 create VLAN 11 "pi1"`,
		`0 create VLAN 131 "public"`,
		`0 create VLAN 4093 "native"`,
		`1 port 1: ingress filtering true`,
		`2 port 1: isolated true`,
		`3 port 24: join VLAN 11 tagged`,
		`3 port 24: join VLAN 131 tagged`,
		`4 port 1: join VLAN 11 untagged`,
		`5 port 1: PVID 11`,
		`6 port 1: leave VLAN 1`,
		`7 port 1: join VLAN 131 tagged`,
		`8 port 24: PVID 4093`,
		`9 port 24: leave VLAN 1`,
		`10 port 24: accept tagged frames`,
		`11 port 24: ingress filtering true`,
		`12 port 1: edge true`,
	}, lines)
	done := after(t, vlantest.SwitchFor(c).State(), steps)
	require.NoError(t, vlan.VerifyState(plan, map[string]vlan.State{"sw1": done}))
	again, err := vlan.Diff(done, c)
	require.NoError(t, err)
	require.Empty(t, again)
}

// Joins of one stage must not undo the order: trunks first, then Pis.
func TestStagesAreOfOneKind(t *testing.T) {
	c := config(t, build(t, farm(1, 60), nil), "sw1a")
	steps, err := vlan.Diff(vlantest.SwitchFor(c).State(), c)
	require.NoError(t, err)
	ops := map[int]vlan.Op{}
	for _, s := range steps {
		if op, there := ops[s.Stage]; there {
			require.Equal(t, op, s.Op)
		}
		ops[s.Stage] = s.Op
	}
	require.Less(t, len(ops), 16, "and there are few of them, however many Pis")
}

func TestDiffOfAPoorSwitch(t *testing.T) {
	c := config(t, build(t, small(2), nil), "sw1")
	state := vlantest.SwitchFor(c).State()
	state.Can = 0
	steps, err := vlan.Diff(state, c)
	require.NoError(t, err)
	for _, s := range steps {
		require.Contains(t, []vlan.Op{vlan.CreateVLAN, vlan.Join, vlan.Leave, vlan.SetPVID}, s.Op)
	}
	require.Equal(t, []string{"ingress filtering", "acceptable frames", "port isolation", "edge ports", "names of VLANs"}, vlan.Unmanaged(0))
	require.Empty(t, vlan.Unmanaged(c.State().Can))
	require.Equal(t, "ingress,frames,isolate,edge,name", c.State().Can.String())
	require.Equal(t, "none", vlan.Feature(0).String())
}

func TestDiffRefuses(t *testing.T) {
	c := config(t, build(t, small(2), nil), "sw1")
	_, err := vlan.Diff(vlantest.NewSwitch("1", "24").State(), c)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, `port "2"`)

	// VLAN 12 is the office's.
	state := vlantest.SwitchFor(c, "7").State()
	state.VLANs[12] = "office"
	_, err = vlan.Diff(state, c)
	require.NoError(t, err, "a name alone is taken over")
	state.Ports["7"] = vlan.PortState{PVID: 12, Untagged: vlan.VIDs{12}}
	_, err = vlan.Diff(state, c)
	var taken *vlan.CollisionError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, "12", taken.Value)
	require.Contains(t, taken.With, `"office"`)
}

// Ports outside of the plan lose private VLANs and nothing else.
func TestDiffOfStrangers(t *testing.T) {
	plan := build(t, small(2), nil)
	c := config(t, plan, "sw1")
	state := vlantest.SwitchFor(c, "7", "8", "9").State()
	state.VLANs[11], state.VLANs[12], state.VLANs[300] = "pi1", "pi2", "office"
	state.Ports["7"] = vlan.PortState{PVID: 11, Untagged: vlan.VIDs{11}, Tagged: vlan.VIDs{12, 300}}
	state.Ports["8"] = vlan.PortState{PVID: 12, Untagged: vlan.VIDs{12, 300}}
	steps, err := vlan.Diff(state, c)
	require.NoError(t, err)
	done := after(t, state, steps)
	require.Equal(t, vlan.PortState{PVID: 4093, Tagged: vlan.VIDs{300}, Ingress: true}, done.Ports["7"])
	require.Equal(t, vlan.PortState{PVID: 4093, Untagged: vlan.VIDs{300}, Ingress: true}, done.Ports["8"])
	require.Equal(t, vlan.PortState{PVID: 1, Untagged: vlan.VIDs{1}, Ingress: true}, done.Ports["9"])
	require.NoError(t, vlan.VerifyState(plan, map[string]vlan.State{"sw1": done}))
}

// VLANs of Pis that are gone are deleted, but not one that has another name.
func TestDiffDeletesRetired(t *testing.T) {
	spec := small(3)
	first := build(t, spec, nil)
	spec.Shelves[0].Pis = spec.Shelves[0].Pis[:1]
	plan := build(t, spec, first)
	c := config(t, plan, "sw1")
	require.Equal(t, "12-13", c.Retired.String())
	state := config(t, first, "sw1").State()
	state.VLANs[13], state.Ports["3"] = "office", vlan.PortState{PVID: 1}
	steps, err := vlan.Diff(state, c)
	require.NoError(t, err)
	done := after(t, state, steps)
	require.NotContains(t, done.VLANs, vlan.VID(12))
	require.Contains(t, done.VLANs, vlan.VID(13))
	require.NoError(t, vlan.VerifyState(plan, map[string]vlan.State{"sw1": done}))
	require.NotContains(t, done.Ports["24"].Tagged, vlan.VID(13))
}

// Pis that change places wait for one another, and one of them waits in no VLAN.
func TestDiffOfASwap(t *testing.T) {
	spec := small(3)
	first := build(t, spec, nil)
	pis := spec.Shelves[0].Pis
	pis[0].Port, pis[1].Port, pis[2].Port = "2", "3", "1"
	plan := build(t, spec, first)
	have := config(t, first, "sw1").State()
	steps, err := vlan.Diff(have, config(t, plan, "sw1"))
	require.NoError(t, err)
	for i := range steps {
		require.Empty(t, newLeaks(plan, have, steps[:i+1]), "after %v", steps[:i+1])
	}
	done := after(t, have, steps)
	require.NoError(t, vlan.VerifyState(plan, map[string]vlan.State{"sw1": done}))
	var parked []string
	for _, s := range steps {
		if s.Op == vlan.SetPVID && s.VID == plan.Native {
			parked = append(parked, s.Port)
		}
	}
	require.Len(t, parked, 1)
}

// A port that sends into a VLAN is waited for, though it is no member.
func TestDiffWaitsForSenders(t *testing.T) {
	plan := build(t, small(2), nil)
	c := config(t, plan, "sw1")
	have := vlantest.SwitchFor(c).State()
	have.Can = 0
	have.VLANs[11] = "pi1"
	have.Ports["2"] = vlan.PortState{PVID: 11, Untagged: vlan.VIDs{1}}
	steps, err := vlan.Diff(have, c)
	require.NoError(t, err)
	moved := slices.Index(texts(steps), "port 2: PVID 12")
	require.Greater(t, slices.Index(texts(steps), "port 1: join VLAN 11 untagged"), moved)
	require.GreaterOrEqual(t, moved, 0)
}

func texts(steps []vlan.Step) []string {
	var all []string
	for _, s := range steps {
		all = append(all, s.String())
	}
	return all
}

// newLeaks are pairs of ports that hear one another after some steps, and did not
// before.
func newLeaks(plan *vlan.Plan, have vlan.State, steps []vlan.Step) []string {
	now := have
	for _, s := range steps {
		now, _ = now.After(s)
	}
	reach := func(s vlan.State) map[string]bool {
		pairs := map[string]bool{}
		for leak := range newFlooder(plan, map[string]vlan.State{"sw1": s}).leaks(2) {
			if !strings.Contains(leak, "server") {
				pair, _, _ := strings.Cut(leak, " in ")
				pairs[pair] = true
			}
		}
		return pairs
	}
	before := reach(have)
	var fresh []string
	for pair := range reach(now) {
		if !before[pair] {
			fresh = append(fresh, pair)
		}
	}
	slices.Sort(fresh)
	return fresh
}

// safely diffs a random state of a switch against a random plan, and checks that
// it ends right and never lets two ports hear one another that did not before.
func safely(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	spec := small(4)
	spec.VLANs = vlan.Range{First: 2, Last: 7}
	spec.Public.VID, spec.Native = 8, 9
	if r.IntN(2) == 0 {
		spec.Public = vlan.Public{}
	}
	first := build(t, spec, nil)
	pis := spec.Shelves[0].Pis
	ports := r.Perm(5)
	for i := range pis {
		pis[i].Port = fmt.Sprint(ports[i] + 1)
	}
	spec.Shelves[0].Pis = pis[:1+r.IntN(4)]
	plan := build(t, spec, first)
	c := config(t, plan, "sw1")
	have := vlantest.NewSwitch("1", "2", "3", "4", "5", "6", "24").State()
	if r.IntN(2) == 0 {
		maps.Copy(have.Ports, config(t, first, "sw1").State().Ports)
	}
	for v := vlan.VID(2); v < 10; v++ {
		have.VLANs[v] = "of nobody"
	}
	for _, v := range c.VLANs {
		have.VLANs[v.ID] = v.Name
	}
	for i, v := range c.Retired {
		have.VLANs[v] = c.RetiredNames[i]
	}
	names := []string{"1", "2", "3", "4", "5", "6", "24"}
	for range r.IntN(10) {
		name, v := names[r.IntN(len(names))], vlan.VID(1+r.IntN(9))
		p := have.Ports[name]
		switch r.IntN(5) {
		case 0:
			p.PVID = v
		case 1:
			p.Untagged, p.Tagged = p.Untagged.With(v), p.Tagged.Without(v)
		case 2:
			p.Tagged, p.Untagged = p.Tagged.With(v), p.Untagged.Without(v)
		case 3:
			p.Ingress = !p.Ingress
		case 4:
			p.Frames = vlan.Frames(r.IntN(3))
		}
		have.Ports[name] = p
	}
	steps, err := vlan.Diff(have, c)
	require.NoError(t, err)
	done := after(t, have, steps)
	require.NoError(t, vlan.VerifyState(plan, map[string]vlan.State{"sw1": done}), "seed %d", seed)
	again, err := vlan.Diff(done, c)
	require.NoError(t, err)
	require.Empty(t, again, "seed %d", seed)
	for i := range steps {
		require.Empty(t, newLeaks(plan, have, steps[:i+1]), "seed %d, after step %d, %v, of %v", seed, i, steps[i], steps)
	}
}

func TestDiffIsSafeAtEveryStep(t *testing.T) {
	n := 80
	if testing.Short() {
		n = 30
	}
	for seed := range n {
		safely(t, uint64(seed))
	}
}

func FuzzDiff(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { safely(t, seed) })
}
