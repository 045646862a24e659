package vlan_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

// states are those of switches that do what the plan says.
func states(p *vlan.Plan) map[string]vlan.State {
	all := make(map[string]vlan.State)
	for _, c := range p.Configs() {
		all[c.Name] = c.State()
	}
	return all
}

// spoil changes a port of a state.
func spoil(s map[string]vlan.State, sw, port string, change func(p *vlan.PortState)) {
	p := s[sw].Ports[port]
	change(&p)
	s[sw].Ports[port] = p
}

// leaksOf are the leaks in an error, as the flooder writes them.
func leaksOf(err error) map[string]bool {
	found := map[string]bool{}
	place := func(p vlan.Place) string {
		if p.Switch == "" {
			return "server " + p.Port
		}
		return fmt.Sprint(end{p.Switch, p.Port})
	}
	for _, e := range joined(err) {
		var leak *vlan.LeakError
		if errors.As(e, &leak) {
			found[fmt.Sprintf("%s>%s in %d", place(leak.A), place(leak.B), leak.VID)] = true
		}
	}
	return found
}

func joined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return nil
}

func TestPlansAreProved(t *testing.T) {
	routed := farm(2, 5)
	routed.Shelves[0].Switches[1].Router = "52"
	routed.Shelves[1].Switches[0].Router, routed.Shelves[1].Switches[0].RouterTagged = "52", true
	alone := small(5)
	alone.Public = vlan.Public{}
	managed := farm(1, 60)
	managed.Management = 99
	managed.Shelves[0].Switches[0].Unused = []string{"51", "52"}
	for _, spec := range []vlan.Spec{small(5), alone, farm(2, 96), routed, managed} {
		plan := build(t, spec, nil)
		require.NoError(t, plan.Verify())
	}
	plan := build(t, small(3), nil)
	plan.Pis[2].VID = plan.Pis[1].VID
	require.Error(t, plan.Verify())
}

func TestVerifyNeedsAllSwitches(t *testing.T) {
	plan := build(t, farm(1, 60), nil)
	all := states(plan)
	delete(all, "sw1b")
	require.ErrorIs(t, vlan.VerifyState(plan, all), fs.ErrNotExist)
}

// The leaks of the field, each with its ports and its way.
func TestLeaks(t *testing.T) {
	type change = func(s map[string]vlan.State)
	join := func(sw, port string, v vlan.VID, untagged bool) change {
		return func(s map[string]vlan.State) {
			spoil(s, sw, port, func(p *vlan.PortState) {
				if untagged {
					p.Untagged = p.Untagged.With(v)
				} else {
					p.Tagged = p.Tagged.With(v)
				}
			})
		}
	}
	for _, c := range []struct {
		name   string
		change change
		a, b   string // Pi or place
		vid    vlan.VID
		path   string
	}{
		{"PVID of another", func(s map[string]vlan.State) {
			spoil(s, "sw1a", "2", func(p *vlan.PortState) { p.PVID, p.Untagged = 2, vlan.VIDs{2} })
		}, "pi-1-1", "pi-1-2", 2, "into sw1a by port 1 in VLAN 2"},
		{"factory trunk that carries all", func(s map[string]vlan.State) {
			spoil(s, "sw1a", "2", func(p *vlan.PortState) { p.Tagged = vlan.NewVIDs(2, 4, 5, 131) })
		}, "pi-1-1", "pi-1-2", 2, "into sw1a by port 1 in VLAN 2"},
		{"no ingress filtering", func(s map[string]vlan.State) {
			spoil(s, "sw1a", "2", func(p *vlan.PortState) { p.Ingress = false })
		}, "pi-1-2", "pi-1-1", 2, "into sw1a by port 2 in VLAN 2"},
		{"both still in VLAN 1", func(s map[string]vlan.State) {
			join("sw1a", "1", 1, true)(s)
			join("sw1a", "2", 1, true)(s)
		}, "pi-1-1", "pi-1-2", 1, "into sw1a by port 1 in VLAN 1"},
		{"port of nobody", func(s map[string]vlan.State) {
			s["sw1a"].Ports["30"] = vlan.PortState{PVID: 1, Untagged: vlan.VIDs{1}, Tagged: vlan.VIDs{3}, Ingress: true}
		}, "pi-1-2", "sw1a 30", 3, "into sw1a by port 2 in VLAN 3"},
		{"double tag over a private native VLAN", func(s map[string]vlan.State) {
			spoil(s, "sw1b", "49", func(p *vlan.PortState) { p.Tagged, p.Untagged = p.Tagged.Without(50), vlan.VIDs{50} })
			spoil(s, "sw1a", "50", func(p *vlan.PortState) { p.Frames = vlan.AllFrames })
		}, "pi-1-49", "server eth1.51", 51, "into sw1b by port 1 in VLAN 50; into sw1a by port 50 in VLAN 51"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := farm(1, 60)
			spec.VLANs = vlan.Range{First: 2, Last: 99}
			plan := build(t, spec, nil)
			all := states(plan)
			c.change(all)
			err := vlan.VerifyState(plan, all)
			for _, e := range joined(err) {
				var leak *vlan.LeakError
				if errors.As(e, &leak) && named(leak.A, c.a) && named(leak.B, c.b) && leak.VID == c.vid {
					require.Contains(t, leak.Error(), c.path)
					require.Contains(t, leak.Error(), leak.A.String())
					return
				}
			}
			require.Fail(t, "not found", "%v", err)
		})
	}
}

// named reports whether a place is a Pi, "switch port" or "server iface".
func named(p vlan.Place, name string) bool {
	return p.Pi == name && p.Switch != "" || p.Switch+" "+p.Port == name || p.Switch == "" && "server "+p.Port == name
}

func TestStateFaults(t *testing.T) {
	for _, c := range []struct {
		name, port string
		change     func(p *vlan.PortState)
		field      string
		have, want string
	}{
		{"VLAN 1 has a Pi", "1", func(p *vlan.PortState) { p.Untagged = p.Untagged.With(1) }, "Untagged", "1,11", "11"},
		{"PVID is not untagged", "1", func(p *vlan.PortState) { p.PVID = 1 }, "PVID", "1", "11"},
		{"no PVID", "1", func(p *vlan.PortState) { p.PVID = 0 }, "PVID", "0", "11"},
		{"not isolated", "1", func(p *vlan.PortState) { p.Isolated = false }, "Isolated", "false", "true"},
		{"trunk's native is private", "24", func(p *vlan.PortState) { p.PVID = 11 }, "PVID", "11", "4093"},
		{"trunk takes untagged", "24", func(p *vlan.PortState) { p.Frames = vlan.AllFrames }, "Frames", "all", "tagged"},
		{"trunk does not filter", "24", func(p *vlan.PortState) { p.Ingress = false }, "Ingress", "false", "true"},
		{"trunk carries more", "24", func(p *vlan.PortState) { p.Tagged = p.Tagged.With(99) }, "Tagged", "11-13,99,131", "11-13,131"},
		{"trunk carries less", "24", func(p *vlan.PortState) { p.Tagged = p.Tagged.Without(12) }, "Tagged", "11,13,131", "11-13,131"},
		{"native has a member", "24", func(p *vlan.PortState) { p.Untagged = vlan.VIDs{4093} }, "Untagged", "4093", ""},
		{"stranger", "9", func(p *vlan.PortState) { p.Ingress, p.Tagged = true, vlan.VIDs{12} }, "membership", "12", "no private VLAN"},
		{"stranger sends", "9", func(p *vlan.PortState) { p.Ingress, p.PVID = true, 12 }, "PVID", "12", "no private VLAN"},
		{"stranger in native", "9", func(p *vlan.PortState) { p.Tagged = vlan.VIDs{4093} }, "membership", "4093", "no member of the native VLAN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := build(t, small(3), nil)
			all := states(plan)
			spoil(all, "sw1", c.port, c.change)
			var found bool
			for _, e := range joined(vlan.VerifyState(plan, all)) {
				var fault *vlan.StateError
				if errors.As(e, &fault) && fault.Field == c.field {
					require.Equal(t, vlan.StateError{Switch: "sw1", Port: c.port, Field: c.field, Have: c.have, Want: c.want}, *fault)
					found = true
				}
			}
			require.True(t, found)
		})
	}
	plan := build(t, small(3), nil)
	all := states(plan)
	delete(all["sw1"].Ports, "2")
	var fault *vlan.StateError
	require.ErrorAs(t, vlan.VerifyState(plan, all), &fault)
	require.Equal(t, "missing", fault.Have)
	all = states(plan)
	spoil(all, "sw1", "24", func(p *vlan.PortState) { p.PVID = 0 })
	require.NoError(t, vlan.VerifyState(plan, all), "a trunk that drops untagged frames is as good")
}

// A switch may list the parts of a link aggregate, with its VLANs or without.
func TestLinkAggregates(t *testing.T) {
	spec := farm(1, 60)
	for i := range spec.Shelves[0].Switches {
		up := &spec.Shelves[0].Switches[i].Uplink
		up.Port, up.Members = "Trk1", []string{"49", "51"}
		if up.To != "" {
			up.ToPort, up.ToMembers = "Trk2", []string{"50", "52"}
		}
	}
	plan := build(t, spec, nil)
	all := states(plan)
	for _, part := range []string{"49", "50", "51", "52"} {
		all["sw1a"].Ports[part] = vlan.PortState{PVID: plan.Native, Untagged: vlan.VIDs{plan.Native}, Tagged: vlan.VIDs{2, 3}}
	}
	all["sw1b"].Ports["49"] = vlan.PortState{PVID: 1, Untagged: vlan.VIDs{1}}
	require.NoError(t, vlan.VerifyState(plan, all))
	steps, err := vlan.Diff(all["sw1a"], config(t, plan, "sw1a"))
	require.NoError(t, err)
	require.Empty(t, steps, "nor are they changed by themselves")
	require.Equal(t, []string{"49", "51"}, config(t, plan, "sw1b").Ports[12].Members)
	all["sw1a"].Ports["53"] = all["sw1a"].Ports["49"]
	require.Error(t, vlan.VerifyState(plan, all), "one more is another matter")
}

// chaos is a plan of up to three switches and states of them that are wrong in
// some random ways.
func chaos(t testing.TB, r *rand.Rand) (*vlan.Plan, map[string]vlan.State) {
	spec := vlan.Spec{Private: netip.MustParsePrefix("10.0.0.0/24"), VLANs: vlan.Range{First: 2, Last: 9}, Native: 20}
	spec.FileServer.Iface = "eth0"
	if r.IntN(4) > 0 {
		spec.Public = vlan.Public{VID: 10, Prefix: netip.MustParsePrefix("2001:db8::/64")}
	}
	shelf := vlan.Shelf{Name: "a"}
	for n := range 1 + r.IntN(3) {
		up := vlan.Uplink{Port: "u"}
		switch {
		case n > 0 && r.IntN(2) == 0:
			up.To, up.ToPort = fmt.Sprintf("s%d", r.IntN(n)), fmt.Sprintf("d%d", n)
		case r.IntN(3) == 0:
			up.Iface = fmt.Sprintf("eth%d", n)
		}
		sw := vlan.Switch{Name: fmt.Sprintf("s%d", n), Uplink: up}
		if spec.Public.VID != 0 && r.IntN(3) == 0 {
			sw.Router, sw.RouterTagged = "r", r.IntN(2) == 0
		}
		shelf.Switches = append(shelf.Switches, sw)
		for k := range 1 + r.IntN(2) {
			shelf.Pis = append(shelf.Pis, vlan.Host{Name: fmt.Sprintf("p%d%d", n, k), Switch: sw.Name, Port: fmt.Sprint(k)})
		}
	}
	spec.Shelves = []vlan.Shelf{shelf}
	plan := build(t, spec, nil)
	all := states(plan)
	ids := []vlan.VID{1, 2, 3, 4, 10, 20}
	id := func() vlan.VID { return ids[r.IntN(len(ids))] }
	if r.IntN(2) == 0 {
		all["s0"].Ports["x"] = vlan.PortState{PVID: 1, Untagged: vlan.VIDs{1}, Ingress: true}
	}
	for range r.IntN(12) {
		sw := fmt.Sprintf("s%d", r.IntN(len(shelf.Switches)))
		ports := []string{"0", "1", "u", "u", "d1", "d2", "r", "x"}
		port := ports[r.IntN(len(ports))]
		if _, there := all[sw].Ports[port]; !there {
			continue
		}
		spoil(all, sw, port, func(p *vlan.PortState) {
			switch v := id(); r.IntN(8) {
			case 0:
				p.PVID = v
			case 1:
				p.Untagged, p.Tagged = p.Untagged.With(v), p.Tagged.Without(v)
			case 2:
				p.Tagged, p.Untagged = p.Tagged.With(v), p.Untagged.Without(v)
			case 3:
				p.Tagged, p.Untagged = p.Tagged.Without(v), p.Untagged.Without(v)
			case 4:
				p.Ingress = !p.Ingress
			case 5:
				p.Frames = vlan.Frames(r.IntN(3))
			case 6:
				p.Isolated = !p.Isolated
			case 7:
				p.PVID, p.Untagged = v, p.Untagged.With(v)
				p.Tagged = p.Tagged.Without(v)
			}
		})
	}
	return plan, all
}

// proofIsRight compares the proof with frames.
func proofIsRight(t *testing.T, seed uint64) (leaking bool) {
	plan, all := chaos(t, rand.New(rand.NewPCG(seed, 1)))
	// A frame loses at most a tag on each trunk, and one where it comes in.
	want := newFlooder(plan, all).leaks(1 + len(plan.Switches))
	got := leaksOf(vlan.VerifyState(plan, all))
	if len(want) < 100 {
		require.Equal(t, want, got, "seed %d", seed)
	}
	require.Equal(t, len(want) > 0, len(got) > 0, "seed %d", seed)
	return len(want) > 0
}

func TestProofAgainstFlooding(t *testing.T) {
	n, leaking := 200, 0
	if testing.Short() {
		n = 50
	}
	for seed := range n {
		if proofIsRight(t, uint64(seed)) {
			leaking++
		}
	}
	require.Greater(t, leaking, n/8)
	require.Less(t, leaking, n*7/8)
}

// Cases that chance seldom makes.
func TestProofAgainstFloodingByHand(t *testing.T) {
	pair := func(to, iface string) (*vlan.Plan, map[string]vlan.State) {
		spec := small(0)
		spec.VLANs = vlan.Range{First: 2, Last: 9}
		up := vlan.Uplink{Port: "u", To: to, Iface: iface}
		if to != "" {
			up.ToPort = "d"
		}
		spec.Shelves[0].Switches = []vlan.Switch{{Name: "s0", Uplink: vlan.Uplink{Port: "u"}}, {Name: "s1", Uplink: up}}
		spec.Shelves[0].Pis = []vlan.Host{
			{Name: "p00", Switch: "s0", Port: "0"}, {Name: "p10", Switch: "s1", Port: "0"}, {Name: "p11", Switch: "s1", Port: "1"},
		}
		plan := build(t, spec, nil)
		return plan, states(plan)
	}
	compare := func(plan *vlan.Plan, all map[string]vlan.State) map[string]bool {
		got := leaksOf(vlan.VerifyState(plan, all))
		require.Equal(t, newFlooder(plan, all).leaks(3), got)
		return got
	}
	bare := func(frames vlan.Frames) map[string]bool {
		plan, all := pair("s0", "")
		spoil(all, "s0", "d", func(p *vlan.PortState) { p.Untagged, p.Tagged = vlan.VIDs{4}, p.Tagged.Without(4) })
		spoil(all, "s1", "u", func(p *vlan.PortState) { p.PVID, p.Frames = 3, frames })
		return compare(plan, all)
	}
	require.Contains(t, bare(vlan.AllFrames), "server eth0.4>{s1 0} in 3")
	require.NotContains(t, bare(vlan.TaggedFrames), "server eth0.4>{s1 0} in 3", "they have no tag")

	// A VLAN that the file server has on another interface is nobody's on this one.
	plan, all := pair("", "eth1")
	spoil(all, "s0", "u", func(p *vlan.PortState) { p.Tagged = p.Tagged.With(3) })
	spoil(all, "s0", "0", func(p *vlan.PortState) { p.Tagged = p.Tagged.With(3) })
	require.Empty(t, compare(plan, all))
	require.Error(t, vlan.VerifyState(plan, all), "it is not as planned all the same")
	plan, all = pair("", "eth0")
	spoil(all, "s0", "u", func(p *vlan.PortState) { p.Tagged = p.Tagged.With(3) })
	spoil(all, "s0", "0", func(p *vlan.PortState) { p.Tagged = p.Tagged.With(3) })
	require.Contains(t, compare(plan, all), "{s0 0}>server eth0.3 in 3")
	require.Contains(t, compare(plan, all), "{s0 0}>{s1 0} in 3", "the two switches share a wire")
}

func FuzzProof(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { proofIsRight(t, seed) })
}
